-- One row per day, channel and country: how far visits got, from the first page to the purchase.
-- For example: where do we lose visitors from newsletters? SELECT sum(visits), sum(product_visits), sum(cart_visits), sum(checkout_visits), sum(purchase_visits) FROM gold_marketing.web_funnel WHERE channel = 'email';
-- A visit that reached a step counts for all the steps before it, whether it took them or not.
CREATE MATERIALIZED VIEW gold_marketing.web_funnel (
    day COMMENT 'The day the visits began, UTC.',
    channel COMMENT 'How the visitors came.',
    country COMMENT 'ISO 3166 code of where they were; unknown where nobody knows.',
    visits COMMENT 'All visits.',
    product_visits COMMENT 'Those in which a product was looked at, or more.',
    cart_visits COMMENT 'Those in which something was put into the cart, or more.',
    checkout_visits COMMENT 'Those in which the checkout was begun, or more.',
    purchase_visits COMMENT 'Those that ended in an order.',
    conversion COMMENT 'purchase_visits / visits.',
    CONSTRAINT steps_narrow EXPECT (
        visits >= product_visits AND product_visits >= cart_visits
        AND cart_visits >= checkout_visits AND checkout_visits >= purchase_visits
    ) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (day, channel, country)
)
COMMENT 'The web shop''s funnel by day, channel and country.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH steps AS (
    SELECT
        session_day AS day,
        channel,
        coalesce(country, 'unknown') AS country,
        CASE
            WHEN purchases > 0 THEN 4
            WHEN checkouts > 0 THEN 3
            WHEN cart_additions > 0 THEN 2
            WHEN product_views > 0 THEN 1
            ELSE 0
        END AS step
    FROM silver.web_sessions
),
totals AS (
    SELECT
        day,
        channel,
        country,
        count(*) AS visits,
        count(CASE WHEN step >= 1 THEN 1 END) AS product_visits,
        count(CASE WHEN step >= 2 THEN 1 END) AS cart_visits,
        count(CASE WHEN step >= 3 THEN 1 END) AS checkout_visits,
        count(CASE WHEN step = 4 THEN 1 END) AS purchase_visits
    FROM steps
    GROUP BY day, channel, country
)
SELECT
    *,
    CAST(round(CAST(purchase_visits AS numeric(18, 4)) / visits, 4) AS numeric(9, 4)) AS conversion
FROM totals;
