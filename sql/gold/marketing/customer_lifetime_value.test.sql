-- How gold_marketing.customer_lifetime_value works.
TEST 'a year of margin is expected of who bought lately';
GIVEN silver.orders (order_id, customer_id, order_day, order_month, refund_eur) VALUES
    ('1', 'C1', '2026-09-15', '2026-09-01', NULL), ('2', 'C1', '2026-10-02', '2026-10-01', 5.00), ('3', 'C2', '2026-01-02', '2026-01-01', NULL);
GIVEN silver.order_lines (order_id, line, status, gross_eur, discount_eur, tax_eur, cost_eur) VALUES
    ('1', 1, 'paid', 100, 0, 20, 50), ('2', 1, 'refunded', 20, 0, 4, 1), ('3', 1, 'paid', 12, 0, 2, 4);
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C2');
EXPECT gold_marketing.customer_lifetime_value (customer_id, orders, revenue_eur, refunds_eur, margin_eur, average_order_eur, months, expected_eur, lifetime_value_eur) VALUES
    ('C1', 2, 120.00, 5.00, 40.00, 60.00, 2, 240.00, 280.00),
    ('C2', 1, 12.00, 0, 6.00, 12.00, 10, 0, 6.00);
