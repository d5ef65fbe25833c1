-- One row per month: the month's revenue, what it cost, and what is left, in euro.
-- For example: what was left of October? SELECT net_eur, result_eur FROM gold_finance.monthly_close WHERE month = DATE '2026-10-01';
CREATE MATERIALIZED VIEW gold_finance.monthly_close (
    month COMMENT 'The first day of the month.',
    orders COMMENT 'Paid orders placed during the month.',
    gross_eur COMMENT 'Pieces times price of paid orders, tax included.',
    discounts_eur COMMENT 'Taken off those prices.',
    refunds_eur COMMENT 'Given back during the month.',
    net_eur COMMENT 'gross_eur - discounts_eur - refunds_eur, tax included.',
    tax_eur COMMENT 'Value added tax contained in gross_eur - discounts_eur.',
    cost_eur COMMENT 'What the pieces sold cost the shop.',
    fees_eur COMMENT 'Kept by the payment provider, settled during the month.',
    chargebacks_eur COMMENT 'Taken back by banks, settled during the month.',
    result_eur COMMENT 'net_eur - tax_eur - cost_eur - fees_eur - chargebacks_eur. The tax in refunds is not claimed back, nor goods returned put into stock.',
    purchases_eur COMMENT 'Goods last received during the month; they are in stock, not in the result.',
    CONSTRAINT parts_add_up EXPECT (net_eur = gross_eur - discounts_eur - refunds_eur) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (month)
)
COMMENT 'The month''s revenue, costs and result, from the finance marts and settlements.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH parts AS (
    SELECT
        CAST(date_trunc('month', day) AS date) AS month,
        orders,
        gross_eur,
        discounts_eur,
        refunds_eur,
        net_eur,
        tax_eur,
        CAST(0 AS numeric(18, 2)) AS cost_eur,
        CAST(0 AS numeric(18, 2)) AS fees_eur,
        CAST(0 AS numeric(18, 2)) AS chargebacks_eur,
        CAST(0 AS numeric(18, 2)) AS purchases_eur
    FROM gold_finance.daily_revenue
    UNION ALL
    SELECT month, 0, 0, 0, 0, 0, 0, cost_eur, 0, 0, 0
    FROM gold_finance.gross_margin
    UNION ALL
    SELECT settled_month, 0, 0, 0, 0, 0, 0, 0, fee_eur, CASE WHEN kind = 'chargeback' THEN -amount_eur ELSE 0 END, 0
    FROM silver.payments
    UNION ALL
    SELECT CAST(date_trunc('month', last_received_on) AS date), 0, 0, 0, 0, 0, 0, 0, 0, 0, received_eur
    FROM silver.purchase_orders
    WHERE received > 0
)
SELECT
    month,
    CAST(sum(orders) AS bigint) AS orders,
    CAST(sum(gross_eur) AS numeric(18, 2)) AS gross_eur,
    CAST(sum(discounts_eur) AS numeric(18, 2)) AS discounts_eur,
    CAST(sum(refunds_eur) AS numeric(18, 2)) AS refunds_eur,
    CAST(sum(net_eur) AS numeric(18, 2)) AS net_eur,
    CAST(sum(tax_eur) AS numeric(18, 2)) AS tax_eur,
    CAST(sum(cost_eur) AS numeric(18, 2)) AS cost_eur,
    CAST(sum(fees_eur) AS numeric(18, 2)) AS fees_eur,
    CAST(sum(chargebacks_eur) AS numeric(18, 2)) AS chargebacks_eur,
    CAST(sum(net_eur - tax_eur - cost_eur - fees_eur - chargebacks_eur) AS numeric(18, 2)) AS result_eur,
    CAST(sum(purchases_eur) AS numeric(18, 2)) AS purchases_eur
FROM parts
GROUP BY month;
