-- One row per day and currency: units of the currency per US dollar.
-- For example: what was a euro worth on the first day? SELECT 1 / rate FROM silver.exchange_rates WHERE currency = 'EUR' ORDER BY day LIMIT 1;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW silver.exchange_rates (
    day COMMENT 'The day.',
    currency COMMENT 'ISO 4217 code.',
    rate COMMENT 'Units of the currency per US dollar.',
    CONSTRAINT day_is_read EXPECT (day IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT rate_is_certain EXPECT (rate IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT rate_is_positive EXPECT (rate > 0) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (day, currency)
)
COMMENT 'Daily exchange rates against the US dollar. A day on which deliveries differ has none.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        -- Rates are of this century, and of days that were.
        CASE WHEN dates.day BETWEEN DATE '2000-01-01' AND DATE '2029-12-31' THEN dates.day END AS day,
        upper(trim(coalesce(rates.currency_code, rates.currency))) AS currency,
        try_cast(trim(rates.exchange) AS numeric(12, 6)) AS rate
    FROM bronze.exchange_rates AS rates
    LEFT JOIN silver.read_dates AS dates
        ON dates.written = trim(rates.date) AND dates.delivery = regexp_replace(rates._source_file, '/[^/]*$', '')
)
SELECT day, currency, CASE WHEN min(rate) = max(rate) THEN max(rate) END AS rate
FROM delivered
GROUP BY day, currency;
