-- One row per day.
CREATE MATERIALIZED VIEW gold_finance.revenue (
    day COMMENT 'The day.',
    orders COMMENT 'How many.',
    amount COMMENT 'How much.',
    PRIMARY KEY (day)
)
COMMENT 'Revenue by day.'
AS
SELECT ordered_on AS day, count(*) AS orders, CAST(sum(amount) AS numeric(18, 2)) AS amount
FROM silver.orders
GROUP BY ordered_on;
