-- One row per day, channel and country with what was sold, taken off and given back, in euro.
-- For example: what did we earn last week? SELECT sum(net_eur) FROM gold_finance.daily_revenue WHERE day > DATE '2026-10-24';
CREATE MATERIALIZED VIEW gold_finance.daily_revenue (
    day COMMENT 'The day of the orders, and of the refunds.',
    channel COMMENT 'store, web or app.',
    country COMMENT 'ISO 3166 code of the country.',
    orders COMMENT 'Paid orders placed that day.',
    gross_eur COMMENT 'Pieces times price of paid orders, tax included.',
    discounts_eur COMMENT 'Taken off those prices.',
    refunds_eur COMMENT 'Given back that day, for orders of any day.',
    net_eur COMMENT 'gross_eur - discounts_eur - refunds_eur, tax included.',
    tax_eur COMMENT 'Value added tax contained in gross_eur - discounts_eur.',
    CONSTRAINT tax_is_below_gross EXPECT (tax_eur <= gross_eur),
    PRIMARY KEY (day, channel, country)
)
COMMENT 'Revenue by day, channel and country, in euro. Orders count on their own day, refunds on theirs.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH movements AS (
    SELECT
        order_day AS day,
        channel,
        country,
        order_id,
        gross_eur,
        discount_eur,
        CAST(0 AS numeric(18, 2)) AS refund_eur,
        tax_eur
    FROM silver.order_lines
    WHERE status IN ('paid', 'refunded')
    UNION ALL
    SELECT
        CAST(refunded_at AS date),
        channel,
        country,
        NULL,
        CAST(0 AS numeric(18, 2)),
        CAST(0 AS numeric(18, 2)),
        refund_eur,
        CAST(0 AS numeric(18, 2))
    FROM silver.orders
    WHERE refunded_at IS NOT NULL
)
SELECT
    day,
    channel,
    country,
    count(DISTINCT order_id) AS orders,
    CAST(sum(gross_eur) AS numeric(18, 2)) AS gross_eur,
    CAST(sum(discount_eur) AS numeric(18, 2)) AS discounts_eur,
    CAST(sum(refund_eur) AS numeric(18, 2)) AS refunds_eur,
    CAST(sum(gross_eur - discount_eur - refund_eur) AS numeric(18, 2)) AS net_eur,
    CAST(sum(tax_eur) AS numeric(18, 2)) AS tax_eur
FROM movements
GROUP BY day, channel, country;
