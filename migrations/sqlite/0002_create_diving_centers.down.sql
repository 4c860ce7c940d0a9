DELETE FROM gpkg_geometry_columns WHERE table_name = 'diving_centers';
DELETE FROM gpkg_contents WHERE table_name = 'diving_centers';
DROP TABLE diving_centers;
