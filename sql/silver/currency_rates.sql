-- One row per currency and calendar day: units of the currency per euro, the last known rate carried forward.
-- For example: what was a US dollar worth on 11 October? SELECT 1 / rate FROM silver.currency_rates WHERE currency = 'USD' AND day = DATE '2026-10-11';
-- Not partitioned: a rate a day and currency, which all that reads it reads by day.
CREATE MATERIALIZED VIEW silver.currency_rates (
    day COMMENT 'The calendar day the rate is used for.',
    currency COMMENT 'ISO 4217 code; EUR itself is there with rate 1.',
    rate COMMENT 'Units of the currency per one euro.',
    published_on COMMENT 'The day the bank published the rate: day itself, or the last working day before.',
    CONSTRAINT day_is_known EXPECT (day IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT rate_is_positive EXPECT (rate > 0) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (day, currency)
)
COMMENT 'Daily rates against the euro. Weekends, holidays and N/A take the last earlier rate; the newest one holds for a week.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT f.date AS day, 'USD' AS currency, f.usd AS rate FROM bronze.fx_rates AS f
    UNION ALL
    SELECT f.date, 'GBP', f.gbp FROM bronze.fx_rates AS f
    UNION ALL
    SELECT f.date, 'CAD', f.cad FROM bronze.fx_rates AS f
    UNION ALL
    SELECT f.date, 'AUD', f.aud FROM bronze.fx_rates AS f
    UNION ALL
    SELECT f.date, 'EUR', '1' FROM bronze.fx_rates AS f
),
typed AS (
    SELECT
        try_cast(trim(day) AS date) AS day,
        currency,
        try_cast(trim(rate) AS numeric(18, 8)) AS rate
    FROM delivered
    WHERE upper(trim(rate)) NOT IN ('N/A', '')
),
published AS (
    -- A day comes in several files; were they ever to differ, the higher rate wins in any order.
    SELECT day, currency, max(rate) AS rate
    FROM typed
    WHERE day IS NOT NULL AND rate > 0
    GROUP BY day, currency
),
refused AS (
    -- What is no rate of a day is kept in quarantine, and the last rate carried on.
    SELECT day, currency, min(rate) AS rate
    FROM typed
    WHERE day IS NULL OR rate IS NULL OR rate <= 0
    GROUP BY day, currency
),
periods AS (
    SELECT
        day,
        currency,
        rate,
        coalesce(
            lead(day) OVER (PARTITION BY currency ORDER BY day) - INTERVAL '1 day',
            day + INTERVAL '6 days'
        ) AS last_day
    FROM published
)
SELECT
    CAST(generate_series(day, CAST(last_day AS date), INTERVAL '1 day') AS date) AS day,
    currency,
    rate,
    day AS published_on
FROM periods
UNION ALL
SELECT day, currency, CASE WHEN rate <= 0 THEN rate END, day
FROM refused;
