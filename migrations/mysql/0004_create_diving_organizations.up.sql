-- Organizations that train divers, and which centers work by them. Names differ
-- by more than case. The functional index allows one primary organization a center.
-- No foreign key to the centers: their table may be another application's.
CREATE TABLE diving_organizations (
    id           BIGINT       NOT NULL AUTO_INCREMENT,
    name         VARCHAR(255) COLLATE utf8mb4_0900_as_ci NOT NULL,
    acronym      VARCHAR(20)  COLLATE utf8mb4_0900_as_ci NOT NULL,
    website      VARCHAR(255) NULL,
    logo_url     VARCHAR(500) NULL,
    description  TEXT         NULL,
    country      VARCHAR(100) NULL,
    founded_year INT          NULL,
    created_at   DATETIME     NOT NULL DEFAULT (UTC_TIMESTAMP()),
    updated_at   DATETIME     NOT NULL DEFAULT (UTC_TIMESTAMP()),
    PRIMARY KEY (id),
    UNIQUE INDEX uq_diving_organizations_name (name),
    UNIQUE INDEX uq_diving_organizations_acronym (acronym)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;

CREATE TABLE diving_center_organizations (
    id                     BIGINT   NOT NULL AUTO_INCREMENT,
    diving_center_id       BIGINT   NOT NULL,
    diving_organization_id BIGINT   NOT NULL,
    is_primary             BOOLEAN  NOT NULL DEFAULT FALSE,
    created_at             DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()),
    PRIMARY KEY (id),
    UNIQUE INDEX uq_diving_center_organizations_pair (diving_center_id, diving_organization_id),
    UNIQUE INDEX uq_diving_center_organizations_primary ((IF(is_primary, diving_center_id, NULL))),
    INDEX idx_diving_center_organizations_organization (diving_organization_id, diving_center_id),
    CONSTRAINT fk_diving_center_organizations_organization
        FOREIGN KEY (diving_organization_id) REFERENCES diving_organizations (id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
