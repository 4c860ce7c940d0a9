DROP TABLE center_ratings;
