-- Answers to requests that came with an Idempotency-Key, kept for a day: each is written
-- in the transaction of what it tells of. A key is known by a digest of it and of its
-- sender's credential, a request by a digest of what it asks for. Times are UTC.
CREATE TABLE nearby_idempotency_keys (
    key_digest     BLOB     NOT NULL PRIMARY KEY,
    request_digest BLOB     NOT NULL,
    made_at        DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    status         INTEGER,
    location       TEXT(255),
    body           BLOB
);
CREATE INDEX idx_nearby_idempotency_keys_made_at ON nearby_idempotency_keys (made_at);
