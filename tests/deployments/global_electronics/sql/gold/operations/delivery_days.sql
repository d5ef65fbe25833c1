-- One row per month and currency with how long deliveries of the web shop took.
-- For example: do we deliver faster than before? SELECT month, sum(days) * 1.0 / sum(orders) FROM gold_operations.delivery_days GROUP BY month ORDER BY month;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW gold_operations.delivery_days (
    month COMMENT 'The first day of the month of the orders.',
    currency COMMENT 'What was paid in.',
    orders COMMENT 'Orders that were delivered.',
    days COMMENT 'Days from order to delivery, of all of them together.',
    average_days COMMENT 'days / orders.',
    longest_days COMMENT 'The longest of them.',
    PRIMARY KEY (month, currency)
)
COMMENT 'Days from order to delivery, by month and currency.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH orders AS (
    SELECT
        order_number,
        max(currency) AS currency,
        max(order_date) AS order_date,
        CAST(max(delivery_date - order_date) AS bigint) AS days
    FROM silver.order_lines
    WHERE delivery_date IS NOT NULL
    GROUP BY order_number
)
SELECT
    CAST(date_trunc('month', order_date) AS date) AS month,
    currency,
    count(*) AS orders,
    CAST(sum(days) AS bigint) AS days,
    CAST(round(CAST(sum(days) AS numeric(18, 4)) / count(*), 2) AS numeric(9, 2)) AS average_days,
    max(days) AS longest_days
FROM orders
GROUP BY 1, 2;
