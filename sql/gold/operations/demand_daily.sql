-- One row per day, product and channel with what customers ordered, paid or not.
-- For example: what sold best on Saturday? SELECT sku, sum(pieces) FROM gold_operations.demand_daily WHERE day = DATE '2026-10-31' GROUP BY sku ORDER BY 2 DESC LIMIT 5;
CREATE MATERIALIZED VIEW gold_operations.demand_daily (
    day COMMENT 'The day of the orders.',
    month COMMENT 'The first day of that month.',
    sku COMMENT 'The product.',
    channel COMMENT 'store, web or app.',
    orders COMMENT 'Order lines that were not cancelled.',
    pieces COMMENT 'Their pieces.',
    cancelled_pieces COMMENT 'Pieces of cancelled orders.',
    revenue_eur COMMENT 'What was charged for paid pieces, less discounts and tax, in euro.',
    PRIMARY KEY (day, sku, channel)
)
PARTITIONED BY (month)
COMMENT 'Demand by day, product and channel.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
SELECT
    order_day AS day,
    order_month AS month,
    sku,
    channel,
    CAST(sum(CASE WHEN status = 'cancelled' THEN 0 ELSE 1 END) AS bigint) AS orders,
    CAST(sum(CASE WHEN status = 'cancelled' THEN 0 ELSE quantity END) AS bigint) AS pieces,
    CAST(sum(CASE WHEN status = 'cancelled' THEN quantity ELSE 0 END) AS bigint) AS cancelled_pieces,
    CAST(
        sum(CASE WHEN status IN ('paid', 'refunded') THEN gross_eur - discount_eur - tax_eur ELSE CAST(0 AS numeric(18, 2)) END)
        AS numeric(18, 2)
    ) AS revenue_eur
FROM silver.order_lines
GROUP BY order_day, order_month, sku, channel;
