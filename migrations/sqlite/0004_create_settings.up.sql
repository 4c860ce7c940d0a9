-- Settings: JSON by key, read by every instance.
CREATE TABLE settings (
    key         TEXT(100) NOT NULL PRIMARY KEY,
    value       TEXT      NOT NULL CHECK (json_valid(value)),
    description TEXT,
    created_at  DATETIME  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    updated_at  DATETIME  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
