-- The audit log: who changed what, when, and what it was before and after, each entry written in the
-- transaction of its change. Times are milliseconds since 1970, UTC; rows are JSON as they are answered.
CREATE TABLE nearby_audit (
    id         BIGINT       NOT NULL AUTO_INCREMENT,
    at_ms      BIGINT       NOT NULL,
    who        VARCHAR(100) NOT NULL,
    action     VARCHAR(20)  NOT NULL,
    collection VARCHAR(100) NOT NULL,
    row_id     VARCHAR(100) NULL,
    request_id VARCHAR(128) NULL,
    row_before LONGTEXT     NULL,
    row_after  LONGTEXT     NULL,
    counts     TEXT         NULL,
    PRIMARY KEY (id),
    INDEX idx_nearby_audit_at (at_ms),
    INDEX idx_nearby_audit_row (collection, row_id, at_ms)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs;
