-- Where silver.web_sessions cuts.
TEST 'thirty minutes are no break, a second more is one';
GIVEN silver.web_events (event_id, event, visitor_id, occurred_at, channel) VALUES
    ('e1', 'page_view', 'v1', '2026-10-01 10:00:00', 'email'),
    ('e2', 'product_view', 'v1', '2026-10-01 10:30:00', NULL),
    ('e3', 'session_end', 'v1', '2026-10-01 11:00:01', NULL);
EXPECT silver.web_sessions (visitor_id, started_at, duration_s, events, closed, channel) VALUES
    ('v1', '2026-10-01 10:00:00', 1800, 2, FALSE, 'email'),
    ('v1', '2026-10-01 11:00:01', 0, 1, TRUE, 'direct');
