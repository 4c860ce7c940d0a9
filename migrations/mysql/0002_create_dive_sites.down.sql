DROP TABLE dive_sites;
