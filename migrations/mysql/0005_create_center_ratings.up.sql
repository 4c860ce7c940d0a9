-- Marks that divers give to centers. Another application writes them; nearby
-- reads how many there are and their mean. A diver rates a center once.
-- No foreign key to the centers: their table may be another application's.
CREATE TABLE center_ratings (
    id               BIGINT   NOT NULL AUTO_INCREMENT,
    diving_center_id BIGINT   NOT NULL,
    user_id          BIGINT   NOT NULL,
    score            INT      NOT NULL,
    created_at       DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()),
    PRIMARY KEY (id),
    UNIQUE INDEX uq_center_ratings_pair (diving_center_id, user_id),
    CONSTRAINT center_ratings_score_is_a_mark CHECK (score BETWEEN 1 AND 10)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci;
