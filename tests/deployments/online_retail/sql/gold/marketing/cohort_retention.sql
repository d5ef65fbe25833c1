-- One row per cohort and month of its life: how many of the customers who came together still buy.
-- For example: how many come back after a month? SELECT cohort_month, retention FROM gold_marketing.cohort_retention WHERE months_since = 1;
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW gold_marketing.cohort_retention (
    cohort_month COMMENT 'The first day of the month of the customers'' first sale.',
    months_since COMMENT 'Months after cohort_month; 0 is that month itself.',
    cohort_size COMMENT 'Customers of the cohort.',
    customers COMMENT 'Those who bought something in that month.',
    retention COMMENT 'customers / cohort_size.',
    CONSTRAINT retention_is_a_share EXPECT (retention BETWEEN 0 AND 1) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (cohort_month, months_since)
)
COMMENT 'Retention of customers by the month of their first sale.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH active AS (
    SELECT DISTINCT
        customer_id,
        CAST(date_trunc('month', invoiced_at) AS date) AS month
    FROM silver.invoice_lines
    WHERE kind = 'sale' AND customer_id IS NOT NULL
),
cohorts AS (
    SELECT
        customer_id,
        min(month) AS cohort_month
    FROM active
    GROUP BY customer_id
),
sizes AS (
    SELECT cohort_month, count(*) AS cohort_size
    FROM cohorts
    GROUP BY cohort_month
),
months AS (
    SELECT
        cohorts.cohort_month,
        CAST(
            (date_part('year', active.month) - date_part('year', cohorts.cohort_month)) * 12
            + date_part('month', active.month) - date_part('month', cohorts.cohort_month)
            AS bigint
        ) AS months_since,
        count(*) AS customers
    FROM active
    INNER JOIN cohorts ON cohorts.customer_id = active.customer_id
    GROUP BY 1, 2
)
SELECT
    months.cohort_month,
    months.months_since,
    sizes.cohort_size,
    months.customers,
    CAST(round(CAST(months.customers AS numeric(18, 4)) / sizes.cohort_size, 4) AS numeric(9, 4)) AS retention
FROM months
INNER JOIN sizes ON sizes.cohort_month = months.cohort_month;
