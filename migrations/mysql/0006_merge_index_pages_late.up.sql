-- Pages of the spatial indexes are merged once a tenth is left in them, and not half:
-- points that move leave room for others, and pages are not split and merged by turns.
-- Says so in the dictionary and touches no page.
ALTER TABLE diving_centers
    DROP INDEX idx_diving_centers_location,
    ADD SPATIAL INDEX idx_diving_centers_location (location) COMMENT 'MERGE_THRESHOLD=10',
    ALGORITHM=INPLACE, LOCK=NONE;
ALTER TABLE dive_sites
    DROP INDEX idx_dive_sites_location,
    ADD SPATIAL INDEX idx_dive_sites_location (location) COMMENT 'MERGE_THRESHOLD=10',
    ALGORITHM=INPLACE, LOCK=NONE;
