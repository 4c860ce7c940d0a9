-- Columns of the tables that nearby makes which are shown and filtered beside those that every
-- such table has: what `nearby attributes add` was told of them.
CREATE TABLE nearby_attributes (
    place      BIGINT      NOT NULL AUTO_INCREMENT,
    collection VARCHAR(64) NOT NULL,
    name       VARCHAR(64) NOT NULL,
    kind       VARCHAR(10) NOT NULL,
    PRIMARY KEY (place),
    UNIQUE INDEX uq_nearby_attributes_name (collection, name)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs;
