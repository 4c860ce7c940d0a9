-- Dive sites, as a GeoPackage feature table: those that are approved and not
-- deleted are shown. `location` and times as in diving_centers.
CREATE TABLE dive_sites (
    id          INTEGER  NOT NULL PRIMARY KEY AUTOINCREMENT,
    name        TEXT(255) NOT NULL,
    description TEXT,
    latitude    DOUBLE,
    longitude   DOUBLE,
    country     TEXT(100),
    region      TEXT(100),
    view_count  INTEGER  NOT NULL DEFAULT 0,
    status      TEXT(20) NOT NULL DEFAULT 'approved'
                CHECK (status IN ('pending', 'approved', 'rejected')),
    deleted_at  DATETIME,
    created_at  DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    updated_at  DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    location    POINT
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id)
VALUES ('dive_sites', 'features', 'dive_sites', 'Dive sites served by nearby', -180, -90, 180, 90, 4326);

INSERT INTO gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m)
VALUES ('dive_sites', 'location', 'POINT', 4326, 0, 0);

-- As of diving_centers: better no location than a wrong one.
CREATE TRIGGER dive_sites_stale_location
AFTER UPDATE OF latitude, longitude ON dive_sites
WHEN NEW.location IS OLD.location
    AND NEW.location IS NOT NULL
    AND (NEW.latitude IS NOT OLD.latitude OR NEW.longitude IS NOT OLD.longitude)
    AND NOT (NEW.latitude IS OLD.latitude AND abs(NEW.longitude) = 180 AND abs(OLD.longitude) = 180)
BEGIN
    UPDATE dive_sites SET location = NULL WHERE id = NEW.id;
END;
