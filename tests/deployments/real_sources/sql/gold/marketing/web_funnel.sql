-- One row per step from a visit to a purchase with the sessions that came so far.
-- For example: where do we lose most? SELECT step, sessions FROM gold_marketing.web_funnel ORDER BY place;
-- REFRESH POLICY AUTO: five counts of all sessions are soon made again.
CREATE MATERIALIZED VIEW gold_marketing.web_funnel (
    place COMMENT '1 to 5.',
    step COMMENT 'visit, product, cart, checkout, purchase.',
    sessions COMMENT 'Sessions that took this step.',
    PRIMARY KEY (place)
)
COMMENT 'The way to a purchase.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT 1 AS place, 'visit' AS step, count(*) AS sessions FROM silver.web_sessions
UNION ALL
SELECT 2, 'product', count(*) FROM silver.web_sessions WHERE product_views > 0
UNION ALL
SELECT 3, 'cart', count(*) FROM silver.web_sessions WHERE carts > 0
UNION ALL
SELECT 4, 'checkout', count(*) FROM silver.web_sessions WHERE checkouts > 0
UNION ALL
SELECT 5, 'purchase', count(*) FROM silver.web_sessions WHERE purchases > 0;
