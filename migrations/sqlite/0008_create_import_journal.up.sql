-- Imports of rows without ids that are under way or were stopped: how many records of
-- the file are written. Each batch notes it in its own transaction.
CREATE TABLE import_journal (
    import_key TEXT(43) NOT NULL PRIMARY KEY,
    table_name TEXT(64) NOT NULL,
    file       TEXT     NOT NULL,
    records    INTEGER  NOT NULL,
    line       INTEGER  NOT NULL,
    updated_at DATETIME NOT NULL
);

-- Which of those records the table did not take, for the report of the import.
CREATE TABLE import_refusals (
    import_key TEXT(43) NOT NULL REFERENCES import_journal (import_key) ON DELETE CASCADE,
    record     INTEGER  NOT NULL,
    reason     TEXT     NOT NULL,
    PRIMARY KEY (import_key, record)
);
