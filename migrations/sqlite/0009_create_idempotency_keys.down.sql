DROP TABLE nearby_idempotency_keys;
