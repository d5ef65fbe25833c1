-- One row per suspicion: addresses and accounts with many failed sign-ins, and orders from where the customer is not.
-- For example: whose account was attacked last week? SELECT subject, happened_at, weight FROM gold_operations.security_signals WHERE signal = 'account attacked' AND day > DATE '2026-10-24';
-- password spraying: an address that failed to sign in to 8 accounts and more within a clock hour. account
-- attacked: an account with 8 failed sign-ins and more within a clock hour. order from abroad: a web order of 500 euro
-- and more, bought in a network of another country than the order's.
CREATE MATERIALIZED VIEW gold_operations.security_signals (
    signal COMMENT 'password spraying, account attacked or order from abroad.',
    subject COMMENT 'The address, the account''s CRM number, or the order.',
    happened_at COMMENT 'The hour, or the time of the order; UTC.',
    day COMMENT 'The day of happened_at.',
    weight COMMENT 'Accounts tried, sign-ins failed, or whole euro.',
    country COMMENT 'ISO 3166 code of the address'' or purchase''s network, NULL where not known; of several the first by name.',
    CONSTRAINT signal_has_weight EXPECT (weight >= 8) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (signal, subject, happened_at)
)
COMMENT 'What IT and security should look at.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH failed AS (
    SELECT client_ip, user_id, country, date_trunc('hour', occurred_at) AS hour
    FROM silver.access_events
    WHERE kind = 'sign_in_failed'
),
spraying AS (
    SELECT client_ip, hour, count(DISTINCT user_id) AS accounts, min(country) AS country
    FROM failed
    GROUP BY client_ip, hour
),
attacked AS (
    SELECT user_id, hour, count(*) AS attempts, min(country) AS country
    FROM failed
    WHERE user_id IS NOT NULL
    GROUP BY user_id, hour
),
revenue AS (
    SELECT order_id, sum(gross_eur - discount_eur) AS revenue_eur
    FROM silver.order_lines
    WHERE channel = 'web'
    GROUP BY order_id
)
SELECT
    'password spraying' AS signal,
    client_ip AS subject,
    hour AS happened_at,
    CAST(hour AS date) AS day,
    accounts AS weight,
    country
FROM spraying
WHERE accounts >= 8
UNION ALL
SELECT 'account attacked', user_id, hour, CAST(hour AS date), attempts, country
FROM attacked
WHERE attempts >= 8
UNION ALL
SELECT
    'order from abroad',
    orders.order_id,
    orders.ordered_at,
    orders.order_day,
    CAST(floor(revenue.revenue_eur) AS bigint),
    events.country
FROM silver.orders AS orders
INNER JOIN revenue ON revenue.order_id = orders.order_id
INNER JOIN silver.web_events AS events ON events.order_id = orders.order_id AND events.event = 'purchase'
WHERE events.country <> orders.country AND revenue.revenue_eur >= 500;
