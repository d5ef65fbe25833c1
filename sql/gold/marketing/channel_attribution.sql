-- One row per paid online order: the channel and campaign it is credited to.
-- For example: which channel brings most revenue? SELECT channel, sum(revenue_eur) FROM gold_marketing.channel_attribution GROUP BY channel ORDER BY 2 DESC;
-- Credit goes to the last visit that was not direct, begun by the order's customer, in any browser of
-- theirs, in the 30 days before the order; to direct where there was none. Revenue is what was charged,
-- tax included, refunds not taken off.
CREATE MATERIALIZED VIEW gold_marketing.channel_attribution (
    order_id COMMENT 'The order, as in silver.orders; web and app.',
    order_day COMMENT 'The day of the order.',
    order_month COMMENT 'The first day of that month.',
    customer_id COMMENT 'The customer, NULL where nobody knows who it was.',
    channel COMMENT 'The channel with the credit; direct where no other visit was found.',
    campaign COMMENT 'The campaign with the credit; none where the channel has none.',
    touched_at COMMENT 'When that visit began, NULL for direct.',
    revenue_eur COMMENT 'What the order''s lines came to in euro, discounts taken off.',
    CONSTRAINT revenue_is_known EXPECT (revenue_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (order_id)
)
PARTITIONED BY (order_month)
COMMENT 'Paid online orders by the last visit that was not direct in 30 days.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH revenue AS (
    SELECT order_id, CAST(sum(gross_eur - discount_eur) AS numeric(18, 2)) AS revenue_eur
    FROM silver.order_lines
    WHERE channel IN ('web', 'app') AND status IN ('paid', 'refunded')
    GROUP BY order_id
),
bought AS (
    SELECT
        orders.order_id,
        orders.ordered_at,
        orders.order_day,
        orders.order_month,
        identities.customer_id,
        revenue.revenue_eur
    FROM silver.orders AS orders
    INNER JOIN revenue ON revenue.order_id = orders.order_id
    LEFT JOIN silver.customer_identities AS identities
        ON identities.source = 'crm' AND identities.source_id = orders.customer_id
),
touches AS (
    SELECT identities.customer_id, sessions.started_at, sessions.channel, sessions.campaign
    FROM silver.web_sessions AS sessions
    INNER JOIN silver.customer_identities AS identities
        ON identities.source = 'web' AND identities.source_id = sessions.visitor_id
    WHERE sessions.channel <> 'direct'
),
ranked AS (
    SELECT
        bought.order_id,
        touches.channel,
        touches.campaign,
        touches.started_at,
        row_number() OVER (
            PARTITION BY bought.order_id
            ORDER BY touches.started_at DESC, touches.channel, touches.campaign
        ) AS place
    FROM bought
    INNER JOIN touches ON touches.customer_id = bought.customer_id
    WHERE touches.started_at <= bought.ordered_at
        AND touches.started_at >= bought.ordered_at - INTERVAL '30 days'
)
SELECT
    bought.order_id,
    bought.order_day,
    bought.order_month,
    bought.customer_id,
    coalesce(ranked.channel, 'direct') AS channel,
    coalesce(ranked.campaign, 'none') AS campaign,
    ranked.started_at AS touched_at,
    bought.revenue_eur
FROM bought
LEFT JOIN ranked ON ranked.order_id = bought.order_id AND ranked.place = 1;
