-- What gold_operations.store_performance says of receipts.
TEST 'stores are placed by the month''s revenue';
GIVEN silver.stores (store_id, name, country) VALUES ('001', 'One', 'DE'), ('002', 'Two', 'FR');
GIVEN silver.orders (order_id, order_month, store_id, customer_id) VALUES
    ('A', '2026-10-01', '001', 'C1'), ('B', '2026-10-01', '001', NULL), ('C', '2026-10-01', '002', NULL), ('W1', '2026-10-01', NULL, 'C1');
GIVEN silver.order_lines (order_id, line, channel, quantity, gross_eur, discount_eur, tax_eur) VALUES
    ('A', 1, 'store', 2, 20, 0, 3), ('A', 2, 'store', 1, 10, 1, 1), ('B', 1, 'store', 1, 10, 0, 1), ('C', 1, 'store', 9, 90, 0, 9), ('W1', 1, 'web', 9, 90, 0, 9);
EXPECT gold_operations.store_performance (month, store_id, store_name, receipts, pieces, revenue_eur, basket_eur, loyal_receipts, loyal_rate, place) VALUES
    ('2026-10-01', '001', 'One', 2, 4, 34, 17, 1, 0.5, 2), ('2026-10-01', '002', 'Two', 1, 9, 81, 81, 0, 0, 1);
