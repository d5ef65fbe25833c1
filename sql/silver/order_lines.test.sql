-- What silver.order_lines makes of till lines and of nested items.
TEST 'till lines and baskets come in one shape, in euro';
GIVEN silver.orders (order_id, order_day, order_month, channel, country, status, currency, tax_percent, rate) VALUES
    ('007-1', '2026-10-05', '2026-10-01', 'store', 'GB', 'paid', 'GBP', 20, 0.8),
    ('W1', '2026-10-06', '2026-10-01', 'web', 'DE', 'paid', 'EUR', 19, 1);
GIVEN silver.products (sku, name, category, unit_cost_eur) VALUES ('00000009', 'Lamp', 'Light', 4);
GIVEN bronze.store_sales (store, receipt, line, rev, sku, qty, unit_price, discount) VALUES
    ('7', '1', '1', '1', '9', '3', '£12.00 ', NULL),
    ('7', '1', '1', '2', '9', '2', '£12.00 ', '£4.00');
GIVEN bronze.online_orders (event, order_id, sequence, event_at, items) VALUES
    ('placed', 'W1', 1, '2026-10-06T10:00:00', '[{"line":1,"sku":"00000009","quantity":1,"unit_price":"11.90","discount":"0"}]');
EXPECT silver.order_lines (order_id, line, sku, product_name, quantity, gross_eur, discount_eur, tax_eur, cost_eur) VALUES
    ('007-1', 1, '00000009', 'Lamp', 2, 30.00, 5.00, 4.17, 8.00),
    ('W1', 1, '00000009', 'Lamp', 1, 11.90, 0.00, 1.90, 4.00);

TEST 'unknown products go to quarantine, lines without a price nowhere';
GIVEN silver.orders (order_id, order_day, order_month, status, currency, tax_percent, rate) VALUES
    ('007-1', '2026-10-05', '2026-10-01', 'paid', 'EUR', 19, 1);
GIVEN silver.products (sku, name) VALUES ('00000009', 'Lamp');
GIVEN bronze.online_orders EMPTY;
GIVEN bronze.store_sales (store, receipt, line, sku, qty, unit_price) VALUES
    ('7', '1', '1', '8', '1', '1.00'),
    ('7', '1', '2', '9', '1', '0.00'),
    ('7', '2', '1', '9', '1', '1.00');
EXPECT silver.order_lines EMPTY;
EXPECT quarantine.silver__order_lines (line, sku, _constraints) VALUES (1, '00000008', '["product_is_known"]');

TEST 'a line twice in one basket is one line, and till lines without a number are kept apart';
GIVEN silver.orders (order_id, channel, currency, tax_percent, rate) VALUES ('W1', 'web', 'EUR', 19, 1), ('007-1', 'store', 'EUR', 19, 1);
GIVEN silver.products (sku, name, category, unit_cost_eur) VALUES ('00001001', 'Camera', 'Cameras', 50);
GIVEN bronze.online_orders (event, order_id, sequence, event_at, items) VALUES
    ('placed', 'W1', 1, '2026-10-05T10:00:00', '[{"line":1,"sku":"00001001","quantity":2,"unit_price":"100.00","discount":"0.00"},{"line":1,"sku":"00001001","quantity":2,"unit_price":"100.00","discount":"0.00"},{"line":2,"sku":"00001001","quantity":5,"unit_price":"100.00","discount":"0.00"},{"line":2,"sku":"00001001","quantity":3,"unit_price":"100.00","discount":"0.00"}]');
GIVEN bronze.store_sales (store, receipt, line, rev, sku, qty, unit_price) VALUES
    ('7', '1', 'x', '1', '1001', '1', '£10.00'),
    ('7', '1', 'y', '1', '1001', '3', '£10.00');
EXPECT silver.order_lines (order_id, line, quantity) VALUES ('W1', 1, 2), ('W1', 2, 3);
EXPECT quarantine.silver__order_lines (order_id, line, quantity, _constraints) VALUES
    ('007-1', NULL, 1, '["line_has_number"]'), ('007-1', NULL, 3, '["line_has_number"]');

TEST 'amounts that are too much for any, and taxes that cannot be, are kept apart';
GIVEN silver.orders (order_id, channel, currency, tax_percent, rate) VALUES ('007-1', 'store', 'EUR', 19, 1), ('007-2', 'store', 'EUR', -100, 1);
GIVEN silver.products (sku, name, category, unit_cost_eur) VALUES ('00001001', 'Camera', 'Cameras', 50);
GIVEN bronze.online_orders EMPTY;
GIVEN bronze.store_sales (store, receipt, line, rev, sku, qty, unit_price) VALUES
    ('7', '1', '1', '1', '1001', '999999999999999', '£10.00'),
    ('7', '2', '1', '1', '1001', '1', '£10.00');
EXPECT silver.order_lines EMPTY;
EXPECT quarantine.silver__order_lines (order_id, gross_eur, tax_eur, _constraints) VALUES
    ('007-1', NULL, NULL, '["amounts_are_known"]'), ('007-2', 10, NULL, '["amounts_are_known"]');
