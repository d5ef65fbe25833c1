-- One row per event of the mobile apps.
-- For example: how many purchases came from which app version? SELECT app_version, count(*) FROM silver.app_events WHERE event = 'purchase' GROUP BY app_version;
CREATE MATERIALIZED VIEW silver.app_events (
    event_id COMMENT 'The app''s own number of the event.',
    event COMMENT 'app_open, view_item, add_to_cart, begin_checkout or purchase.',
    occurred_at COMMENT 'UTC by the shop''s clock: the device''s is put right by what it said when it sent the event.',
    event_day COMMENT 'The day of occurred_at.',
    event_month COMMENT 'The first day of that month.',
    device_id COMMENT 'The device.',
    session_id COMMENT 'The app''s own session.',
    user_id COMMENT 'The CRM number of who was signed in, NULL for others.',
    os COMMENT 'ios or android.',
    app_version COMMENT 'The app''s version.',
    sku COMMENT 'The product, eight digits; NULL for events without one.',
    order_id COMMENT 'The order of a purchase, as in silver.orders.',
    CONSTRAINT event_has_id EXPECT (event_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_has_device EXPECT (device_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_has_time EXPECT (occurred_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_is_known EXPECT (event IN ('app_open', 'view_item', 'add_to_cart', 'begin_checkout', 'purchase')),
    PRIMARY KEY (event_id)
)
PARTITIONED BY (event_month)
COMMENT 'What people do in the apps, each event once.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        event_id,
        name AS event,
        -- Numbers that are no times of this era are left out.
        CASE
            WHEN abs(client_ms) < 10000000000000 AND abs(server_ms) < 10000000000000 AND abs(sent_ms) < 10000000000000
                THEN TIMESTAMP '1970-01-01 00:00:00' + (client_ms + server_ms - sent_ms) * INTERVAL '1 millisecond'
        END AS occurred_at,
        server_ms,
        device_id,
        session_id,
        user_id,
        os,
        app_version,
        lpad(sku, 8, '0') AS sku,
        order_id
    FROM bronze.app_events
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY event_id ORDER BY server_ms, occurred_at, device_id) AS place
    FROM delivered
)
SELECT
    event_id,
    event,
    occurred_at,
    CAST(occurred_at AS date) AS event_day,
    CAST(date_trunc('month', occurred_at) AS date) AS event_month,
    device_id,
    session_id,
    user_id,
    os,
    app_version,
    sku,
    order_id
FROM ranked
WHERE place = 1 OR event_id IS NULL;
