-- One row per order for which money was given back, why, and whether the provider has paid it out.
-- For example: which refunds are not settled yet? SELECT order_id, amount, currency FROM silver.refunds WHERE settled_on IS NULL;
CREATE MATERIALIZED VIEW silver.refunds (
    order_id COMMENT 'The order, as in silver.orders.',
    refunded_at COMMENT 'When the shop gave the money back.',
    refund_day COMMENT 'The day of refunded_at.',
    refund_month COMMENT 'The first day of that month.',
    order_day COMMENT 'The day of the order.',
    channel COMMENT 'web or app.',
    country COMMENT 'ISO 3166 code of the order''s country.',
    reason COMMENT 'What the customer said.',
    currency COMMENT 'ISO 4217 code of amount.',
    amount COMMENT 'Given back, in the order''s currency.',
    amount_eur COMMENT 'amount in euro, at the rate of refund_day.',
    settled_on COMMENT 'When the provider took it from a settlement; NULL until then.',
    settled_amount COMMENT 'What the provider took, in the order''s currency.',
    CONSTRAINT reason_is_known EXPECT (reason IS NOT NULL),
    CONSTRAINT amount_is_positive EXPECT (amount > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT refund_follows_order EXPECT (refund_day >= order_day),
    CONSTRAINT settled_is_refunded EXPECT (settled_amount IS NULL OR settled_amount = amount),
    PRIMARY KEY (order_id)
)
PARTITIONED BY (refund_month)
COMMENT 'Refunds of orders online, with their settlement.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH ranked_events AS (
    SELECT
        order_id,
        reason,
        row_number() OVER (PARTITION BY order_id ORDER BY sequence DESC NULLS LAST, event_at DESC NULLS LAST, reason) AS place
    FROM bronze.online_orders
    WHERE event = 'refunded' AND order_id IS NOT NULL
),
events AS (
    SELECT order_id, reason
    FROM ranked_events
    WHERE place = 1
),
orders AS (
    SELECT *
    FROM silver.orders
    WHERE refunded_at IS NOT NULL
),
settled AS (
    SELECT order_id, max(settled_on) AS settled_on, -sum(amount) AS amount
    FROM silver.payments
    WHERE kind = 'refund' AND order_id IS NOT NULL
    GROUP BY order_id
)
SELECT
    orders.order_id,
    orders.refunded_at,
    CAST(orders.refunded_at AS date) AS refund_day,
    CAST(date_trunc('month', orders.refunded_at) AS date) AS refund_month,
    orders.order_day,
    orders.channel,
    orders.country,
    events.reason,
    orders.currency,
    orders.refund_amount AS amount,
    orders.refund_eur AS amount_eur,
    settled.settled_on,
    CAST(settled.amount AS numeric(12, 2)) AS settled_amount
FROM orders
LEFT JOIN events ON events.order_id = orders.order_id
LEFT JOIN settled ON settled.order_id = orders.order_id;
