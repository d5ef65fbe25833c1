-- One row per event of a person in the web shop, with where they were and how they came.
-- For example: what do people from Leeds look at? SELECT sku, count(*) FROM silver.web_events WHERE event = 'product_view' AND city = 'Leeds' GROUP BY sku ORDER BY 2 DESC LIMIT 10;
-- Robots are left out: those whose browser says so, and visitors of 200 events a day and more. Events of
-- nobody are kept apart, in quarantine.
-- An event is told by its number and the day the browser had, which are the same however often and whenever it is
-- sent, and by whom; a number used again on another day is another event. What a refresh reads are the days touched,
-- whole, not all there ever were.
CREATE MATERIALIZED VIEW silver.web_events (
    event_id COMMENT 'The browser''s own number of the event.',
    event COMMENT 'page_view, product_view, add_to_cart, sign_in, checkout, purchase or session_end.',
    occurred_at COMMENT 'UTC by the shop''s clock: the browser''s is put right by what it said when it sent the event.',
    received_at COMMENT 'When it first arrived, UTC.',
    browser_day COMMENT 'The day by the browser''s clock; with event_id it tells an event.',
    event_day COMMENT 'The day of occurred_at.',
    event_month COMMENT 'The first day of that month.',
    visitor_id COMMENT 'The browser, by its cookie.',
    user_id COMMENT 'The CRM number of who was signed in, NULL for others.',
    sku COMMENT 'The product looked at or put into the cart, eight digits.',
    order_id COMMENT 'The order of a purchase, as in silver.orders.',
    channel COMMENT 'How the visitor came, on the first page of a visit: paid_search, paid_social, email, affiliate, organic_search, referral or direct; NULL on other pages.',
    campaign COMMENT 'The campaign that brought them, NULL for none.',
    country COMMENT 'ISO 3166 code of the country of the network; NULL for networks nobody knows.',
    region COMMENT 'Its region, NULL where not known.',
    city COMMENT 'Its city, NULL where not known.',
    CONSTRAINT event_has_id EXPECT (event_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_has_visitor EXPECT (visitor_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_has_time EXPECT (occurred_at IS NOT NULL AND browser_day IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_is_no_older_than_a_month EXPECT (received_at - occurred_at < INTERVAL '30 days') ON VIOLATION QUARANTINE ROW,
    CONSTRAINT event_is_known EXPECT (event IN ('page_view', 'product_view', 'add_to_cart', 'sign_in', 'checkout', 'purchase', 'session_end')) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT purchase_has_order EXPECT (event <> 'purchase' OR order_id IS NOT NULL),
    CONSTRAINT place_is_known EXPECT (country IS NOT NULL),
    PRIMARY KEY (event_id, browser_day)
)
PARTITIONED BY (event_month)
COMMENT 'What people do in the web shop, each event once.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        nullif(event_id, '') AS event_id,
        event,
        -- The browser's clock was as wrong when it sent the event as when it happened.
        try_cast(event_at AS timestamp) + (try_cast(received_at AS timestamp) - try_cast(sent_at AS timestamp)) AS occurred_at,
        browser_day,
        try_cast(received_at AS timestamp) AS received_at,
        visitor_id,
        coalesce(visitor_id, '') = '' AS is_nobodys,
        nullif(user_id, '') AS user_id,
        concat(split_part(ip, '.', 1), '.', split_part(ip, '.', 2), '.', split_part(ip, '.', 3)) AS network,
        coalesce(lower(user_agent), '') ~ 'bot|crawler|spider' AS is_robot,
        lpad(sku, 8, '0') AS sku,
        order_id,
        nullif(lower(split_part(split_part(page['url'], 'utm_medium=', 2), '&', 1)), '') AS medium,
        nullif(lower(split_part(split_part(page['url'], 'utm_campaign=', 2), '&', 1)), '') AS campaign,
        CASE
            WHEN page['referrer'] LIKE 'https://www.lakeport.example/%' THEN NULL
            WHEN page['referrer'] ~ '^https://www\.(google|bing)\.' THEN 'organic_search'
            WHEN page['referrer'] IS NOT NULL THEN 'referral'
            ELSE 'direct'
        END AS came_by
    FROM bronze.web_events
),
-- Of copies, the first to arrive; one of nobody's is no copy. The day is as it is stored, so that the days of changed
-- rows are found in the files by their statistics.
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY browser_day, event_id, is_nobodys
            ORDER BY received_at, occurred_at, visitor_id, event
        ) AS place
    FROM delivered
),
counted AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY browser_day, visitor_id) AS events_that_day
    FROM ranked
    WHERE place = 1 OR event_id IS NULL
),
people AS (
    SELECT *
    FROM counted
    WHERE (is_nobodys OR events_that_day < 200) AND NOT is_robot
)
SELECT
    people.event_id,
    people.event,
    people.occurred_at,
    people.received_at,
    people.browser_day,
    CAST(people.occurred_at AS date) AS event_day,
    CAST(date_trunc('month', people.occurred_at) AS date) AS event_month,
    nullif(people.visitor_id, '') AS visitor_id,
    people.user_id,
    people.sku,
    people.order_id,
    CASE
        WHEN people.medium = 'cpc' THEN 'paid_search'
        WHEN people.medium IN ('paid_social', 'email', 'affiliate') THEN people.medium
        ELSE people.came_by
    END AS channel,
    people.campaign,
    places.country,
    places.region,
    places.city
FROM people
LEFT JOIN silver.locations AS places ON places.kind = 'network' AND places.code = people.network;
