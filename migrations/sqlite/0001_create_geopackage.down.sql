DROP TABLE gpkg_geometry_columns;
DROP TABLE gpkg_contents;
DROP TABLE gpkg_spatial_ref_sys;
PRAGMA user_version = 0;
PRAGMA application_id = 0;
