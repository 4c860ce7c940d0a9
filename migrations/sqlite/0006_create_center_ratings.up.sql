-- Marks that divers give to centers. Another application writes them; nearby
-- reads how many there are and their mean. A diver rates a center once.
CREATE TABLE center_ratings (
    id               INTEGER  NOT NULL PRIMARY KEY AUTOINCREMENT,
    diving_center_id INTEGER  NOT NULL REFERENCES diving_centers (id) ON DELETE CASCADE,
    user_id          INTEGER  NOT NULL,
    score            INTEGER  NOT NULL CHECK (score BETWEEN 1 AND 10),
    created_at       DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    UNIQUE (diving_center_id, user_id)
);
