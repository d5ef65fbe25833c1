-- One row per customer who ever bought or returned something.
-- For example: how many customers live abroad? SELECT count(*) FROM silver.customers WHERE country <> 'United Kingdom';
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW silver.customers (
    customer_id COMMENT 'The shop''s own number.',
    country COMMENT 'The country of the newest invoice.',
    first_seen_on COMMENT 'The day of the first invoice or cancellation.',
    last_seen_on COMMENT 'The day of the last one.',
    invoices COMMENT 'Invoices with a sale on them.',
    net_gbp COMMENT 'Sales and returns together, in pounds.',
    PRIMARY KEY (customer_id)
)
COMMENT 'Customers as their invoice lines show them.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH totals AS (
    SELECT
        customer_id,
        CAST(min(invoiced_at) AS date) AS first_seen_on,
        CAST(max(invoiced_at) AS date) AS last_seen_on,
        count(DISTINCT CASE WHEN kind = 'sale' THEN invoice_no END) AS invoices,
        CAST(sum(CASE WHEN kind <> 'other' THEN quantity * unit_price_gbp ELSE 0 END) AS numeric(18, 6)) AS net_gbp
    FROM silver.invoice_lines
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),
newest AS (
    SELECT
        customer_id,
        country,
        row_number() OVER (PARTITION BY customer_id ORDER BY invoiced_at DESC, country) AS place
    FROM silver.invoice_lines
    WHERE customer_id IS NOT NULL
)
SELECT
    totals.customer_id,
    newest.country,
    totals.first_seen_on,
    totals.last_seen_on,
    totals.invoices,
    totals.net_gbp
FROM totals
INNER JOIN newest ON newest.customer_id = totals.customer_id AND newest.place = 1;
