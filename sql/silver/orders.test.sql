-- What silver.orders makes of receipts and of the web shop's events.
TEST 'a receipt of either kind of till is one order, the newest revision counts';
GIVEN silver.stores (store_id, country) VALUES ('007', 'DE');
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.store_sales (store, receipt, line, rev, store_id, receipt_no, line_no, revision, sold_at, currency, customer, vat) VALUES
    ('7', '1', '1', '1', NULL, NULL, NULL, NULL, '05/10/2026 09:30:00', 'eur', '', '19%'),
    ('7', '1', '2', '1', NULL, NULL, NULL, NULL, '05/10/2026 09:30:00', 'eur', '', '19%'),
    (NULL, NULL, NULL, NULL, '007', '1', '1', '2', '05/10/2026 09:31:00', 'EUR', 'C1', '19%');
GIVEN bronze.online_orders EMPTY;
EXPECT silver.orders (order_id, channel, customer_id, country, tax_percent, ordered_at, status, rate) VALUES
    ('007-1', 'store', 'C1', 'DE', 19, '2026-10-05 09:31', 'paid', 1);

TEST 'events make a status in whatever order they came';
GIVEN silver.stores EMPTY;
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'USD', 1.25), ('2026-10-09', 'USD', 1.2);
GIVEN bronze.store_sales EMPTY;
GIVEN bronze.online_orders (event_id, event, order_id, sequence, event_at, channel, country, currency, refund_amount) VALUES
    ('e3', 'refunded', 'W1', 3, '2026-10-09T10:00:00', 'web', 'US', 'USD', '12.00'),
    ('e1', 'placed', 'W1', 1, '2026-10-05T10:00:00', 'web', 'US', 'USD', NULL),
    ('e2', 'paid', 'W1', 2, '2026-10-05T10:01:00', 'web', 'US', 'USD', NULL),
    ('e2', 'paid', 'W1', 2, '2026-10-05T10:01:00', 'web', 'US', 'USD', NULL),
    ('f1', 'placed', 'W2', 1, '2026-10-05T11:00:00', 'app', 'US', 'USD', NULL),
    ('f2', 'cancelled', 'W2', 2, '2026-10-05T12:00:00', 'app', 'US', 'USD', NULL);
EXPECT silver.orders (order_id, channel, status, order_month, refund_amount, refund_eur) VALUES
    ('W1', 'web', 'refunded', '2026-10-01', 12, 10),
    ('W2', 'app', 'cancelled', '2026-10-01', NULL, NULL);

TEST 'an event without an order and an order without a rate are kept apart';
GIVEN silver.stores EMPTY;
GIVEN silver.currency_rates EMPTY;
GIVEN bronze.store_sales EMPTY;
GIVEN bronze.online_orders (event_id, event, order_id, sequence, event_at, channel, country, currency) VALUES
    ('g1', 'placed', NULL, 1, '2026-10-05T10:00:00', 'web', 'US', 'USD'),
    ('h1', 'placed', 'W3', 1, '2026-10-05T10:00:00', 'web', 'US', 'USD');
EXPECT silver.orders EMPTY;
EXPECT quarantine.silver__orders (order_id, _constraints) VALUES
    (NULL, '["order_has_id", "currency_has_rate"]'),
    ('W3', '["currency_has_rate"]');

TEST 'an event that cannot be read and a refund below zero stop nothing: their orders are kept apart';
GIVEN silver.stores EMPTY;
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.store_sales EMPTY;
GIVEN bronze.online_orders (event_id, event, order_id, sequence, event_at, channel, country, currency, refund_amount) VALUES
    ('a1', 'placed', 'W1', 1, 'not a time', 'web', 'DE', 'EUR', NULL),
    ('b1', 'placed', 'W2', 1, '2026-10-05T10:00:00', 'web', 'DE', 'EUR', NULL),
    ('b2', 'paid', 'W2', 2, '2026-10-05 at ten', 'web', 'DE', 'EUR', NULL),
    ('c1', 'placed', 'W3', 1, '2026-10-05T10:00:00', 'web', 'DE', 'EUR', NULL),
    ('c2', 'refunded', 'W3', 2, '2026-10-05T11:00:00', 'web', 'DE', 'EUR', '-5.00'),
    ('d1', 'placed', 'W4', 1, '2026-10-05T10:00:00', 'web', 'DE', 'EUR', NULL),
    ('d2', 'paid', 'W4', 2, 'at ten', 'web', 'DE', 'EUR', NULL),
    ('d2', 'paid', 'W4', 3, '2026-10-05T10:01:00', 'web', 'DE', 'EUR', NULL);
EXPECT silver.orders (order_id, status, paid_at) VALUES ('W4', 'paid', '2026-10-05 10:01');
EXPECT quarantine.silver__orders (order_id, _constraints) VALUES
    ('W1', '["order_has_time", "currency_has_rate", "events_are_readable"]'),
    ('W2', '["events_are_readable"]'),
    ('W3', '["refund_has_sign"]');

TEST 'receipts without a number stay apart';
GIVEN silver.stores (store_id, country) VALUES ('007', 'DE'), ('008', 'DE');
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.store_sales (store, receipt, line, rev, sold_at, currency, vat) VALUES
    ('7', NULL, '1', '1', '05/10/2026 09:30:00', 'EUR', '19%'),
    ('8', NULL, '1', '1', '05/10/2026 09:30:00', 'EUR', '19%');
GIVEN bronze.online_orders EMPTY;
EXPECT silver.orders EMPTY;
EXPECT quarantine.silver__orders (store_id, _constraints) VALUES ('007', '["order_has_id"]'), ('008', '["order_has_id"]');

TEST 'a store''s clock is read in its own time zone, summer and winter';
GIVEN silver.stores (store_id, country, time_zone) VALUES ('007', 'DE', 'Europe/Berlin'), ('008', 'US', NULL);
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-24', 'EUR', 1), ('2026-10-26', 'EUR', 1);
GIVEN bronze.store_sales (store, receipt, line, rev, sold_at, currency, vat) VALUES
    ('7', '1', '1', '1', '24/10/2026 09:30:00', 'EUR', '19%'),
    ('7', '2', '1', '1', '26/10/2026 09:30:00', 'EUR', '19%'),
    ('8', '1', '1', '1', '26/10/2026 09:30:00', 'EUR', '19%');
GIVEN bronze.online_orders EMPTY;
EXPECT silver.orders (order_id, ordered_at, placed_at) VALUES
    ('007-1', '2026-10-24 09:30', '2026-10-24 07:30'),
    ('007-2', '2026-10-26 09:30', '2026-10-26 08:30'),
    ('008-1', '2026-10-26 09:30', NULL);
