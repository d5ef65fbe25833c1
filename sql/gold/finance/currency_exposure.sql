-- One row per month and foreign currency with what came in and went out in it.
-- For example: how many dollars did October leave us with? SELECT net FROM gold_finance.currency_exposure WHERE currency = 'USD' AND month = DATE '2026-10-01';
CREATE MATERIALIZED VIEW gold_finance.currency_exposure (
    month COMMENT 'The first day of the month.',
    currency COMMENT 'ISO 4217 code, other than EUR.',
    sales COMMENT 'Charged for paid orders of the month, less discounts, tax included.',
    refunds COMMENT 'Given back during the month.',
    chargebacks COMMENT 'Taken back by banks, settled during the month.',
    fees COMMENT 'Kept by the payment provider, settled during the month.',
    purchases COMMENT 'Goods last received during the month, at their cost.',
    net COMMENT 'sales - refunds - chargebacks - fees - purchases.',
    net_eur COMMENT 'The same in euro, each part at the rate of its day.',
    PRIMARY KEY (month, currency)
)
COMMENT 'What the shop is long or short of in each foreign currency, by month.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH movements AS (
    SELECT
        order_month AS month,
        currency,
        CAST(quantity * unit_price - discount AS numeric(18, 2)) AS sales,
        CAST(0 AS numeric(18, 2)) AS refunds,
        CAST(0 AS numeric(18, 2)) AS chargebacks,
        CAST(0 AS numeric(18, 2)) AS fees,
        CAST(0 AS numeric(18, 2)) AS purchases,
        CAST(gross_eur - discount_eur AS numeric(18, 2)) AS eur
    FROM silver.order_lines
    WHERE status IN ('paid', 'refunded')
    UNION ALL
    SELECT refund_month, currency, 0, amount, 0, 0, 0, -amount_eur
    FROM silver.refunds
    UNION ALL
    SELECT
        settled_month,
        currency,
        0,
        0,
        CASE WHEN kind = 'chargeback' THEN -amount ELSE 0 END,
        fee,
        0,
        CASE WHEN kind = 'chargeback' THEN amount_eur ELSE 0 END - fee_eur
    FROM silver.payments
    UNION ALL
    SELECT
        CAST(date_trunc('month', last_received_on) AS date),
        currency,
        0,
        0,
        0,
        0,
        received * unit_cost,
        -received_eur
    FROM silver.purchase_orders
    WHERE received > 0
)
SELECT
    month,
    currency,
    CAST(sum(sales) AS numeric(18, 2)) AS sales,
    CAST(sum(refunds) AS numeric(18, 2)) AS refunds,
    CAST(sum(chargebacks) AS numeric(18, 2)) AS chargebacks,
    CAST(sum(fees) AS numeric(18, 2)) AS fees,
    CAST(sum(purchases) AS numeric(18, 2)) AS purchases,
    CAST(sum(sales - refunds - chargebacks - fees - purchases) AS numeric(18, 2)) AS net,
    CAST(sum(eur) AS numeric(18, 2)) AS net_eur
FROM movements
WHERE currency <> 'EUR'
GROUP BY month, currency;
