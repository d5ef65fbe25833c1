-- What gold_finance.payment_reconciliation says of orders and settlements that do not agree.
TEST 'each difference has its explanation';
GIVEN silver.order_lines (order_id, line, order_day, channel, status, currency, quantity, unit_price, discount) VALUES
    ('W1', 1, '2026-10-01', 'web', 'paid', 'EUR', 2, 50, 10), ('W1', 2, '2026-10-01', 'web', 'paid', 'EUR', 1, 10, 0),
    ('W2', 1, '2026-10-01', 'web', 'paid', 'EUR', 1, 30, 0),
    ('W3', 1, '2026-10-01', 'app', 'refunded', 'EUR', 1, 40, 0),
    ('W4', 1, '2026-10-01', 'app', 'paid', 'EUR', 1, 60, 0),
    ('W5', 1, '2026-10-01', 'app', 'paid', 'EUR', 1, 70, 0),
    ('W6', 1, '2026-10-01', 'app', 'placed', 'EUR', 1, 70, 0),
    ('001-1', 1, '2026-10-01', 'store', 'paid', 'EUR', 1, 70, 0);
GIVEN silver.refunds (order_id, order_day, currency, amount) VALUES ('W3', '2026-10-01', 'EUR', 15);
GIVEN silver.payments (payment_id, kind, reference, currency, amount, fee) VALUES
    ('A', 'capture', 'W1', 'EUR', 100, 1.65), ('C', 'capture', 'W3', 'EUR', 40, 0.81),
    ('D', 'capture', 'W4', 'EUR', 60, 1.09), ('E', 'chargeback', 'W4', 'EUR', -60, 15),
    ('F', 'capture', 'INV-1', 'EUR', 5, 0.32), ('G', 'capture', 'W5', 'EUR', 69, 1);
EXPECT gold_finance.payment_reconciliation (reference, charged, captured, fees, payout, difference, explanation) VALUES
    ('W1', 100, 100, 1.65, 98.35, 0, 'matched'),
    ('W2', 30, 0, 0, 0, 30, 'capture to come'),
    ('W3', 40, 40, 0.81, 39.19, -15, 'refund to come'),
    ('W4', 60, 60, 16.09, -16.09, 60, 'charged back'),
    ('W5', 70, 69, 1, 68, 1, 'unexplained'),
    ('INV-1', 0, 5, 0.32, 4.68, -5, 'not an order of ours');
