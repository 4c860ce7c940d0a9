-- Organizations that train divers, and which centers work by them. NOCASE knows
-- the case of ASCII only; nearby looks for the other letters before it writes.
-- The last index allows one primary organization a center.
CREATE TABLE diving_organizations (
    id           INTEGER   NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT(255) NOT NULL COLLATE NOCASE UNIQUE,
    acronym      TEXT(20)  NOT NULL COLLATE NOCASE UNIQUE,
    website      TEXT(255),
    logo_url     TEXT(500),
    description  TEXT,
    country      TEXT(100),
    founded_year INTEGER,
    created_at   DATETIME  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    updated_at   DATETIME  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);

CREATE TABLE diving_center_organizations (
    id                     INTEGER  NOT NULL PRIMARY KEY AUTOINCREMENT,
    diving_center_id       INTEGER  NOT NULL REFERENCES diving_centers (id) ON DELETE CASCADE,
    diving_organization_id INTEGER  NOT NULL REFERENCES diving_organizations (id) ON DELETE CASCADE,
    is_primary             BOOLEAN  NOT NULL DEFAULT 0,
    created_at             DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    UNIQUE (diving_center_id, diving_organization_id)
);
CREATE INDEX idx_diving_center_organizations_organization
    ON diving_center_organizations (diving_organization_id, diving_center_id);
CREATE UNIQUE INDEX uq_diving_center_organizations_primary
    ON diving_center_organizations (diving_center_id) WHERE is_primary;
