-- One row per customer who ever paid for an order: what they brought, and what the next year should bring.
-- For example: who are our hundred best customers? SELECT customer_id, lifetime_value_eur FROM gold_marketing.customer_lifetime_value ORDER BY lifetime_value_eur DESC, customer_id LIMIT 100;
-- Margin is what was charged without tax, minus today's cost of the pieces and minus what was given back.
-- The year to come is the margin a month of life so far, times twelve, for customers with an order in the
-- last six months of the shop's, and nothing for others; life is counted in months begun, from the
-- month of the first order to the newest month of any order. REFRESH POLICY AUTO, because that month is an
-- aggregate over all orders, which has no rule.
CREATE MATERIALIZED VIEW gold_marketing.customer_lifetime_value (
    customer_id COMMENT 'The customer, as in silver.customers.',
    first_order_day COMMENT 'The day of the first paid order.',
    last_order_day COMMENT 'The day of the last one.',
    orders COMMENT 'Paid orders.',
    revenue_eur COMMENT 'What was charged, in euro, tax included.',
    refunds_eur COMMENT 'What was given back.',
    margin_eur COMMENT 'Revenue without tax, minus cost, minus refunds.',
    average_order_eur COMMENT 'revenue_eur / orders.',
    months COMMENT 'Months of life so far, the first and the newest included.',
    expected_eur COMMENT 'Margin expected of the next twelve months.',
    lifetime_value_eur COMMENT 'margin_eur + expected_eur.',
    CONSTRAINT life_is_positive EXPECT (months >= 1) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (customer_id)
)
COMMENT 'Customer lifetime value, past and expected, in euro.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH per_order AS (
    SELECT
        order_id,
        sum(gross_eur - discount_eur) AS revenue_eur,
        sum(gross_eur - discount_eur - tax_eur - cost_eur) AS margin_eur
    FROM silver.order_lines
    WHERE status IN ('paid', 'refunded')
    GROUP BY order_id
),
newest AS (
    SELECT max(order_month) AS month
    FROM silver.orders
),
totals AS (
    SELECT
        identities.customer_id,
        min(orders.order_day) AS first_order_day,
        max(orders.order_day) AS last_order_day,
        min(orders.order_month) AS first_month,
        max(orders.order_month) AS last_month,
        count(*) AS orders,
        CAST(sum(per_order.revenue_eur) AS numeric(18, 2)) AS revenue_eur,
        CAST(sum(coalesce(orders.refund_eur, 0.00)) AS numeric(18, 2)) AS refunds_eur,
        CAST(sum(per_order.margin_eur) - sum(coalesce(orders.refund_eur, 0.00)) AS numeric(18, 2)) AS margin_eur
    FROM silver.orders AS orders
    INNER JOIN per_order ON per_order.order_id = orders.order_id
    INNER JOIN silver.customer_identities AS identities
        ON identities.source = 'crm' AND identities.source_id = orders.customer_id
    GROUP BY identities.customer_id
),
lives AS (
    SELECT
        totals.*,
        CAST(
            (date_part('year', newest.month) - date_part('year', totals.first_month)) * 12
            + date_part('month', newest.month) - date_part('month', totals.first_month) + 1
            AS bigint
        ) AS months,
        CAST(
            (date_part('year', newest.month) - date_part('year', totals.last_month)) * 12
            + date_part('month', newest.month) - date_part('month', totals.last_month)
            AS bigint
        ) AS months_silent
    FROM totals
    CROSS JOIN newest
),
expected AS (
    SELECT
        *,
        CASE
            WHEN months_silent < 6 THEN CAST(round(margin_eur * 12 / months, 2) AS numeric(18, 2))
            ELSE CAST(0 AS numeric(18, 2))
        END AS expected_eur
    FROM lives
)
SELECT
    customer_id,
    first_order_day,
    last_order_day,
    orders,
    revenue_eur,
    refunds_eur,
    margin_eur,
    CAST(round(revenue_eur / orders, 2) AS numeric(18, 2)) AS average_order_eur,
    months,
    expected_eur,
    CAST(margin_eur + expected_eur AS numeric(18, 2)) AS lifetime_value_eur
FROM expected;
