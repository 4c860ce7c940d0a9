DROP TABLE diving_centers;
