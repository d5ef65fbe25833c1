-- What gold_finance.daily_revenue makes of lines and refunds.
TEST 'orders count on their day, refunds on theirs, unpaid ones nowhere';
GIVEN silver.order_lines (order_id, line, order_day, channel, country, status, gross_eur, discount_eur, tax_eur) VALUES
    ('A', 1, '2026-10-01', 'web', 'DE', 'paid', 100, 10, 14.37),
    ('A', 2, '2026-10-01', 'web', 'DE', 'paid', 50, 0, 7.98),
    ('B', 1, '2026-10-01', 'web', 'DE', 'refunded', 20, 0, 3.19),
    ('C', 1, '2026-10-01', 'web', 'DE', 'cancelled', 900, 0, 100),
    ('D', 1, '2026-10-01', 'web', 'DE', 'placed', 900, 0, 100);
GIVEN silver.orders (order_id, channel, country, status, refunded_at, refund_eur) VALUES
    ('B', 'web', 'DE', 'refunded', '2026-10-03 08:00', 20),
    ('A', 'web', 'DE', 'paid', NULL, NULL);
EXPECT gold_finance.daily_revenue (day, channel, country, orders, gross_eur, discounts_eur, refunds_eur, net_eur, tax_eur) VALUES
    ('2026-10-01', 'web', 'DE', 2, 170, 10, 0, 160, 25.54),
    ('2026-10-03', 'web', 'DE', 0, 0, 0, 20, -20, 0);
