-- What silver.refunds makes of orders, their events and settlements.
TEST 'a refund has the newest event''s reason and its settlement';
GIVEN silver.orders (order_id, channel, country, currency, order_day, refunded_at, refund_amount, refund_eur) VALUES
    ('W1', 'web', 'US', 'USD', '2026-10-01', '2026-10-05 10:00', 12.50, 10),
    ('W2', 'app', 'DE', 'EUR', '2026-10-02', '2026-10-31 10:00', 7, 7),
    ('W3', 'app', 'DE', 'EUR', '2026-10-02', NULL, NULL, NULL);
GIVEN bronze.online_orders (event_id, event, order_id, sequence, event_at, reason) VALUES
    ('a', 'refunded', 'W1', 41, '2026-10-05T10:00:00Z', 'damaged'),
    ('b', 'refunded', 'W1', 40, '2026-10-05T10:00:00Z', 'late'),
    ('c', 'placed', 'W2', 10, '2026-10-02T10:00:00Z', NULL);
GIVEN silver.payments (payment_id, kind, order_id, settled_on, amount) VALUES
    ('T1', 'refund', 'W1', '2026-10-07', -12.50),
    ('T0', 'capture', 'W1', '2026-10-02', 50);
EXPECT silver.refunds (order_id, refund_day, refund_month, reason, amount, amount_eur, settled_on, settled_amount) VALUES
    ('W1', '2026-10-05', '2026-10-01', 'damaged', 12.50, 10, '2026-10-07', 12.50),
    ('W2', '2026-10-31', '2026-10-01', NULL, 7, 7, NULL, NULL);
