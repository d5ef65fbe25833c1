-- One row per month and product with revenue, cost and margin.
-- For example: which products sold at a loss? SELECT product_name FROM gold_finance.gross_margin WHERE margin_usd < 0;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW gold_finance.gross_margin (
    month COMMENT 'The first day of the month.',
    product_key COMMENT 'The product.',
    product_name COMMENT 'Its name.',
    category COMMENT 'Its category.',
    quantity COMMENT 'Pieces sold.',
    revenue_usd COMMENT 'What was charged.',
    cost_usd COMMENT 'What the pieces cost.',
    margin_usd COMMENT 'revenue_usd - cost_usd.',
    PRIMARY KEY (month, product_key)
)
COMMENT 'Gross margin by month and product, in US dollars.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT
    CAST(date_trunc('month', lines.order_date) AS date) AS month,
    lines.product_key,
    max(products.product_name) AS product_name,
    max(products.category) AS category,
    CAST(sum(lines.quantity) AS bigint) AS quantity,
    CAST(sum(lines.revenue_usd) AS numeric(18, 2)) AS revenue_usd,
    CAST(sum(lines.quantity * products.unit_cost_usd) AS numeric(18, 2)) AS cost_usd,
    CAST(sum(lines.revenue_usd - lines.quantity * products.unit_cost_usd) AS numeric(18, 2)) AS margin_usd
FROM silver.order_lines AS lines
INNER JOIN silver.products AS products ON products.product_key = lines.product_key
GROUP BY 1, 2;
