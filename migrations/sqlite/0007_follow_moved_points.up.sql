-- Points that other programs drew or moved (QGIS, GDAL), until nearby takes their
-- coordinates from the location. SQLite cannot take a point apart, so the triggers
-- only note the row; whoever writes location and coordinates in one statement is
-- left alone. A row whose coordinates were changed is noted as well: it lost its
-- location and gets a new one. No unique index: an outer OR FAIL would fail on it.
CREATE TABLE moved_points (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    table_name TEXT    NOT NULL,
    row_id     INTEGER NOT NULL
);
CREATE INDEX idx_moved_points_row ON moved_points (table_name, row_id);

-- The second statement of each is new; the extent was the globe.
DROP TRIGGER diving_centers_stale_location;
CREATE TRIGGER diving_centers_stale_location
AFTER UPDATE OF latitude, longitude ON diving_centers
WHEN NEW.location IS OLD.location
    AND NEW.location IS NOT NULL
    AND (NEW.latitude IS NOT OLD.latitude OR NEW.longitude IS NOT OLD.longitude)
    AND NOT (NEW.latitude IS OLD.latitude AND abs(NEW.longitude) = 180 AND abs(OLD.longitude) = 180)
BEGIN
    UPDATE diving_centers SET location = NULL WHERE id = NEW.id;
    INSERT INTO moved_points (table_name, row_id) SELECT 'diving_centers', NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM moved_points WHERE table_name = 'diving_centers' AND row_id = NEW.id);
END;
CREATE TRIGGER diving_centers_moved_location
AFTER UPDATE OF location ON diving_centers
WHEN NEW.location IS NOT OLD.location
    AND NEW.location IS NOT NULL
    AND NEW.latitude IS OLD.latitude
    AND NEW.longitude IS OLD.longitude
BEGIN
    INSERT INTO moved_points (table_name, row_id) SELECT 'diving_centers', NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM moved_points WHERE table_name = 'diving_centers' AND row_id = NEW.id);
END;
CREATE TRIGGER diving_centers_drawn_location
AFTER INSERT ON diving_centers
WHEN NEW.location IS NOT NULL AND (NEW.latitude IS NULL OR NEW.longitude IS NULL)
BEGIN
    INSERT INTO moved_points (table_name, row_id) SELECT 'diving_centers', NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM moved_points WHERE table_name = 'diving_centers' AND row_id = NEW.id);
END;
INSERT INTO moved_points (table_name, row_id)
SELECT 'diving_centers', id FROM diving_centers
WHERE location IS NOT NULL AND (latitude IS NULL OR longitude IS NULL);
UPDATE gpkg_contents SET (min_x, min_y, max_x, max_y) = (
    SELECT min(IIF(longitude = -180, 180, longitude)), min(latitude),
           max(IIF(longitude = -180, 180, longitude)), max(latitude)
    FROM diving_centers WHERE latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180
) WHERE table_name = 'diving_centers';

DROP TRIGGER dive_sites_stale_location;
CREATE TRIGGER dive_sites_stale_location
AFTER UPDATE OF latitude, longitude ON dive_sites
WHEN NEW.location IS OLD.location
    AND NEW.location IS NOT NULL
    AND (NEW.latitude IS NOT OLD.latitude OR NEW.longitude IS NOT OLD.longitude)
    AND NOT (NEW.latitude IS OLD.latitude AND abs(NEW.longitude) = 180 AND abs(OLD.longitude) = 180)
BEGIN
    UPDATE dive_sites SET location = NULL WHERE id = NEW.id;
    INSERT INTO moved_points (table_name, row_id) SELECT 'dive_sites', NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM moved_points WHERE table_name = 'dive_sites' AND row_id = NEW.id);
END;
CREATE TRIGGER dive_sites_moved_location
AFTER UPDATE OF location ON dive_sites
WHEN NEW.location IS NOT OLD.location
    AND NEW.location IS NOT NULL
    AND NEW.latitude IS OLD.latitude
    AND NEW.longitude IS OLD.longitude
BEGIN
    INSERT INTO moved_points (table_name, row_id) SELECT 'dive_sites', NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM moved_points WHERE table_name = 'dive_sites' AND row_id = NEW.id);
END;
CREATE TRIGGER dive_sites_drawn_location
AFTER INSERT ON dive_sites
WHEN NEW.location IS NOT NULL AND (NEW.latitude IS NULL OR NEW.longitude IS NULL)
BEGIN
    INSERT INTO moved_points (table_name, row_id) SELECT 'dive_sites', NEW.id
    WHERE NOT EXISTS (SELECT 1 FROM moved_points WHERE table_name = 'dive_sites' AND row_id = NEW.id);
END;
INSERT INTO moved_points (table_name, row_id)
SELECT 'dive_sites', id FROM dive_sites
WHERE location IS NOT NULL AND (latitude IS NULL OR longitude IS NULL);
UPDATE gpkg_contents SET (min_x, min_y, max_x, max_y) = (
    SELECT min(IIF(longitude = -180, 180, longitude)), min(latitude),
           max(IIF(longitude = -180, 180, longitude)), max(latitude)
    FROM dive_sites WHERE latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180
) WHERE table_name = 'dive_sites';
