-- Answers to requests that came with an Idempotency-Key, kept for a day: each is written
-- in the transaction of what it tells of. A key is known by a digest of it and of its
-- sender's credential, a request by a digest of what it asks for. Times are UTC.
CREATE TABLE nearby_idempotency_keys (
    key_digest     BINARY(32)   NOT NULL,
    request_digest BINARY(32)   NOT NULL,
    made_at        DATETIME     NOT NULL DEFAULT (UTC_TIMESTAMP()),
    status         SMALLINT     NULL,
    location       VARCHAR(255) NULL,
    body           MEDIUMBLOB   NULL,
    PRIMARY KEY (key_digest),
    INDEX idx_nearby_idempotency_keys_made_at (made_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
