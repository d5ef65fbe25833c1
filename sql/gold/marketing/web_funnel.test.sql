-- How gold_marketing.web_funnel counts.
TEST 'a step counts for those before it';
GIVEN silver.web_sessions (session_id, session_day, channel, country, product_views, cart_additions, checkouts, purchases) VALUES
    ('a', '2026-10-01', 'email', 'DE', 0, 0, 0, 0),
    ('b', '2026-10-01', 'email', 'DE', 0, 0, 0, 1),
    ('c', '2026-10-01', 'email', NULL, 3, 0, 0, 0);
EXPECT gold_marketing.web_funnel (day, channel, country, visits, product_visits, cart_visits, checkout_visits, purchase_visits, conversion) VALUES
    ('2026-10-01', 'email', 'DE', 2, 1, 1, 1, 1, 0.5),
    ('2026-10-01', 'email', 'unknown', 1, 1, 0, 0, 0, 0);
