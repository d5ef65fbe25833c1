-- One row per month and product with what its sales brought in and what the pieces cost, in euro.
-- For example: which products lose money? SELECT product_name, margin_eur FROM gold_finance.gross_margin WHERE margin_eur < 0 ORDER BY margin_eur;
CREATE MATERIALIZED VIEW gold_finance.gross_margin (
    month COMMENT 'The first day of the month.',
    sku COMMENT 'The product.',
    product_name COMMENT 'Its name today.',
    category COMMENT 'Its category today.',
    quantity COMMENT 'Pieces sold in paid orders.',
    revenue_eur COMMENT 'What was charged for them, without tax and discounts; refunds are not taken off.',
    cost_eur COMMENT 'What they cost the shop, at today''s cost.',
    margin_eur COMMENT 'revenue_eur - cost_eur.',
    margin_rate COMMENT 'margin_eur / revenue_eur, NULL without revenue.',
    CONSTRAINT cost_is_known EXPECT (cost_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (month, sku)
)
COMMENT 'Gross margin by product and month, in euro.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH totals AS (
    SELECT
        order_month AS month,
        sku,
        max(product_name) AS product_name,
        max(category) AS category,
        sum(quantity) AS quantity,
        CAST(sum(gross_eur - discount_eur - tax_eur) AS numeric(18, 2)) AS revenue_eur,
        CAST(sum(cost_eur) AS numeric(18, 2)) AS cost_eur
    FROM silver.order_lines
    WHERE status IN ('paid', 'refunded')
    GROUP BY order_month, sku
)
SELECT
    month,
    sku,
    product_name,
    category,
    CAST(quantity AS bigint) AS quantity,
    revenue_eur,
    cost_eur,
    CAST(revenue_eur - cost_eur AS numeric(18, 2)) AS margin_eur,
    CAST(round((revenue_eur - cost_eur) / nullif(revenue_eur, 0.00), 4) AS numeric(9, 4)) AS margin_rate
FROM totals;
