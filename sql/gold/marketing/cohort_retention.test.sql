-- How gold_marketing.cohort_retention counts.
TEST 'a cohort is the month of the first paid order';
GIVEN silver.orders (order_id, customer_id, order_month, status) VALUES
    ('1', 'C1', '2026-08-01', 'paid'), ('2', 'C2', '2026-08-01', 'paid'), ('3', 'C1', '2026-10-01', 'refunded'), ('4', 'C2', '2026-10-01', 'cancelled');
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C2');
EXPECT gold_marketing.cohort_retention (cohort_month, months_since, cohort_size, customers, retention) VALUES
    ('2026-08-01', 0, 2, 2, 1), ('2026-08-01', 2, 2, 1, 0.5);
