-- What gold_operations.returns_by_reason says of refunds.
TEST 'refunds by reason, with the mean of days';
GIVEN silver.refunds (order_id, refund_month, country, reason, amount_eur, refund_day, order_day) VALUES
    ('1', '2026-10-01', 'DE', 'late', 10, '2026-10-09', '2026-10-05'), ('2', '2026-10-01', 'DE', 'late', 5, '2026-10-09', '2026-10-04'),
    ('3', '2026-10-01', 'DE', NULL, 1, '2026-10-09', '2026-10-09');
EXPECT gold_operations.returns_by_reason (month, country, reason, refunds, refunded_eur, days_to_refund) VALUES
    ('2026-10-01', 'DE', 'late', 2, 15, 4.5), ('2026-10-01', 'DE', 'unknown', 1, 1, 0);
