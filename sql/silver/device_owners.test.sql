-- Who owns a browser or device.
TEST 'a browser belongs to whom it last signed in, whatever order events come in';
GIVEN silver.web_events (event_id, visitor_id, user_id, occurred_at) VALUES
    ('e1', 'v1', 'C2', '2026-10-02 10:00:00'),
    ('e2', 'v1', 'C1', '2026-10-01 10:00:00'),
    ('e3', 'v1', NULL, '2026-10-03 10:00:00');
EXPECT silver.device_owners (source, source_id, user_id, signed_in_at) VALUES
    ('web', 'v1', 'C2', '2026-10-02 10:00:00');

TEST 'a device is no browser, and parts of a second count';
GIVEN silver.web_events (event_id, visitor_id, user_id, occurred_at) VALUES ('e1', 'x', 'C1', '2026-10-02 10:00:00');
GIVEN silver.app_events (event_id, device_id, user_id, occurred_at) VALUES
    ('a1', 'x', 'C2', '2026-10-02 10:00:00.5'),
    ('a2', 'x', 'C3', '2026-10-02 10:00:00.25');
EXPECT silver.device_owners (source, source_id, user_id) VALUES ('web', 'x', 'C1'), ('app', 'x', 'C2');
