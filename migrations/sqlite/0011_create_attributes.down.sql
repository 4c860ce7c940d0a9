DROP TABLE nearby_attributes;
