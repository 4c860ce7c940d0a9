-- The audit log: who changed what, when, and what it was before and after, each entry written in the
-- transaction of its change. Times are milliseconds since 1970, UTC; rows are JSON as they are answered.
CREATE TABLE nearby_audit (
    id         INTEGER   NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ms      INTEGER   NOT NULL,
    who        TEXT(100) NOT NULL,
    action     TEXT(20)  NOT NULL,
    collection TEXT(100) NOT NULL,
    row_id     TEXT(100),
    request_id TEXT(128),
    row_before TEXT,
    row_after  TEXT,
    counts     TEXT
);
CREATE INDEX idx_nearby_audit_at ON nearby_audit (at_ms);
CREATE INDEX idx_nearby_audit_row ON nearby_audit (collection, row_id, at_ms);
