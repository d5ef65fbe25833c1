-- One row per store and month with what it sold and its place among the stores.
-- For example: which stores were best in October? SELECT store_name, revenue_eur FROM gold_operations.store_performance WHERE month = DATE '2026-10-01' AND place <= 5 ORDER BY place;
CREATE MATERIALIZED VIEW gold_operations.store_performance (
    month COMMENT 'The first day of the month.',
    store_id COMMENT 'The store.',
    store_name COMMENT 'Its name today.',
    country COMMENT 'ISO 3166 code of its country.',
    receipts COMMENT 'Receipts of the month.',
    pieces COMMENT 'Pieces sold.',
    revenue_eur COMMENT 'Charged, less discounts and tax, in euro.',
    basket_eur COMMENT 'revenue_eur / receipts.',
    loyal_receipts COMMENT 'Receipts with a loyalty card.',
    loyal_rate COMMENT 'loyal_receipts / receipts.',
    place COMMENT 'The store''s place in the month by revenue, 1 being the best; equal revenue, equal place.',
    PRIMARY KEY (month, store_id)
)
COMMENT 'Stores by month: receipts, pieces, revenue, loyalty, rank.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH receipts AS (
    SELECT
        order_id,
        sum(quantity) AS pieces,
        sum(gross_eur - discount_eur - tax_eur) AS revenue_eur
    FROM silver.order_lines
    WHERE channel = 'store'
    GROUP BY order_id
),
totals AS (
    SELECT
        orders.order_month AS month,
        orders.store_id,
        count(*) AS receipts,
        CAST(sum(receipts.pieces) AS bigint) AS pieces,
        CAST(sum(receipts.revenue_eur) AS numeric(18, 2)) AS revenue_eur,
        count(orders.customer_id) AS loyal_receipts
    FROM silver.orders AS orders
    INNER JOIN receipts ON receipts.order_id = orders.order_id
    GROUP BY orders.order_month, orders.store_id
),
placed AS (
    SELECT *, rank() OVER (PARTITION BY month ORDER BY revenue_eur DESC) AS place
    FROM totals
)
SELECT
    placed.month,
    placed.store_id,
    stores.name AS store_name,
    stores.country,
    placed.receipts,
    placed.pieces,
    placed.revenue_eur,
    CAST(round(placed.revenue_eur / placed.receipts, 2) AS numeric(18, 2)) AS basket_eur,
    placed.loyal_receipts,
    CAST(round(CAST(placed.loyal_receipts AS numeric(18, 4)) / placed.receipts, 4) AS numeric(9, 4)) AS loyal_rate,
    CAST(placed.place AS bigint) AS place
FROM placed
LEFT JOIN silver.stores AS stores ON stores.store_id = placed.store_id;
