-- How gold_marketing.customer_segments ranks.
TEST 'recency, frequency and value of what was paid';
GIVEN silver.orders (order_id, customer_id, order_day) VALUES ('1', 'C1', '2026-10-01'), ('2', 'C2', '2026-10-31'), ('3', 'C2', '2026-10-11'), ('4', 'C1', '2026-10-30');
GIVEN silver.order_lines (order_id, line, status, gross_eur, discount_eur) VALUES
    ('1', 1, 'paid', 10, 1), ('2', 1, 'refunded', 20, 0), ('3', 1, 'paid', 30, 0), ('4', 1, 'cancelled', 99, 0);
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C2');
EXPECT gold_marketing.customer_segments (customer_id, recency_days, frequency, monetary_eur, recency_score, monetary_score) VALUES
    ('C1', 30, 1, 9.00, 1, 1),
    ('C2', 0, 2, 50.00, 2, 2);
