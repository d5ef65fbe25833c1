-- One row per order online, or other reference, with what was due, what the provider settled, and why they differ.
-- For example: what do we still wait for? SELECT explanation, currency, count(*), sum(difference) FROM gold_finance.payment_reconciliation WHERE difference <> 0 GROUP BY explanation, currency;
CREATE MATERIALIZED VIEW gold_finance.payment_reconciliation (
    reference COMMENT 'The order, or what the provider has in its place.',
    currency COMMENT 'ISO 4217 code of the amounts.',
    order_day COMMENT 'The day of the order; NULL where it is none of ours.',
    charged COMMENT 'Charged for the lines of a paid order.',
    refunded COMMENT 'Given back by the shop.',
    captured COMMENT 'Captures the provider settled.',
    refunds_settled COMMENT 'Refunds the provider took from settlements.',
    charged_back COMMENT 'What customers took back through their banks.',
    fees COMMENT 'What the provider kept.',
    payout COMMENT 'captured - refunds_settled - charged_back - fees: what came to the bank.',
    difference COMMENT 'charged - refunded - captured + refunds_settled + charged_back: what is still to come, below zero what came without an order.',
    explanation COMMENT 'matched, charged back, capture to come, refund to come, not an order of ours, or unexplained.',
    CONSTRAINT difference_is_explained EXPECT (explanation <> 'unexplained'),
    PRIMARY KEY (reference, currency)
)
COMMENT 'Orders online against the provider''s settlements, in the order''s currency.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH movements AS (
    SELECT
        order_id AS reference,
        currency,
        order_day,
        quantity * unit_price - discount AS charged,
        CAST(0 AS numeric(18, 2)) AS refunded,
        CAST(0 AS numeric(18, 2)) AS captured,
        CAST(0 AS numeric(18, 2)) AS refunds_settled,
        CAST(0 AS numeric(18, 2)) AS charged_back,
        CAST(0 AS numeric(18, 2)) AS fees
    FROM silver.order_lines
    WHERE channel <> 'store' AND status IN ('paid', 'refunded')
    UNION ALL
    SELECT order_id, currency, order_day, 0, amount, 0, 0, 0, 0
    FROM silver.refunds
    UNION ALL
    SELECT
        reference,
        currency,
        CAST(NULL AS date),
        0,
        0,
        CASE WHEN kind = 'capture' THEN amount ELSE 0 END,
        CASE WHEN kind = 'refund' THEN -amount ELSE 0 END,
        CASE WHEN kind = 'chargeback' THEN -amount ELSE 0 END,
        fee
    FROM silver.payments
),
totals AS (
    SELECT
        reference,
        currency,
        max(order_day) AS order_day,
        CAST(sum(charged) AS numeric(18, 2)) AS charged,
        CAST(sum(refunded) AS numeric(18, 2)) AS refunded,
        CAST(sum(captured) AS numeric(18, 2)) AS captured,
        CAST(sum(refunds_settled) AS numeric(18, 2)) AS refunds_settled,
        CAST(sum(charged_back) AS numeric(18, 2)) AS charged_back,
        CAST(sum(fees) AS numeric(18, 2)) AS fees
    FROM movements
    GROUP BY reference, currency
)
SELECT
    reference,
    currency,
    order_day,
    charged,
    refunded,
    captured,
    refunds_settled,
    charged_back,
    fees,
    CAST(captured - refunds_settled - charged_back - fees AS numeric(18, 2)) AS payout,
    CAST(charged - refunded - captured + refunds_settled + charged_back AS numeric(18, 2)) AS difference,
    CASE
        WHEN order_day IS NULL THEN 'not an order of ours'
        WHEN captured = 0 THEN 'capture to come'
        WHEN captured <> charged THEN 'unexplained'
        WHEN charged_back = captured AND refunded = 0 THEN 'charged back'
        WHEN charged_back <> 0 THEN 'unexplained'
        WHEN refunds_settled = refunded THEN 'matched'
        WHEN refunds_settled = 0 THEN 'refund to come'
        ELSE 'unexplained'
    END AS explanation
FROM totals;
