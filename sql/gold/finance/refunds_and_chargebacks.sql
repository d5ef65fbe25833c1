-- One row per month, way, country and reason with what customers got back, in euro.
-- For example: what did customers dispute with their banks? SELECT month, sum(amount_eur) FROM gold_finance.refunds_and_chargebacks WHERE kind = 'chargeback' GROUP BY month;
CREATE MATERIALIZED VIEW gold_finance.refunds_and_chargebacks (
    month COMMENT 'The first day of the month of the refund, or of the chargeback''s settlement.',
    kind COMMENT 'refund or chargeback.',
    country COMMENT 'ISO 3166 code of the order''s country.',
    reason COMMENT 'What the customer said; disputed for chargebacks.',
    cases COMMENT 'How many.',
    amount_eur COMMENT 'Given back, in euro, at the rate of the day.',
    settled_cases COMMENT 'How many the provider has settled.',
    fees_eur COMMENT 'What the provider charged for it.',
    PRIMARY KEY (month, kind, country, reason)
)
COMMENT 'Refunds by the shop and chargebacks by banks, by month, country and reason.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH cases AS (
    SELECT
        refund_month AS month,
        'refund' AS kind,
        country,
        coalesce(reason, 'unknown') AS reason,
        amount_eur,
        CASE WHEN settled_on IS NULL THEN 0 ELSE 1 END AS settled,
        CAST(0 AS numeric(18, 2)) AS fee_eur
    FROM silver.refunds
    UNION ALL
    SELECT
        payments.settled_month,
        'chargeback',
        orders.country,
        'disputed',
        -payments.amount_eur,
        1,
        payments.fee_eur
    FROM silver.payments AS payments
    INNER JOIN silver.orders AS orders ON orders.order_id = payments.order_id
    WHERE payments.kind = 'chargeback'
)
SELECT
    month,
    kind,
    country,
    reason,
    count(*) AS cases,
    CAST(sum(amount_eur) AS numeric(18, 2)) AS amount_eur,
    CAST(sum(settled) AS bigint) AS settled_cases,
    CAST(sum(fee_eur) AS numeric(18, 2)) AS fees_eur
FROM cases
GROUP BY month, kind, country, reason;
