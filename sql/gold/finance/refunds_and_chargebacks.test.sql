-- What gold_finance.refunds_and_chargebacks counts.
TEST 'refunds by reason, chargebacks by the order''s country';
GIVEN silver.refunds (order_id, refund_month, country, reason, amount_eur, settled_on) VALUES
    ('W1', '2026-10-01', 'DE', 'late', 10, '2026-10-09'), ('W2', '2026-10-01', 'DE', 'late', 5, NULL),
    ('W3', '2026-10-01', 'DE', NULL, 1, NULL);
GIVEN silver.payments (payment_id, kind, order_id, settled_month, amount_eur, fee_eur) VALUES
    ('A', 'chargeback', 'W4', '2026-10-01', -60, 15), ('B', 'capture', 'W4', '2026-10-01', 60, 1);
GIVEN silver.orders (order_id, country) VALUES ('W4', 'FR');
EXPECT gold_finance.refunds_and_chargebacks (month, kind, country, reason, cases, amount_eur, settled_cases, fees_eur) VALUES
    ('2026-10-01', 'refund', 'DE', 'late', 2, 15, 1, 0),
    ('2026-10-01', 'refund', 'DE', 'unknown', 1, 1, 0, 0),
    ('2026-10-01', 'chargeback', 'FR', 'disputed', 1, 60, 1, 15);
