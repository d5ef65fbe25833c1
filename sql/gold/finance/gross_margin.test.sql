-- What gold_finance.gross_margin makes of order lines.
TEST 'revenue is without tax and discounts, a month and product one row';
GIVEN silver.order_lines (order_id, line, order_month, sku, product_name, category, status, quantity, gross_eur, discount_eur, tax_eur, cost_eur) VALUES
    ('A', 1, '2026-10-01', '1', 'Lamp', 'Light', 'paid', 2, 24, 0, 4, 8),
    ('B', 1, '2026-10-01', '1', 'Lamp', 'Light', 'refunded', 1, 12, 1, 1.83, 4),
    ('C', 1, '2026-10-01', '1', 'Lamp', 'Light', 'cancelled', 1, 12, 0, 2, 4),
    ('D', 1, '2026-10-01', '2', 'Gift', 'Other', 'paid', 1, 0, 0, 0, 3);
EXPECT gold_finance.gross_margin (month, sku, quantity, revenue_eur, cost_eur, margin_eur, margin_rate) VALUES
    ('2026-10-01', '1', 3, 29.17, 12, 17.17, 0.5886),
    ('2026-10-01', '2', 1, 0, 3, -3, NULL);

TEST 'lines of unknown cost are no margin';
GIVEN silver.order_lines (order_id, line, order_month, sku, status, quantity, gross_eur, discount_eur, tax_eur, cost_eur) VALUES
    ('A', 1, '2026-10-01', '1', 'paid', 2, 24, 0, 4, NULL);
EXPECT gold_finance.gross_margin EMPTY;
EXPECT quarantine.gold_finance__gross_margin (sku) VALUES ('1');
