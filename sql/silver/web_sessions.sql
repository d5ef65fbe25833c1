-- One row per visit: a visitor's events without a break of more than 30 minutes.
-- For example: how long do visits from newsletters last? SELECT avg(duration_s) FROM silver.web_sessions WHERE channel = 'email';
CREATE MATERIALIZED VIEW silver.web_sessions (
    session_id COMMENT 'The visitor and the moment of the first event.',
    visitor_id COMMENT 'The browser, by its cookie.',
    user_id COMMENT 'The CRM number that signed in during the visit, NULL for none; of several the highest.',
    started_at COMMENT 'The first event, UTC.',
    ended_at COMMENT 'The last event.',
    session_day COMMENT 'The day of started_at.',
    session_month COMMENT 'The first day of that month.',
    duration_s COMMENT 'Whole seconds from first to last event.',
    events COMMENT 'Events.',
    product_views COMMENT 'Products looked at.',
    cart_additions COMMENT 'Products put into the cart.',
    checkouts COMMENT 'Times the checkout was begun.',
    purchases COMMENT 'Orders placed.',
    closed COMMENT 'Whether the browser said that the visit ended; many never do.',
    channel COMMENT 'How the visitor came: that of the first event; direct where it has none.',
    campaign COMMENT 'The campaign that brought them, NULL for none.',
    country COMMENT 'ISO 3166 code of the country of the first event, NULL where not known.',
    region COMMENT 'Its region, NULL where not known.',
    city COMMENT 'Its city, NULL where not known.',
    CONSTRAINT session_ends_after_start EXPECT (ended_at >= started_at) ON VIOLATION FAIL UPDATE,
    CONSTRAINT session_is_a_persons EXPECT (duration_s < 86400),
    PRIMARY KEY (session_id)
)
PARTITIONED BY (session_month)
COMMENT 'Visits of the web shop, cut where nothing happened for more than 30 minutes.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
-- Events of one moment are told apart by what the first one of a session says of it; their numbers would do as well, and
-- are most of the bytes there are to read.
WITH gaps AS (
    SELECT
        *,
        CASE
            WHEN occurred_at - lag(occurred_at) OVER (
                PARTITION BY visitor_id
                ORDER BY occurred_at, channel, campaign, country, region, city
            ) <= INTERVAL '30 minutes' THEN 0
            ELSE 1
        END AS starts
    FROM silver.web_events
),
numbered AS (
    SELECT
        *,
        sum(starts) OVER (
            PARTITION BY visitor_id
            ORDER BY occurred_at, channel, campaign, country, region, city
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS session
    FROM gaps
),
sessions AS (
    SELECT
        visitor_id,
        session,
        max(user_id) AS user_id,
        min(occurred_at) AS started_at,
        max(occurred_at) AS ended_at,
        count(*) AS events,
        count(CASE WHEN event = 'product_view' THEN 1 END) AS product_views,
        count(CASE WHEN event = 'add_to_cart' THEN 1 END) AS cart_additions,
        count(CASE WHEN event = 'checkout' THEN 1 END) AS checkouts,
        count(CASE WHEN event = 'purchase' THEN 1 END) AS purchases,
        bool_or(event = 'session_end') AS closed,
        max(CASE WHEN starts = 1 THEN channel END) AS channel,
        max(CASE WHEN starts = 1 THEN campaign END) AS campaign,
        max(CASE WHEN starts = 1 THEN country END) AS country,
        max(CASE WHEN starts = 1 THEN region END) AS region,
        max(CASE WHEN starts = 1 THEN city END) AS city
    FROM numbered
    GROUP BY visitor_id, session
)
SELECT
    visitor_id || '-' || to_char(started_at, 'YYYYMMDDHH24MISSMS') AS session_id,
    visitor_id,
    user_id,
    started_at,
    ended_at,
    CAST(started_at AS date) AS session_day,
    CAST(date_trunc('month', started_at) AS date) AS session_month,
    CAST(floor(extract(epoch FROM ended_at - started_at)) AS bigint) AS duration_s,
    events,
    product_views,
    cart_additions,
    checkouts,
    purchases,
    closed,
    coalesce(channel, 'direct') AS channel,
    campaign,
    country,
    region,
    city
FROM sessions;
