-- Keys that clients show to be let in: of each the SHA-256 and what it allows, never the key.
-- Lists stand between blanks, times are seconds since 1970, UTC.
CREATE TABLE nearby_access_keys (
    digest          BINARY(32)   NOT NULL,
    name            VARCHAR(100) NOT NULL,
    scope           VARCHAR(10)  NOT NULL,
    origins         TEXT         NULL,
    collections     TEXT         NULL,
    rate_per_minute BIGINT       NULL,
    created_s       BIGINT       NOT NULL,
    expires_s       BIGINT       NULL,
    last_used_s     BIGINT       NULL,
    PRIMARY KEY (digest),
    UNIQUE INDEX uq_nearby_access_keys_name (name)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs;
