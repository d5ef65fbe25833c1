-- One row per order, from the tills, the web shop and the apps in one shape.
-- For example: how many orders were cancelled in October? SELECT count(*) FROM silver.orders WHERE status = 'cancelled' AND order_month = DATE '2026-10-01';
CREATE MATERIALIZED VIEW silver.orders (
    order_id COMMENT 'Store, day and receipt number, or the web shop''s own number.',
    channel COMMENT 'store, web or app.',
    store_id COMMENT 'The store; NULL online.',
    customer_id COMMENT 'The customer as the source names them; NULL for sales without a loyalty card.',
    country COMMENT 'ISO 3166 code of the store''s or the customer''s country.',
    currency COMMENT 'ISO 4217 code of what was paid with.',
    tax_percent COMMENT 'Value added tax contained in the prices, in percent.',
    ordered_at COMMENT 'Local time in a store, UTC online.',
    placed_at COMMENT 'The same moment in UTC, to be compared with times of other sources; NULL where the store''s time zone is not known.',
    order_day COMMENT 'The day of ordered_at.',
    order_month COMMENT 'The first day of that month.',
    status COMMENT 'placed, paid, cancelled or refunded. Revenue is what was paid, refunded later or not.',
    paid_at COMMENT 'When the money came in.',
    cancelled_at COMMENT 'When the order was cancelled.',
    refunded_at COMMENT 'When money was given back.',
    refund_amount COMMENT 'How much was given back, in the order''s currency.',
    rate COMMENT 'Units of the currency per euro on the order day.',
    refund_eur COMMENT 'refund_amount in euro, at the rate of the day it was given back.',
    unread_events COMMENT 'Events of the order that cannot be read: without a time, or a refund without an amount.',
    CONSTRAINT order_has_id EXPECT (order_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT order_has_time EXPECT (ordered_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT country_is_known EXPECT (country IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT currency_has_rate EXPECT (rate IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT events_are_readable EXPECT (unread_events = 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT refund_has_sign EXPECT (refund_amount IS NULL OR refund_amount > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT payment_follows_order EXPECT (paid_at IS NULL OR paid_at >= ordered_at),
    PRIMARY KEY (order_id)
)
PARTITIONED BY (order_month)
COMMENT 'Orders of all channels, with what became of them.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH till_lines AS (
    SELECT
        lpad(trim(coalesce(store, store_id)), 3, '0') || '-' || trim(coalesce(receipt, receipt_no)) AS order_id,
        lpad(trim(coalesce(store, store_id)), 3, '0') AS store_id,
        trim(coalesce(receipt, receipt_no)) AS receipt_no,
        try_cast(coalesce(line, line_no) AS bigint) AS line,
        try_cast(coalesce(rev, revision) AS bigint) AS revision,
        try_cast(
            concat(substr(sold_at, 7, 4), '-', substr(sold_at, 4, 2), '-', substr(sold_at, 1, 2), ' ', substr(sold_at, 12))
            AS timestamp
        ) AS ordered_at,
        upper(trim(currency)) AS currency,
        nullif(trim(customer), '') AS customer_id,
        try_cast(replace(vat, '%', '') AS bigint) AS tax_percent
    FROM bronze.store_sales
),
receipts AS (
    -- A receipt's lines repeat what belongs to the whole: the newest revision's first line counts. Those without a
    -- number stay apart, store by store.
    SELECT
        *,
        row_number() OVER (
            PARTITION BY order_id, store_id, receipt_no
            ORDER BY revision DESC NULLS LAST, line, ordered_at, currency, customer_id, tax_percent
        ) AS place
    FROM till_lines
),
in_stores AS (
    SELECT
        receipts.order_id,
        'store' AS channel,
        receipts.store_id,
        receipts.customer_id,
        stores.country,
        receipts.currency,
        receipts.tax_percent,
        receipts.ordered_at,
        CASE stores.time_zone
            WHEN 'Europe/Berlin' THEN receipts.ordered_at AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'UTC'
            WHEN 'Europe/Paris' THEN receipts.ordered_at AT TIME ZONE 'Europe/Paris' AT TIME ZONE 'UTC'
            WHEN 'Europe/Amsterdam' THEN receipts.ordered_at AT TIME ZONE 'Europe/Amsterdam' AT TIME ZONE 'UTC'
            WHEN 'Europe/Rome' THEN receipts.ordered_at AT TIME ZONE 'Europe/Rome' AT TIME ZONE 'UTC'
            WHEN 'Europe/Madrid' THEN receipts.ordered_at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC'
            WHEN 'Europe/London' THEN receipts.ordered_at AT TIME ZONE 'Europe/London' AT TIME ZONE 'UTC'
            WHEN 'America/New_York' THEN receipts.ordered_at AT TIME ZONE 'America/New_York' AT TIME ZONE 'UTC'
            WHEN 'America/Chicago' THEN receipts.ordered_at AT TIME ZONE 'America/Chicago' AT TIME ZONE 'UTC'
            WHEN 'America/Denver' THEN receipts.ordered_at AT TIME ZONE 'America/Denver' AT TIME ZONE 'UTC'
            WHEN 'America/Los_Angeles' THEN receipts.ordered_at AT TIME ZONE 'America/Los_Angeles' AT TIME ZONE 'UTC'
            WHEN 'America/Toronto' THEN receipts.ordered_at AT TIME ZONE 'America/Toronto' AT TIME ZONE 'UTC'
            WHEN 'Australia/Sydney' THEN receipts.ordered_at AT TIME ZONE 'Australia/Sydney' AT TIME ZONE 'UTC'
            WHEN 'Australia/Perth' THEN receipts.ordered_at AT TIME ZONE 'Australia/Perth' AT TIME ZONE 'UTC'
        END AS placed_at,
        receipts.ordered_at AS paid_at,
        CAST(NULL AS timestamp) AS cancelled_at,
        CAST(NULL AS timestamp) AS refunded_at,
        CAST(NULL AS numeric(12, 2)) AS refund_amount,
        CAST(0 AS bigint) AS unread_events
    FROM receipts
    LEFT JOIN silver.stores AS stores ON stores.store_id = receipts.store_id
    WHERE receipts.place = 1
),
events AS (
    -- Events without an order's id stay apart, each by its own id, to be kept in quarantine.
    SELECT
        coalesce(order_id, event_id) AS order_key,
        order_id,
        event,
        sequence,
        try_cast(event_at AS timestamp) AS event_at,
        channel,
        customer_id,
        country,
        currency,
        CAST(tax_rate AS bigint) AS tax_percent,
        try_cast(refund_amount AS numeric(12, 2)) AS refund_amount
    FROM bronze.online_orders
),
newest_events AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY order_id, order_key, event
            ORDER BY sequence DESC NULLS LAST, event_at DESC NULLS LAST, refund_amount DESC NULLS LAST
        ) AS place
    FROM events
),
online AS (
    SELECT
        order_id,
        max(channel) AS channel,
        CAST(NULL AS text) AS store_id,
        max(customer_id) AS customer_id,
        max(country) AS country,
        max(currency) AS currency,
        max(tax_percent) AS tax_percent,
        max(CASE WHEN event = 'placed' THEN event_at END) AS ordered_at,
        max(CASE WHEN event = 'placed' THEN event_at END) AS placed_at,
        max(CASE WHEN event = 'paid' THEN event_at END) AS paid_at,
        max(CASE WHEN event = 'cancelled' THEN event_at END) AS cancelled_at,
        max(CASE WHEN event = 'refunded' THEN event_at END) AS refunded_at,
        max(CASE WHEN event = 'refunded' THEN refund_amount END) AS refund_amount,
        count(CASE WHEN event_at IS NULL OR (event = 'refunded' AND refund_amount IS NULL) THEN 1 END) AS unread_events
    FROM newest_events
    WHERE place = 1
    GROUP BY order_id, order_key
),
all_orders AS (
    SELECT * FROM in_stores
    UNION ALL
    SELECT * FROM online
)
SELECT
    orders.order_id,
    orders.channel,
    orders.store_id,
    orders.customer_id,
    orders.country,
    orders.currency,
    orders.tax_percent,
    orders.ordered_at,
    orders.placed_at,
    CAST(orders.ordered_at AS date) AS order_day,
    CAST(date_trunc('month', orders.ordered_at) AS date) AS order_month,
    CASE
        WHEN orders.refunded_at IS NOT NULL THEN 'refunded'
        WHEN orders.cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN orders.paid_at IS NOT NULL THEN 'paid'
        ELSE 'placed'
    END AS status,
    orders.paid_at,
    orders.cancelled_at,
    orders.refunded_at,
    orders.refund_amount,
    order_rates.rate,
    CAST(round(orders.refund_amount / refund_rates.rate, 2) AS numeric(18, 2)) AS refund_eur,
    orders.unread_events
FROM all_orders AS orders
LEFT JOIN silver.currency_rates AS order_rates
    ON order_rates.currency = orders.currency AND order_rates.day = CAST(orders.ordered_at AS date)
LEFT JOIN silver.currency_rates AS refund_rates
    ON refund_rates.currency = orders.currency AND refund_rates.day = CAST(orders.refunded_at AS date);
