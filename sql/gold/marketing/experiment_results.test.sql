-- How gold_marketing.experiment_results counts.
TEST 'orders before the assignment and after 14 days do not count, nor do those who crossed over';
GIVEN silver.experiment_exposures (experiment, customer_id, arm, assigned_at, crossover) VALUES
    ('x', 'C1', 'control', '2026-10-02 00:00:00', FALSE),
    ('x', 'C2', 'control', '2026-10-02 00:00:00', FALSE),
    ('x', 'C3', 'green', '2026-10-02 00:00:00', FALSE),
    ('x', 'C4', 'green', '2026-10-02 00:00:00', TRUE);
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C2'), ('crm', 'C3', 'C3'), ('crm', 'C4', 'C4');
GIVEN silver.orders (order_id, customer_id, placed_at, status) VALUES
    ('1', 'C1', '2026-10-01 23:59:59', 'paid'), ('2', 'C2', '2026-10-15 23:59:59', 'paid'), ('3', 'C3', '2026-10-16 00:00:00', 'paid'), ('4', 'C4', '2026-10-03 00:00:00', 'paid');
EXPECT gold_marketing.experiment_results (experiment, arm, customers, converted) VALUES ('x', 'control', 2, 1), ('x', 'green', 1, 0);
