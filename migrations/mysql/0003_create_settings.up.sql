-- Settings: JSON by key, read by every instance. Text and not JSON, so that a
-- value comes back as it was written.
CREATE TABLE settings (
    `key`       VARCHAR(100) NOT NULL,
    value       TEXT         NOT NULL,
    description TEXT         NULL,
    created_at  DATETIME     NOT NULL DEFAULT (UTC_TIMESTAMP()),
    updated_at  DATETIME     NOT NULL DEFAULT (UTC_TIMESTAMP()),
    PRIMARY KEY (`key`),
    CONSTRAINT settings_value_is_json CHECK (JSON_VALID(value))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs;
