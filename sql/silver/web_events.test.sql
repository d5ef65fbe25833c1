-- What silver.web_events makes of wrong clocks, copies and robots.
TEST 'a clock that is a day behind is put right, and copies count once';
GIVEN bronze.web_events (event_id, event, event_at, sent_at, received_at, browser_day, visitor_id) VALUES
    ('e1', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:05Z', '2026-10-02T10:00:05Z', '2026-10-02', 'v1'),
    ('e1', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T11:00:00Z', '2026-10-02T11:00:00Z', '2026-10-02', 'v1');
EXPECT silver.web_events (event_id, occurred_at, event_day, channel) VALUES ('e1', '2026-10-02 10:00:00', '2026-10-02', 'direct');

TEST 'robots are left out, events of nobody are kept apart, networks say where';
GIVEN bronze.web_events (event_id, event, event_at, sent_at, received_at, browser_day, visitor_id, user_agent, ip) VALUES
    ('e1', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01', 'v1', 'Googlebot/2.1', '81.0.1.7'),
    ('e2', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01', 'v2', 'Firefox', '81.0.1.8'),
    ('e3', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01', NULL, 'Firefox', '81.0.1.9');
GIVEN silver.locations (location_id, kind, code, country, city) VALUES ('n', 'network', '81.0.1', 'DE', 'Berlin');
EXPECT silver.web_events (event_id, country, city) VALUES ('e2', 'DE', 'Berlin');
EXPECT quarantine.silver__web_events (event_id) VALUES ('e3');

TEST 'a copy that took longer counts as a copy, also when midnight lies between, and whoever sent it';
GIVEN bronze.web_events (event_id, event, event_at, sent_at, received_at, browser_day, visitor_id) VALUES
    ('e1', 'page_view', '2026-10-01T23:59:59Z', '2026-10-01T23:59:59Z', '2026-10-01T23:59:59.500Z', '2026-10-01', 'v1'),
    ('e1', 'page_view', '2026-10-01T23:59:59Z', '2026-10-02T00:10:00Z', '2026-10-02T00:10:03Z', '2026-10-01', 'v1'),
    ('e2', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01', 'v2'),
    ('e2', 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T11:00:00Z', '2026-10-01T11:00:00Z', '2026-10-01', 'v3');
EXPECT silver.web_events (event_id, occurred_at, event_day, visitor_id) VALUES
    ('e1', '2026-10-01 23:59:59.500', '2026-10-01', 'v1'),
    ('e2', '2026-10-01 10:00:00', '2026-10-01', 'v2');
EXPECT quarantine.silver__web_events EMPTY;

TEST 'events without a number are all kept apart, and those of a clock that was put right before they were sent';
GIVEN bronze.web_events (event_id, event, event_at, sent_at, received_at, browser_day, visitor_id) VALUES
    (NULL, 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01', 'v1'),
    (NULL, 'page_view', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01', 'v1'),
    ('e1', 'page_view', '1971-01-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '1971-01-01', 'v1');
EXPECT silver.web_events EMPTY;
EXPECT quarantine.silver__web_events (event_id, _constraints) VALUES
    (NULL, '["event_has_id"]'), (NULL, '["event_has_id"]'), ('e1', '["event_is_no_older_than_a_month"]');
