-- What silver.payments makes of versions, brackets, lost references and missing amounts.
TEST 'the newest version counts, whatever comes when';
GIVEN silver.orders (order_id) VALUES ('W00000001');
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'USD', 1.25);
GIVEN bronze.payments (settlement_date, transaction_id, type, merchant_reference, currency, gross, fee, net, booked_at, version) VALUES
    ('2026-10-05', 'T1', 'CAPTURE', ' w00000001 ', 'USD', '1,250.00', '17.75', '1,232.25', '2026-10-05 02:00:00', '2'),
    ('2026-10-05', 'T1', 'CAPTURE', '', 'USD', '1,232.25', '0.00', '1,232.25', '2026-10-05 02:00:00', '1'),
    ('2026-10-05', 'T1', 'CAPTURE', ' w00000001 ', 'USD', '1,250.00', '17.75', '1,232.25', '2026-10-05 02:00:00', '2');
EXPECT silver.payments (payment_id, kind, order_id, settled_month, amount, fee, amount_eur, fee_eur) VALUES
    ('T1', 'capture', 'W00000001', '2026-10-01', 1250, 17.75, 1000, 14.2);

TEST 'what is given back is below zero, a missing gross is net and fee';
GIVEN silver.orders (order_id) VALUES ('W1');
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.payments (settlement_date, transaction_id, type, merchant_reference, currency, gross, fee, net, version) VALUES
    ('2026-10-05', 'A', 'CAPTURE', 'W1', 'EUR', NULL, '1.65', '98.35', '1'),
    ('2026-10-05', 'B', 'REFUND', 'W1', 'EUR', '(40.00)', '0.00', '-40.00', '1'),
    ('2026-10-05', 'C', 'CHBK', 'W1', 'EUR', '60.00', '15.00', '-75.00', '1');
EXPECT silver.payments (payment_id, kind, amount, fee) VALUES
    ('A', 'capture', 100, 1.65), ('B', 'refund', -40, 0), ('C', 'chargeback', -60, 15);

TEST 'a payment of somebody else is kept without an order, what cannot be read is kept apart';
GIVEN silver.orders EMPTY;
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.payments (settlement_date, transaction_id, type, merchant_reference, currency, gross, fee, net, version) VALUES
    ('2026-10-05', 'A', 'CAPTURE', 'INV-7', 'EUR', '5.00', '0.32', '4.68', '1'),
    ('2026-10-05', 'B', 'PAYOUT', 'W1', 'EUR', '5.00', '0.00', '5.00', '1'),
    ('2026-10-05', 'C', 'CAPTURE', 'W1', 'CHF', '5.00', '0.00', '5.00', '1');
EXPECT silver.payments (payment_id, order_id, reference) VALUES ('A', NULL, 'INV-7');
EXPECT quarantine.silver__payments (payment_id, _constraints) VALUES
    ('B', '["kind_is_known", "sign_tells_the_kind"]'), ('C', '["amounts_are_known"]');

TEST 'movements without a number are all kept apart';
GIVEN silver.orders EMPTY;
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.payments (transaction_id, type, settlement_date, currency, gross, fee, net, version) VALUES
    ('', 'CAPTURE', '2026-10-05', 'EUR', '10.00', '0.10', '9.90', '1'),
    (NULL, 'CAPTURE', '2026-10-05', 'EUR', '20.00', '0.20', '19.80', '1');
EXPECT silver.payments EMPTY;
EXPECT quarantine.silver__payments (payment_id, amount, _constraints) VALUES
    (NULL, 10, '["payment_has_id"]'), (NULL, 20, '["payment_has_id"]');
