-- One row per currency and calendar day, from the currency's first to its last published day: units per euro.
-- For example: what was a pound worth in euro on Christmas Day? SELECT 1 / rate FROM silver.currency_rates WHERE currency = 'GBP' AND day = DATE '2010-12-25';
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW silver.currency_rates (
    day COMMENT 'The calendar day.',
    currency COMMENT 'ISO 4217 code.',
    rate COMMENT 'Units of the currency per one euro, as the ECB published it that day or last before.',
    CONSTRAINT rate_is_positive EXPECT (rate > 0) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (day, currency)
)
COMMENT 'ECB reference rates for every calendar day: weekends, holidays and N/A take the last earlier rate.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        CAST(f.date AS date) AS day,
        unnest(make_array(
            named_struct('currency', 'USD', 'rate', usd),
            named_struct('currency', 'JPY', 'rate', jpy),
            named_struct('currency', 'BGN', 'rate', bgn),
            named_struct('currency', 'CYP', 'rate', cyp),
            named_struct('currency', 'CZK', 'rate', czk),
            named_struct('currency', 'DKK', 'rate', dkk),
            named_struct('currency', 'EEK', 'rate', eek),
            named_struct('currency', 'GBP', 'rate', gbp),
            named_struct('currency', 'HUF', 'rate', huf),
            named_struct('currency', 'LTL', 'rate', ltl),
            named_struct('currency', 'LVL', 'rate', lvl),
            named_struct('currency', 'MTL', 'rate', mtl),
            named_struct('currency', 'PLN', 'rate', pln),
            named_struct('currency', 'ROL', 'rate', rol),
            named_struct('currency', 'RON', 'rate', ron),
            named_struct('currency', 'SEK', 'rate', sek),
            named_struct('currency', 'SIT', 'rate', sit),
            named_struct('currency', 'SKK', 'rate', skk),
            named_struct('currency', 'CHF', 'rate', chf),
            named_struct('currency', 'ISK', 'rate', isk),
            named_struct('currency', 'NOK', 'rate', nok),
            named_struct('currency', 'HRK', 'rate', hrk),
            named_struct('currency', 'RUB', 'rate', rub),
            named_struct('currency', 'TRL', 'rate', trl),
            named_struct('currency', 'TRY', 'rate', "try"),
            named_struct('currency', 'AUD', 'rate', aud),
            named_struct('currency', 'BRL', 'rate', brl),
            named_struct('currency', 'CAD', 'rate', cad),
            named_struct('currency', 'CNY', 'rate', cny),
            named_struct('currency', 'HKD', 'rate', hkd),
            named_struct('currency', 'IDR', 'rate', idr),
            named_struct('currency', 'ILS', 'rate', ils),
            named_struct('currency', 'INR', 'rate', inr),
            named_struct('currency', 'KRW', 'rate', krw),
            named_struct('currency', 'MXN', 'rate', mxn),
            named_struct('currency', 'MYR', 'rate', myr),
            named_struct('currency', 'NZD', 'rate', nzd),
            named_struct('currency', 'PHP', 'rate', php),
            named_struct('currency', 'SGD', 'rate', sgd),
            named_struct('currency', 'THB', 'rate', thb),
            named_struct('currency', 'ZAR', 'rate', zar)
        )) AS quote
    FROM bronze.ecb_fx AS f
),
published AS (
    -- A day may come in several files; were they ever to differ, the higher rate wins in any order.
    SELECT
        day,
        quote['currency'] AS currency,
        max(CAST(quote['rate'] AS numeric(18, 8))) AS rate
    FROM delivered
    WHERE quote['rate'] <> 'N/A' AND quote['rate'] <> ''
    GROUP BY day, quote['currency']
),
periods AS (
    -- The last published day stands for itself alone.
    SELECT
        day,
        currency,
        rate,
        coalesce(lead(day) OVER (PARTITION BY currency ORDER BY day) - INTERVAL '1 day', day) AS last_day
    FROM published
)
SELECT
    CAST(generate_series(day, CAST(last_day AS date), INTERVAL '1 day') AS date) AS day,
    currency,
    rate
FROM periods;
