-- Centers, as a GeoPackage feature table. `location` is a GeoPackage point
-- written together with the coordinates, NULL without them. Times are UTC, with
-- milliseconds: the form that the standard demands (clause 1.1.1.1.3, table 1).
-- No index on country, region and city: searches filter in memory, and three
-- indexes in random order made an import of a million rows several times slower.
CREATE TABLE diving_centers (
    id          INTEGER  NOT NULL PRIMARY KEY AUTOINCREMENT,
    name        TEXT(255) NOT NULL,
    description TEXT,
    address     TEXT,
    email       TEXT(100),
    phone       TEXT(50),
    website     TEXT(255),
    latitude    DOUBLE,
    longitude   DOUBLE,
    country     TEXT(100),
    region      TEXT(100),
    city        TEXT(100),
    logo_url    TEXT(500),
    view_count  INTEGER  NOT NULL DEFAULT 0,
    created_at  DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    updated_at  DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    location    POINT
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id)
VALUES ('diving_centers', 'features', 'diving_centers', 'Centers served by nearby', -180, -90, 180, 90, 4326);

INSERT INTO gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m)
VALUES ('diving_centers', 'location', 'POINT', 4326, 0, 0);

-- Others may change coordinates and forget the location, and SQLite cannot make
-- a point: better none than a wrong one. Whoever writes both in one statement is
-- left alone; the two names of the antimeridian are one place.
CREATE TRIGGER diving_centers_stale_location
AFTER UPDATE OF latitude, longitude ON diving_centers
WHEN NEW.location IS OLD.location
    AND NEW.location IS NOT NULL
    AND (NEW.latitude IS NOT OLD.latitude OR NEW.longitude IS NOT OLD.longitude)
    AND NOT (NEW.latitude IS OLD.latitude AND abs(NEW.longitude) = 180 AND abs(OLD.longitude) = 180)
BEGIN
    UPDATE diving_centers SET location = NULL WHERE id = NEW.id;
END;
