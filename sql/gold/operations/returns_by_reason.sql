-- One row per month, country and reason with the orders that were given back.
-- For example: why do customers want their money back? SELECT reason, sum(refunds) FROM gold_operations.returns_by_reason GROUP BY reason ORDER BY 2 DESC;
CREATE MATERIALIZED VIEW gold_operations.returns_by_reason (
    month COMMENT 'The first day of the month of the refunds.',
    country COMMENT 'ISO 3166 code of the orders'' country.',
    reason COMMENT 'What customers said.',
    refunds COMMENT 'Orders refunded.',
    refunded_eur COMMENT 'What was given back, in euro.',
    days_to_refund COMMENT 'Days from order to refund, the mean.',
    PRIMARY KEY (month, country, reason)
)
COMMENT 'Refunds by month, country and reason.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
SELECT
    refund_month AS month,
    country,
    coalesce(reason, 'unknown') AS reason,
    count(*) AS refunds,
    CAST(sum(amount_eur) AS numeric(18, 2)) AS refunded_eur,
    CAST(round(CAST(sum(refund_day - order_day) AS numeric(18, 4)) / count(*), 2) AS numeric(9, 2)) AS days_to_refund
FROM silver.refunds
GROUP BY refund_month, country, coalesce(reason, 'unknown');
