-- Whom gold_marketing.channel_attribution credits.
TEST 'the last visit that was not direct, of thirty days, in any browser of the customer';
GIVEN silver.orders (order_id, customer_id, ordered_at, order_day, order_month, channel, status) VALUES
    ('W1', 'C1', '2026-10-31 10:00:00', '2026-10-31', '2026-10-01', 'web', 'paid'),
    ('W2', 'C2', '2026-10-31 10:00:00', '2026-10-31', '2026-10-01', 'app', 'paid'),
    ('W3', 'C1', '2026-10-31 11:00:00', '2026-10-31', '2026-10-01', 'web', 'cancelled');
GIVEN silver.order_lines (order_id, line, channel, status, gross_eur, discount_eur) VALUES
    ('W1', 1, 'web', 'paid', 100, 10), ('W1', 2, 'web', 'paid', 5, 0), ('W2', 1, 'app', 'paid', 20, 0), ('W3', 1, 'web', 'cancelled', 9, 0);
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES
    ('crm', 'C1', 'C1'), ('crm', 'C2', 'C2'), ('web', 'v1', 'C1'), ('web', 'v2', 'C1'), ('web', 'v3', 'C2');
GIVEN silver.web_sessions (session_id, visitor_id, started_at, channel, campaign) VALUES
    ('s1', 'v1', '2026-10-30 10:00:00', 'email', 'newsletter-weekly'),
    ('s2', 'v2', '2026-10-20 10:00:00', 'paid_search', 'brand-eu'),
    ('s3', 'v1', '2026-10-31 09:59:00', 'direct', NULL),
    ('s4', 'v3', '2026-10-01 09:59:59', 'email', 'newsletter-weekly');
EXPECT gold_marketing.channel_attribution (order_id, customer_id, channel, campaign, touched_at, revenue_eur) VALUES
    ('W1', 'C1', 'email', 'newsletter-weekly', '2026-10-30 10:00:00', 95.00),
    ('W2', 'C2', 'direct', 'none', NULL, 20.00);
