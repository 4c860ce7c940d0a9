DROP TABLE diving_center_organizations;
DROP TABLE diving_organizations;
