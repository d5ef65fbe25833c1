-- One row per experiment and customer: the arm they were first put into, and whether they were in another one later.
-- For example: how many customers crossed over? SELECT experiment, count(*) FROM silver.experiment_exposures WHERE crossover GROUP BY experiment;
-- Customers are people: somebody with two CRM numbers in two arms has crossed over, too.
CREATE MATERIALIZED VIEW silver.experiment_exposures (
    experiment COMMENT 'The experiment.',
    customer_id COMMENT 'The customer, as in silver.customers.',
    arm COMMENT 'The first arm; control is what others are compared with.',
    assigned_at COMMENT 'When they were put into it.',
    assignments COMMENT 'How many different assignments there were.',
    crossover COMMENT 'Whether another arm followed: such customers count in no result.',
    CONSTRAINT experiment_is_known EXPECT (experiment IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT customer_is_known EXPECT (customer_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT assignment_has_time EXPECT (assigned_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT customer_stays_in_arm EXPECT (NOT crossover),
    PRIMARY KEY (experiment, customer_id)
)
PARTITIONED BY (experiment)
COMMENT 'Who was in which arm of which experiment.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH assignments AS (
    SELECT DISTINCT
        nullif(lower(trim(delivered.experiment)), '') AS experiment,
        coalesce(identities.customer_id, 'unknown ' || delivered.customer_id) AS person,
        identities.customer_id,
        lower(trim(delivered.arm)) AS arm,
        try_cast(delivered.assigned_at AS timestamp) AS assigned_at
    FROM bronze.experiment_assignments AS delivered
    LEFT JOIN silver.customer_identities AS identities
        ON identities.source = 'crm' AND identities.source_id = upper(trim(delivered.customer_id))
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY experiment, person ORDER BY assigned_at, arm) AS place
    FROM assignments
)
SELECT
    experiment,
    max(customer_id) AS customer_id,
    max(CASE WHEN place = 1 THEN arm END) AS arm,
    min(assigned_at) AS assigned_at,
    count(*) AS assignments,
    min(arm) <> max(arm) AS crossover
FROM ranked
GROUP BY experiment, person;
