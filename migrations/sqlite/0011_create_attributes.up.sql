-- Columns of the tables that nearby makes which are shown and filtered beside those that every
-- such table has: what `nearby attributes add` was told of them.
CREATE TABLE nearby_attributes (
    place      INTEGER  NOT NULL PRIMARY KEY,
    collection TEXT(64) NOT NULL,
    name       TEXT(64) NOT NULL,
    kind       TEXT(10) NOT NULL,
    UNIQUE (collection, name)
);
