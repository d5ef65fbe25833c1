-- How gold_marketing.audience_by_region counts.
TEST 'two browsers of one customer are two visitors';
GIVEN silver.web_sessions (session_id, visitor_id, session_month, country, region, purchases) VALUES
    ('a', 'v1', '2026-10-01', 'DE', 'Berlin', 1), ('b', 'v2', '2026-10-01', 'DE', 'Berlin', 0), ('c', 'v3', '2026-10-01', NULL, NULL, 0);
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('web', 'v1', 'C1'), ('web', 'v2', 'C1');
EXPECT gold_marketing.audience_by_region (month, country, region, visits, visitors, customers, purchase_visits) VALUES
    ('2026-10-01', 'DE', 'Berlin', 2, 2, 1, 1), ('2026-10-01', 'unknown', 'unknown', 1, 1, 0, 0);
