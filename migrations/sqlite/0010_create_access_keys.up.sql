-- Keys that clients show to be let in: of each the SHA-256 and what it allows, never the key.
-- Lists stand between blanks, times are seconds since 1970, UTC.
CREATE TABLE nearby_access_keys (
    digest          BLOB      NOT NULL PRIMARY KEY,
    name            TEXT(100) NOT NULL UNIQUE,
    scope           TEXT(10)  NOT NULL,
    origins         TEXT,
    collections     TEXT,
    rate_per_minute INTEGER,
    created_s       INTEGER   NOT NULL,
    expires_s       INTEGER,
    last_used_s     INTEGER
);
