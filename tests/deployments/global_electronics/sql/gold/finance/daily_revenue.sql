-- One row per day, currency, store and category with what was sold and what it earned.
-- For example: which category earned most in 2019? SELECT category, sum(margin_usd) FROM gold_finance.daily_revenue WHERE day >= DATE '2019-01-01' AND day < DATE '2020-01-01' GROUP BY category ORDER BY 2 DESC;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW gold_finance.daily_revenue (
    day COMMENT 'The day of the orders.',
    currency COMMENT 'What was paid in.',
    store_key COMMENT 'The store; 0 is the web shop.',
    category COMMENT 'The category of the products.',
    order_lines COMMENT 'Lines of orders.',
    quantity COMMENT 'Pieces.',
    revenue_usd COMMENT 'What was charged, in US dollars.',
    revenue_local COMMENT 'The same in the currency, at the day''s rate.',
    cost_usd COMMENT 'What the pieces cost the company.',
    margin_usd COMMENT 'revenue_usd - cost_usd.',
    CONSTRAINT cost_is_known EXPECT (cost_usd IS NOT NULL),
    PRIMARY KEY (day, currency, store_key, category)
)
COMMENT 'Revenue and margin by day, currency, store and category.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT
    lines.order_date AS day,
    lines.currency,
    lines.store_key,
    products.category,
    count(*) AS order_lines,
    CAST(sum(lines.quantity) AS bigint) AS quantity,
    CAST(sum(lines.revenue_usd) AS numeric(18, 2)) AS revenue_usd,
    CAST(sum(lines.revenue_local) AS numeric(18, 6)) AS revenue_local,
    CAST(sum(lines.quantity * products.unit_cost_usd) AS numeric(18, 2)) AS cost_usd,
    CAST(sum(lines.revenue_usd - lines.quantity * products.unit_cost_usd) AS numeric(18, 2)) AS margin_usd
FROM silver.order_lines AS lines
INNER JOIN silver.products AS products ON products.product_key = lines.product_key
GROUP BY lines.order_date, lines.currency, lines.store_key, products.category;
