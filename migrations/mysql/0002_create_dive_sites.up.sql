-- Dive sites: those that are approved and not deleted are shown. `location` as in
-- diving_centers. Times are UTC.
CREATE TABLE dive_sites (
    id          BIGINT        NOT NULL AUTO_INCREMENT,
    name        VARCHAR(255)  NOT NULL,
    description TEXT          NULL,
    latitude    DECIMAL(10,8) NULL,
    longitude   DECIMAL(11,8) NULL,
    country     VARCHAR(100)  NULL,
    region      VARCHAR(100)  NULL,
    view_count  INT           NOT NULL DEFAULT 0,
    status      ENUM('pending', 'approved', 'rejected') NOT NULL DEFAULT 'approved',
    deleted_at  DATETIME      NULL,
    created_at  DATETIME      NOT NULL DEFAULT (UTC_TIMESTAMP()),
    updated_at  DATETIME      NOT NULL DEFAULT (UTC_TIMESTAMP()),
    location    POINT         NOT NULL SRID 4326,
    PRIMARY KEY (id),
    SPATIAL INDEX idx_dive_sites_location (location),
    INDEX idx_dive_sites_country (country),
    INDEX idx_dive_sites_region (region)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
