DELETE FROM gpkg_geometry_columns WHERE table_name = 'dive_sites';
DELETE FROM gpkg_contents WHERE table_name = 'dive_sites';
DROP TABLE dive_sites;
