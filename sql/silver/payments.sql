-- One row per settled movement of money at the payment provider: captures, refunds, chargebacks.
-- For example: what did the provider keep in October? SELECT sum(fee_eur) FROM silver.payments WHERE settled_month = DATE '2026-10-01';
CREATE MATERIALIZED VIEW silver.payments (
    payment_id COMMENT 'The provider''s transaction number.',
    kind COMMENT 'capture, refund or chargeback.',
    reference COMMENT 'What was paid for, as the provider has it.',
    order_id COMMENT 'The order of that number; NULL where there is none.',
    settled_on COMMENT 'The day of the settlement.',
    settled_month COMMENT 'The first day of that month.',
    booked_at COMMENT 'When the provider booked it.',
    currency COMMENT 'ISO 4217 code of amount and fee.',
    amount COMMENT 'Paid out to us before fees; below zero when taken back.',
    fee COMMENT 'What the provider kept.',
    amount_eur COMMENT 'amount in euro, at the rate of settled_on.',
    fee_eur COMMENT 'fee in euro, at the rate of settled_on.',
    CONSTRAINT payment_has_id EXPECT (payment_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT kind_is_known EXPECT (kind IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT amounts_are_known EXPECT (amount_eur IS NOT NULL AND fee_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT sign_tells_the_kind EXPECT ((amount > 0) = (kind = 'capture')) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT order_is_ours EXPECT (order_id IS NOT NULL),
    CONSTRAINT fee_is_plausible EXPECT (fee >= 0 AND fee <= 15.25 + 0.05 * abs(amount)),
    PRIMARY KEY (payment_id)
)
PARTITIONED BY (settled_month)
COMMENT 'Settlements of the payment provider, the newest version of each, matched with orders.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        nullif(trim(transaction_id), '') AS payment_id,
        CASE upper(trim(type))
            WHEN 'CAPTURE' THEN 'capture'
            WHEN 'REFUND' THEN 'refund'
            WHEN 'CHBK' THEN 'chargeback'
        END AS kind,
        nullif(upper(trim(merchant_reference)), '') AS reference,
        try_cast(settlement_date AS date) AS settled_on,
        try_cast(booked_at AS timestamp) AS booked_at,
        upper(trim(currency)) AS currency,
        -- Thousands have commas, what is given back has brackets.
        try_cast(regexp_replace(gross, '[^0-9.]', '', 'g') AS numeric(12, 2)) AS gross,
        try_cast(regexp_replace(fee, '[^0-9.]', '', 'g') AS numeric(12, 2)) AS fee,
        try_cast(regexp_replace(net, '[^0-9.-]', '', 'g') AS numeric(12, 2)) AS net,
        try_cast(version AS bigint) AS version
    FROM bronze.payments
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY payment_id
            ORDER BY version DESC NULLS LAST, booked_at DESC, reference, gross, fee, net
        ) AS place
    FROM delivered
),
signed AS (
    SELECT
        payment_id,
        kind,
        reference,
        settled_on,
        booked_at,
        currency,
        -- A capture without a gross is what was paid out and what was kept.
        CAST(CASE WHEN kind = 'capture' THEN coalesce(gross, net + fee) ELSE -gross END AS numeric(12, 2)) AS amount,
        fee
    FROM ranked
    WHERE place = 1 OR payment_id IS NULL
)
SELECT
    payments.payment_id,
    payments.kind,
    payments.reference,
    orders.order_id,
    payments.settled_on,
    CAST(date_trunc('month', payments.settled_on) AS date) AS settled_month,
    payments.booked_at,
    payments.currency,
    payments.amount,
    payments.fee,
    CAST(round(payments.amount / rates.rate, 2) AS numeric(18, 2)) AS amount_eur,
    CAST(round(payments.fee / rates.rate, 2) AS numeric(18, 2)) AS fee_eur
FROM signed AS payments
LEFT JOIN silver.orders AS orders ON orders.order_id = payments.reference
LEFT JOIN silver.currency_rates AS rates
    ON rates.currency = payments.currency AND rates.day = payments.settled_on;
