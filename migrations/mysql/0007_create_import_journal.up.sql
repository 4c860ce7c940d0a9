-- Imports of rows without ids that are under way or were stopped: how many records of
-- the file are written. Each batch notes it in its own transaction.
CREATE TABLE import_journal (
    import_key CHAR(43)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    table_name VARCHAR(64) NOT NULL,
    file       TEXT        CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    records    BIGINT      NOT NULL,
    line       BIGINT      NOT NULL,
    updated_at DATETIME(3) NOT NULL
) ENGINE = InnoDB;

-- Which of those records the table did not take, for the report of the import.
CREATE TABLE import_refusals (
    import_key CHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    record     BIGINT   NOT NULL,
    reason     TEXT     CHARACTER SET utf8mb4 NOT NULL,
    PRIMARY KEY (import_key, record),
    CONSTRAINT fk_import_refusals_journal FOREIGN KEY (import_key)
        REFERENCES import_journal (import_key) ON DELETE CASCADE
) ENGINE = InnoDB;
