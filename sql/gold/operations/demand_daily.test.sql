-- What gold_operations.demand_daily says of order lines.
TEST 'cancelled pieces are apart, unpaid ones are demand without revenue';
GIVEN silver.order_lines (order_id, line, order_day, order_month, sku, channel, status, quantity, gross_eur, discount_eur, tax_eur) VALUES
    ('A', 1, '2026-10-01', '2026-10-01', '1', 'web', 'paid', 2, 20, 2, 3), ('B', 1, '2026-10-01', '2026-10-01', '1', 'web', 'placed', 1, 10, 0, 1),
    ('C', 1, '2026-10-01', '2026-10-01', '1', 'web', 'cancelled', 5, 50, 0, 5), ('D', 1, '2026-10-01', '2026-10-01', '1', 'store', 'paid', 1, 10, 0, 1);
EXPECT gold_operations.demand_daily (day, sku, channel, orders, pieces, cancelled_pieces, revenue_eur) VALUES
    ('2026-10-01', '1', 'web', 2, 3, 5, 15), ('2026-10-01', '1', 'store', 1, 1, 0, 9);
