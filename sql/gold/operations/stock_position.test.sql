-- What gold_operations.stock_position says of stock and of orders that wait.
TEST 'the newest row counts, orders that wait are reserved in the warehouse';
GIVEN silver.inventory_daily (location_id, sku, day, on_hand, issued, status) VALUES
    ('900', '1', '2026-10-01', 9, 99, 'available'), ('900', '1', '2026-10-20', 20, 4, 'available'), ('900', '1', '2026-10-31', 10, 10, 'available'),
    ('900', '2', '2026-10-04', 5, 0, 'blocked'),
    ('001', '1', '2026-10-02', 0, 3, 'available'), ('001', '1', '2026-10-05', 0, 1, 'available');
GIVEN silver.order_lines (order_id, line, channel, status, sku, quantity) VALUES
    ('W1', 1, 'web', 'paid', '1', 2), ('W2', 1, 'app', 'refunded', '1', 1), ('W3', 1, 'app', 'placed', '1', 50), ('W4', 1, 'web', 'paid', '2', 7),
    ('001-1', 1, 'store', 'paid', '1', 1);
GIVEN silver.shipments (shipment_id, order_id) VALUES ('S2', 'W2');
EXPECT gold_operations.stock_position (location_id, sku, as_of, counted_on, on_hand, reserved, available, issued_28_days, days_of_cover, stockout_days, is_stockout) VALUES
    ('900', '1', '2026-10-31', '2026-10-31', 10, 2, 8, 14, 20, 0, false),
    ('900', '2', '2026-10-31', '2026-10-04', 5, 7, -7, 0, NULL, 0, false),
    ('001', '1', '2026-10-05', '2026-10-05', 0, 0, 0, 4, 0, 2, true);
