-- What silver.app_events makes of a device with a wrong clock.
TEST 'the device''s clock is put right, and copies count once';
GIVEN bronze.app_events (event_id, name, client_ms, sent_ms, server_ms, device_id, sku) VALUES
    ('e1', 'view_item', 1000, 2000, 3602000, 'd1', '1038'),
    ('e1', 'view_item', 1000, 9000, 3609000, 'd1', '1038');
EXPECT silver.app_events (event_id, occurred_at, sku) VALUES ('e1', '1970-01-01 01:00:01', '00001038');
