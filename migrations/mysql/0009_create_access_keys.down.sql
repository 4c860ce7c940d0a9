DROP TABLE nearby_access_keys;
