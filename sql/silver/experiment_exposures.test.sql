-- Which arm silver.experiment_exposures puts people into.
TEST 'the first assignment wins; two numbers of one person in two arms are a crossover';
GIVEN bronze.experiment_assignments (experiment, customer_id, arm, assigned_at) VALUES
    ('x', 'C2', 'GREEN', '2026-10-02 10:00:00'),
    ('x', 'C1', 'control', '2026-10-01 10:00:00'),
    ('x', 'C3', 'green', '2026-10-01 10:00:00'),
    ('x', 'C3', 'green', '2026-10-01 10:00:00');
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C1'), ('crm', 'C3', 'C3');
EXPECT silver.experiment_exposures (experiment, customer_id, arm, assigned_at, assignments, crossover) VALUES
    ('x', 'C1', 'control', '2026-10-01 10:00:00', 2, TRUE),
    ('x', 'C3', 'green', '2026-10-01 10:00:00', 1, FALSE);

TEST 'an assignment to no experiment is kept apart';
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'P1');
GIVEN bronze.experiment_assignments (experiment, customer_id, arm, assigned_at) VALUES (' ', 'C1', 'control', '2026-10-01');
EXPECT silver.experiment_exposures EMPTY;
EXPECT quarantine.silver__experiment_exposures (customer_id, _constraints) VALUES ('P1', '["experiment_is_known"]');
