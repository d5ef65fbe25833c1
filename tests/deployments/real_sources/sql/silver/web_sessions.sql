-- One row per session of a visitor, by Google's own session number.
-- For example: how long are sessions with a purchase? SELECT avg(seconds) FROM silver.web_sessions WHERE purchases > 0;
-- REFRESH POLICY AUTO: an export has whole days of all visitors, so that following it touches most sessions.
CREATE MATERIALIZED VIEW silver.web_sessions (
    visitor COMMENT 'The visitor''s pseudonym.',
    session_id COMMENT 'Google''s number of the session.',
    started_at COMMENT 'The first event.',
    seconds COMMENT 'From the first event to the last.',
    events COMMENT 'Events.',
    page_views COMMENT 'Pages seen.',
    product_views COMMENT 'Products looked at.',
    carts COMMENT 'Additions to the cart.',
    checkouts COMMENT 'Checkouts begun.',
    purchases COMMENT 'Purchases, each transaction once.',
    CONSTRAINT session_is_known EXPECT (session_id IS NOT NULL) ON VIOLATION QUARANTINE ROW
)
COMMENT 'Sessions with what was done in them.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        user_pseudo_id,
        event_timestamp,
        event_name,
        event_bundle_sequence_id,
        ecommerce['transaction_id'] AS transaction_id,
        unnest(event_params) AS parameter
    FROM bronze.ga4_events
),
identified AS (
    SELECT
        user_pseudo_id AS visitor,
        event_timestamp,
        event_name,
        max(nullif(transaction_id, '(not set)')) AS transaction_id,
        max(CASE WHEN parameter['key'] = 'ga_session_id' THEN parameter['value']['int_value'] END) AS session_id
    FROM delivered
    GROUP BY user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id
)
SELECT
    visitor,
    session_id,
    to_timestamp(CAST(min(event_timestamp) / 1000000 AS double precision)) AS started_at,
    (max(event_timestamp) - min(event_timestamp)) / 1000000 AS seconds,
    count(*) AS events,
    count(CASE WHEN event_name = 'page_view' THEN 1 END) AS page_views,
    count(CASE WHEN event_name = 'view_item' THEN 1 END) AS product_views,
    count(CASE WHEN event_name = 'add_to_cart' THEN 1 END) AS carts,
    count(CASE WHEN event_name = 'begin_checkout' THEN 1 END) AS checkouts,
    count(DISTINCT CASE WHEN event_name = 'purchase' THEN transaction_id END) AS purchases
FROM identified
GROUP BY visitor, session_id;
