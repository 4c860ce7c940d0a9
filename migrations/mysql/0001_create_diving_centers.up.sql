-- Centers. `location` is written together with the coordinates; rows without
-- usable coordinates hold the sentinel POINT(0 0). Times are UTC.
CREATE TABLE diving_centers (
    id          BIGINT        NOT NULL AUTO_INCREMENT,
    name        VARCHAR(255)  NOT NULL,
    description TEXT          NULL,
    address     TEXT          NULL,
    email       VARCHAR(100)  NULL,
    phone       VARCHAR(50)   NULL,
    website     VARCHAR(255)  NULL,
    latitude    DECIMAL(10,8) NULL,
    longitude   DECIMAL(11,8) NULL,
    country     VARCHAR(100)  NULL,
    region      VARCHAR(100)  NULL,
    city        VARCHAR(100)  NULL,
    logo_url    VARCHAR(500)  NULL,
    view_count  INT           NOT NULL DEFAULT 0,
    created_at  DATETIME      NOT NULL DEFAULT (UTC_TIMESTAMP()),
    updated_at  DATETIME      NOT NULL DEFAULT (UTC_TIMESTAMP()),
    location    POINT         NOT NULL SRID 4326,
    PRIMARY KEY (id),
    SPATIAL INDEX idx_diving_centers_location (location),
    INDEX idx_diving_centers_country (country),
    INDEX idx_diving_centers_region (region),
    INDEX idx_diving_centers_city (city)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
