-- One row per vendor and month in which invoices fall due: what was received and is to be paid.
-- For example: what must we pay in November? SELECT vendor_name, payable, currency FROM gold_finance.vendor_payables WHERE due_month = DATE '2026-11-01';
CREATE MATERIALIZED VIEW gold_finance.vendor_payables (
    vendor_id COMMENT 'The vendor.',
    vendor_name COMMENT 'Its name today.',
    due_month COMMENT 'The first day of the month in which the invoices fall due.',
    currency COMMENT 'ISO 4217 code of payable.',
    invoices COMMENT 'Purchase orders of which something was received.',
    pieces COMMENT 'Pieces received.',
    payable COMMENT 'Pieces received x unit cost, in the vendor''s currency.',
    payable_eur COMMENT 'payable in euro, at the rates of the days of receipt.',
    first_due_on COMMENT 'The earliest due day: last receipt plus the vendor''s days of payment.',
    last_due_on COMMENT 'The latest due day.',
    CONSTRAINT vendor_is_known EXPECT (vendor_name IS NOT NULL),
    PRIMARY KEY (vendor_id, due_month, currency)
)
COMMENT 'What is owed to vendors by the month it falls due: goods received, at their terms of payment. Payments made are not in the lake.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH invoices AS (
    SELECT
        orders.vendor_id,
        vendors.name AS vendor_name,
        orders.currency,
        orders.received,
        orders.received * orders.unit_cost AS payable,
        orders.received_eur,
        orders.last_received_on + CAST(vendors.terms_days AS integer) AS due_on
    FROM silver.purchase_orders AS orders
    LEFT JOIN silver.vendors AS vendors ON vendors.vendor_id = orders.vendor_id
    WHERE orders.received > 0
)
SELECT
    vendor_id,
    max(vendor_name) AS vendor_name,
    CAST(date_trunc('month', due_on) AS date) AS due_month,
    currency,
    count(*) AS invoices,
    CAST(sum(received) AS bigint) AS pieces,
    CAST(sum(payable) AS numeric(18, 2)) AS payable,
    CAST(sum(received_eur) AS numeric(18, 2)) AS payable_eur,
    min(due_on) AS first_due_on,
    max(due_on) AS last_due_on
FROM invoices
GROUP BY vendor_id, CAST(date_trunc('month', due_on) AS date), currency;
