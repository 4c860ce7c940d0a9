DROP TABLE nearby_audit;
