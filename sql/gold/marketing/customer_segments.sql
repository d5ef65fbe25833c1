-- One row per customer who ever paid for an order: recency, frequency and value, each in fifths.
-- For example: whom should we win back? SELECT customer_id, monetary_eur FROM gold_marketing.customer_segments WHERE segment = 'at risk' ORDER BY monetary_eur DESC LIMIT 10;
-- Orders of all channels count, on their own day; value is what was charged, tax included, refunds not
-- taken off. Fifths are of all customers in order, equal ones told apart by customer_id; the clock is the
-- newest day with an order. REFRESH POLICY AUTO, because a fifth depends on everybody: a window over all
-- rows has no rule.
CREATE MATERIALIZED VIEW gold_marketing.customer_segments (
    customer_id COMMENT 'The customer, as in silver.customers.',
    recency_days COMMENT 'Days from the last order to the newest day of all orders.',
    frequency COMMENT 'Paid orders.',
    monetary_eur COMMENT 'What they came to, in euro.',
    recency_score COMMENT '5 for the fifth that bought last, 1 for the fifth that bought longest ago.',
    frequency_score COMMENT '5 for the fifth that buys most often.',
    monetary_score COMMENT '5 for the fifth that spends most.',
    segment COMMENT 'champion, loyal, new, at risk, lost or regular.',
    CONSTRAINT scores_are_fifths EXPECT (recency_score BETWEEN 1 AND 5 AND frequency_score BETWEEN 1 AND 5 AND monetary_score BETWEEN 1 AND 5) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (customer_id)
)
COMMENT 'Customers by recency, frequency and monetary value (RFM).'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH revenue AS (
    SELECT order_id, sum(gross_eur - discount_eur) AS revenue_eur
    FROM silver.order_lines
    WHERE status IN ('paid', 'refunded')
    GROUP BY order_id
),
totals AS (
    SELECT
        identities.customer_id,
        max(orders.order_day) AS last_day,
        count(*) AS frequency,
        CAST(sum(revenue.revenue_eur) AS numeric(18, 2)) AS monetary_eur
    FROM silver.orders AS orders
    INNER JOIN revenue ON revenue.order_id = orders.order_id
    INNER JOIN silver.customer_identities AS identities
        ON identities.source = 'crm' AND identities.source_id = orders.customer_id
    GROUP BY identities.customer_id
),
newest AS (
    SELECT max(order_day) AS today
    FROM silver.orders
),
scored AS (
    SELECT
        totals.customer_id,
        CAST(newest.today - totals.last_day AS bigint) AS recency_days,
        totals.frequency,
        totals.monetary_eur,
        CAST(ntile(5) OVER (ORDER BY totals.last_day, totals.customer_id) AS bigint) AS recency_score,
        CAST(ntile(5) OVER (ORDER BY totals.frequency, totals.customer_id) AS bigint) AS frequency_score,
        CAST(ntile(5) OVER (ORDER BY totals.monetary_eur, totals.customer_id) AS bigint) AS monetary_score
    FROM totals
    CROSS JOIN newest
)
SELECT
    *,
    CASE
        WHEN recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4 THEN 'champion'
        WHEN recency_score >= 3 AND frequency_score >= 4 THEN 'loyal'
        WHEN recency_score >= 4 AND frequency_score <= 2 THEN 'new'
        WHEN recency_score <= 2 AND frequency_score >= 3 THEN 'at risk'
        WHEN recency_score = 1 THEN 'lost'
        ELSE 'regular'
    END AS segment
FROM scored;
