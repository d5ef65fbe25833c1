-- One row per distinct line of an invoice or a cancellation.
-- For example: what does a customer return? SELECT description, quantity FROM silver.invoice_lines WHERE kind = 'return' AND customer_id = '17850';
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW silver.invoice_lines (
    invoice_no COMMENT 'The invoice; cancellations start with C.',
    stock_code COMMENT 'The product, or a code like POST for what is not one.',
    description COMMENT 'As typed in: product names, and remarks.',
    quantity COMMENT 'Pieces; negative when they came back.',
    invoiced_at COMMENT 'British local time.',
    unit_price_gbp COMMENT 'Price of one piece in pounds.',
    customer_id COMMENT 'The customer, NULL when nobody was signed in.',
    country COMMENT 'Where the customer lives, in English.',
    kind COMMENT 'sale: positive quantity and price. return: on a cancellation. other: counted nowhere.',
    CONSTRAINT line_has_invoice EXPECT (invoice_no IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT line_has_time EXPECT (invoiced_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT line_has_amount EXPECT (quantity IS NOT NULL AND unit_price_gbp IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT customer_is_known EXPECT (customer_id IS NOT NULL)
)
COMMENT 'All distinct invoice lines, typed. Lines delivered twice count once.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH typed AS (
    SELECT DISTINCT
        nullif(invoiceno, '') AS invoice_no,
        nullif(stockcode, '') AS stock_code,
        nullif(description, '') AS description,
        try_cast(quantity AS bigint) AS quantity,
        try_cast(invoicedate AS timestamp) AS invoiced_at,
        try_cast(unitprice AS numeric(18, 6)) AS unit_price_gbp,
        -- Customer numbers went through a float on their way: 17850.0.
        nullif(regexp_replace(customerid, '\.0$', ''), '') AS customer_id,
        nullif(country, '') AS country
    FROM bronze.online_retail
)
SELECT
    *,
    CASE
        WHEN invoice_no LIKE 'C%' THEN 'return'
        WHEN quantity > 0 AND unit_price_gbp > 0 THEN 'sale'
        ELSE 'other'
    END AS kind
FROM typed;
