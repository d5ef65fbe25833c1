-- One row per cohort and month of its life: how many of the customers who came together still buy.
-- For example: how many come back after a month? SELECT cohort_month, retention FROM gold_marketing.cohort_retention WHERE months_since = 1;
-- A customer's cohort is the month of their first paid order in any channel; months without a buyer have no row.
CREATE MATERIALIZED VIEW gold_marketing.cohort_retention (
    cohort_month COMMENT 'The first day of the month of the customers'' first paid order.',
    months_since COMMENT 'Months after cohort_month; 0 is that month itself.',
    cohort_size COMMENT 'Customers of the cohort.',
    customers COMMENT 'Those who paid for an order of that month.',
    retention COMMENT 'customers / cohort_size.',
    CONSTRAINT retention_is_a_share EXPECT (retention BETWEEN 0 AND 1) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (cohort_month, months_since)
)
COMMENT 'Retention of customers by the month of their first paid order.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH active AS (
    SELECT DISTINCT identities.customer_id, orders.order_month AS month
    FROM silver.orders AS orders
    INNER JOIN silver.customer_identities AS identities
        ON identities.source = 'crm' AND identities.source_id = orders.customer_id
    WHERE orders.status IN ('paid', 'refunded')
),
cohorts AS (
    SELECT customer_id, min(month) AS cohort_month
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
