-- One row per department with what was sold of products in the mailer or on display, and of others.
-- For example: where do displays sell most? SELECT department, promoted_sales_usd / sales_usd AS share FROM gold_marketing.promotion_lift ORDER BY 2 DESC LIMIT 5;
-- REFRESH POLICY AUTO: a year comes whole, so that following it touches every row.
CREATE MATERIALIZED VIEW gold_marketing.promotion_lift (
    department COMMENT 'The department.',
    lines COMMENT 'Lines of baskets.',
    promoted_lines COMMENT 'Those whose product was in the mailer or on display in that store and week.',
    sales_usd COMMENT 'What all of them brought in.',
    promoted_sales_usd COMMENT 'What the promoted ones brought in.',
    PRIMARY KEY (department)
)
COMMENT 'What displays and mailers accompanied.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH promoted AS (
    SELECT DISTINCT product_id, store_id, week
    FROM bronze.promotions
    WHERE display_location <> '0' OR mailer_location <> '0'
)
SELECT
    coalesce(lines.department, 'UNKNOWN') AS department,
    count(*) AS lines,
    count(promoted.product_id) AS promoted_lines,
    CAST(sum(lines.sales_usd) AS numeric(18, 2)) AS sales_usd,
    CAST(coalesce(sum(CASE WHEN promoted.product_id IS NOT NULL THEN lines.sales_usd END), 0) AS numeric(18, 2)) AS promoted_sales_usd
FROM silver.basket_lines AS lines
LEFT JOIN promoted
    ON promoted.product_id = lines.product_id AND promoted.store_id = lines.store_id AND promoted.week = lines.week
GROUP BY 1;
