DROP TRIGGER dive_sites_drawn_location;
DROP TRIGGER dive_sites_moved_location;
DROP TRIGGER dive_sites_stale_location;
CREATE TRIGGER dive_sites_stale_location
AFTER UPDATE OF latitude, longitude ON dive_sites
WHEN NEW.location IS OLD.location
    AND NEW.location IS NOT NULL
    AND (NEW.latitude IS NOT OLD.latitude OR NEW.longitude IS NOT OLD.longitude)
    AND NOT (NEW.latitude IS OLD.latitude AND abs(NEW.longitude) = 180 AND abs(OLD.longitude) = 180)
BEGIN
    UPDATE dive_sites SET location = NULL WHERE id = NEW.id;
END;
DROP TRIGGER diving_centers_drawn_location;
DROP TRIGGER diving_centers_moved_location;
DROP TRIGGER diving_centers_stale_location;
CREATE TRIGGER diving_centers_stale_location
AFTER UPDATE OF latitude, longitude ON diving_centers
WHEN NEW.location IS OLD.location
    AND NEW.location IS NOT NULL
    AND (NEW.latitude IS NOT OLD.latitude OR NEW.longitude IS NOT OLD.longitude)
    AND NOT (NEW.latitude IS OLD.latitude AND abs(NEW.longitude) = 180 AND abs(OLD.longitude) = 180)
BEGIN
    UPDATE diving_centers SET location = NULL WHERE id = NEW.id;
END;
DROP TABLE moved_points;
