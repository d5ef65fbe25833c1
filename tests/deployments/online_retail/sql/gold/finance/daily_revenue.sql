-- One row per day with a sale or a return.
-- For example: what was the best month? SELECT date_trunc('month', day), sum(net_eur) FROM gold_finance.daily_revenue GROUP BY 1 ORDER BY 2 DESC LIMIT 1;
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW gold_finance.daily_revenue (
    day COMMENT 'The day of the invoices.',
    gross_gbp COMMENT 'Sales in pounds, unrounded.',
    returns_gbp COMMENT 'Returns in pounds, negative, unrounded.',
    net_gbp COMMENT 'gross_gbp + returns_gbp.',
    net_eur COMMENT 'net_gbp in euro at the day''s ECB rate, rounded to cents; NULL without a rate.',
    net_usd COMMENT 'The unrounded euro in US dollars at the day''s ECB rate, rounded to cents.',
    CONSTRAINT day_has_rate EXPECT (net_eur IS NOT NULL AND net_usd IS NOT NULL),
    PRIMARY KEY (day)
)
COMMENT 'Revenue by day, exact in pounds, and in euro and dollars at the rates of the day.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH amounts AS (
    SELECT
        CAST(invoiced_at AS date) AS day,
        kind,
        quantity * unit_price_gbp AS amount_gbp
    FROM silver.invoice_lines
    WHERE kind <> 'other'
),
days AS (
    SELECT
        day,
        CAST(sum(CASE WHEN kind = 'sale' THEN amount_gbp ELSE 0 END) AS numeric(18, 6)) AS gross_gbp,
        CAST(sum(CASE WHEN kind = 'return' THEN amount_gbp ELSE 0 END) AS numeric(18, 6)) AS returns_gbp,
        CAST(sum(amount_gbp) AS numeric(18, 6)) AS net_gbp
    FROM amounts
    GROUP BY day
)
SELECT
    days.day,
    days.gross_gbp,
    days.returns_gbp,
    days.net_gbp,
    CAST(round(days.net_gbp / pound.rate, 2) AS numeric(18, 2)) AS net_eur,
    -- Dividing last: the same number, and nothing is rounded before the end.
    CAST(round(days.net_gbp * dollar.rate / pound.rate, 2) AS numeric(18, 2)) AS net_usd
FROM days
LEFT JOIN silver.currency_rates AS pound ON pound.day = days.day AND pound.currency = 'GBP'
LEFT JOIN silver.currency_rates AS dollar ON dollar.day = days.day AND dollar.currency = 'USD';
