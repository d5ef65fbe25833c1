-- One row per experiment and arm: how many bought, and whether that is more than chance against control.
-- For example: which arms beat control? SELECT experiment, arm, lift, p_value FROM gold_marketing.experiment_results WHERE p_value < 0.05 AND lift > 0;
-- A customer converts with a paid order, in any channel, in the 14 days from the assignment on, both in UTC; who
-- crossed over counts in no arm. The test is the two-proportion z-test with pooled variance, two-sided:
-- z = (r - c) / sqrt(q (1 - q) (1/n + 1/m)), where r and c are the rates of the arm (n customers) and of
-- control (m), q the rate of both together; p_value = erfc(|z| / sqrt(2)), the chance of such a difference between
-- equal arms. It is not corrected for several arms.
CREATE MATERIALIZED VIEW gold_marketing.experiment_results (
    experiment COMMENT 'The experiment.',
    arm COMMENT 'The arm; control is what others are compared with.',
    customers COMMENT 'Customers in the arm, without those who crossed over.',
    converted COMMENT 'Those who bought something within 14 days.',
    rate COMMENT 'converted / customers.',
    lift COMMENT 'rate over control''s rate, minus 1; NULL for control.',
    z COMMENT 'The test''s statistic; NULL for control, and where nobody or everybody converted.',
    p_value COMMENT 'Two-sided; NULL where z is.',
    CONSTRAINT converted_are_customers EXPECT (converted <= customers) ON VIOLATION FAIL UPDATE,
    CONSTRAINT p_value_is_a_probability EXPECT (p_value IS NULL OR p_value BETWEEN 0 AND 1) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (experiment, arm)
)
COMMENT 'Conversion by experiment and arm, tested against control.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH bought AS (
    SELECT identities.customer_id, orders.placed_at
    FROM silver.orders AS orders
    INNER JOIN silver.customer_identities AS identities
        ON identities.source = 'crm' AND identities.source_id = orders.customer_id
    WHERE orders.status IN ('paid', 'refunded')
),
conversions AS (
    SELECT DISTINCT exposures.experiment, exposures.customer_id
    FROM silver.experiment_exposures AS exposures
    INNER JOIN bought ON bought.customer_id = exposures.customer_id
    WHERE bought.placed_at >= exposures.assigned_at
        AND bought.placed_at < exposures.assigned_at + INTERVAL '14 days'
),
arms AS (
    SELECT
        exposures.experiment,
        exposures.arm,
        count(*) AS customers,
        count(conversions.customer_id) AS converted
    FROM silver.experiment_exposures AS exposures
    LEFT JOIN conversions
        ON conversions.experiment = exposures.experiment AND conversions.customer_id = exposures.customer_id
    WHERE NOT exposures.crossover
    GROUP BY exposures.experiment, exposures.arm
),
compared AS (
    SELECT
        arms.experiment,
        arms.arm,
        arms.customers,
        arms.converted,
        CAST(arms.converted AS double precision) / arms.customers AS rate,
        CAST(control.converted AS double precision) / control.customers AS control_rate,
        CAST(arms.converted + control.converted AS double precision) / (arms.customers + control.customers) AS pooled,
        CAST(1 AS double precision) / arms.customers + CAST(1 AS double precision) / control.customers AS parts
    FROM arms
    LEFT JOIN arms AS control
        ON control.experiment = arms.experiment AND control.arm = 'control' AND arms.arm <> 'control'
),
tested AS (
    SELECT
        *,
        CASE WHEN pooled > 0 AND pooled < 1 THEN (rate - control_rate) / sqrt(pooled * (1 - pooled) * parts) END AS z
    FROM compared
)
SELECT
    experiment,
    arm,
    customers,
    converted,
    rate,
    CASE WHEN control_rate > 0 THEN rate / control_rate - 1 END AS lift,
    z,
    erfc(abs(z) / sqrt(CAST(2 AS double precision))) AS p_value
FROM tested;
