-- Pages of the spatial indexes are merged once half is left in them, as MySQL does.
ALTER TABLE diving_centers
    DROP INDEX idx_diving_centers_location,
    ADD SPATIAL INDEX idx_diving_centers_location (location),
    ALGORITHM=INPLACE, LOCK=NONE;
ALTER TABLE dive_sites
    DROP INDEX idx_dive_sites_location,
    ADD SPATIAL INDEX idx_dive_sites_location (location),
    ALGORITHM=INPLACE, LOCK=NONE;
