-- One row per customer with a sale: how recently, how often and for how much they buy, in quintiles.
-- For example: whom should we win back? SELECT customer_id, monetary_gbp FROM gold_marketing.customer_segments WHERE segment = 'at risk' ORDER BY monetary_gbp DESC;
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW gold_marketing.customer_segments (
    customer_id COMMENT 'The customer.',
    recency_days COMMENT 'Days from the last sale to the newest day of all sales.',
    frequency COMMENT 'Invoices with a sale.',
    monetary_gbp COMMENT 'Sales in pounds, returns not taken off.',
    recency_score COMMENT '5 for the fifth that bought last, 1 for the fifth that bought longest ago.',
    frequency_score COMMENT '5 for the fifth that buys most often.',
    monetary_score COMMENT '5 for the fifth that spends most.',
    segment COMMENT 'champion, loyal, new, at risk, lost or regular.',
    PRIMARY KEY (customer_id)
)
COMMENT 'Customers by recency, frequency and monetary value (RFM). Equal values are told apart by customer_id.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH sales AS (
    SELECT customer_id, invoice_no, CAST(invoiced_at AS date) AS day, quantity * unit_price_gbp AS amount_gbp
    FROM silver.invoice_lines
    WHERE kind = 'sale' AND customer_id IS NOT NULL
),
newest AS (
    SELECT max(day) AS today
    FROM sales
),
totals AS (
    SELECT
        customer_id,
        max(day) AS last_day,
        count(DISTINCT invoice_no) AS frequency,
        CAST(sum(amount_gbp) AS numeric(18, 6)) AS monetary_gbp
    FROM sales
    GROUP BY customer_id
),
scored AS (
    SELECT
        totals.customer_id,
        CAST(newest.today - totals.last_day AS bigint) AS recency_days,
        totals.frequency,
        totals.monetary_gbp,
        CAST(ntile(5) OVER (ORDER BY totals.last_day, totals.customer_id) AS bigint) AS recency_score,
        CAST(ntile(5) OVER (ORDER BY totals.frequency, totals.customer_id) AS bigint) AS frequency_score,
        CAST(ntile(5) OVER (ORDER BY totals.monetary_gbp, totals.customer_id) AS bigint) AS monetary_score
    FROM totals
    CROSS JOIN newest
)
SELECT
    customer_id,
    recency_days,
    frequency,
    monetary_gbp,
    recency_score,
    frequency_score,
    monetary_score,
    CASE
        WHEN recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4 THEN 'champion'
        WHEN recency_score >= 3 AND frequency_score >= 4 THEN 'loyal'
        WHEN recency_score >= 4 AND frequency_score <= 2 THEN 'new'
        WHEN recency_score <= 2 AND frequency_score >= 3 THEN 'at risk'
        WHEN recency_score = 1 THEN 'lost'
        ELSE 'regular'
    END AS segment
FROM scored;
