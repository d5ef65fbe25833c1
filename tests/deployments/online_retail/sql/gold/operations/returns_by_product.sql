-- One row per stock code that was sold or returned.
-- For example: what comes back most? SELECT description, return_rate FROM gold_operations.returns_by_product WHERE sold_quantity > 1000 ORDER BY return_rate DESC LIMIT 10;
-- REFRESH POLICY AUTO: years come at once and then days one by one; the cheaper way is taken each time.
CREATE MATERIALIZED VIEW gold_operations.returns_by_product (
    stock_code COMMENT 'The product.',
    description COMMENT 'Its newest description on a sale or return.',
    sold_quantity COMMENT 'Pieces sold.',
    returned_quantity COMMENT 'Pieces returned, as a positive number.',
    gross_gbp COMMENT 'Sales in pounds.',
    returns_gbp COMMENT 'Returns in pounds, negative.',
    return_lines COMMENT 'Lines on cancellations.',
    return_rate COMMENT 'returned_quantity / sold_quantity, NULL when nothing was sold.',
    PRIMARY KEY (stock_code)
)
COMMENT 'Sales and returns by product.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH totals AS (
    SELECT
        stock_code,
        CAST(sum(CASE WHEN kind = 'sale' THEN quantity ELSE 0 END) AS bigint) AS sold_quantity,
        CAST(-sum(CASE WHEN kind = 'return' THEN quantity ELSE 0 END) AS bigint) AS returned_quantity,
        CAST(sum(CASE WHEN kind = 'sale' THEN quantity * unit_price_gbp ELSE 0 END) AS numeric(18, 6)) AS gross_gbp,
        CAST(sum(CASE WHEN kind = 'return' THEN quantity * unit_price_gbp ELSE 0 END) AS numeric(18, 6)) AS returns_gbp,
        sum(CASE WHEN kind = 'return' THEN 1 ELSE 0 END) AS return_lines
    FROM silver.invoice_lines
    WHERE kind <> 'other' AND stock_code IS NOT NULL
    GROUP BY stock_code
),
newest AS (
    SELECT
        stock_code,
        description,
        row_number() OVER (
            PARTITION BY stock_code
            ORDER BY invoiced_at DESC, invoice_no DESC, description
        ) AS place
    FROM silver.invoice_lines
    WHERE kind <> 'other' AND description IS NOT NULL
)
SELECT
    totals.stock_code,
    newest.description,
    totals.sold_quantity,
    totals.returned_quantity,
    totals.gross_gbp,
    totals.returns_gbp,
    totals.return_lines,
    CAST(
        round(CAST(totals.returned_quantity AS numeric(18, 4)) / nullif(totals.sold_quantity, 0), 4)
        AS numeric(18, 4)
    ) AS return_rate
FROM totals
LEFT JOIN newest ON newest.stock_code = totals.stock_code AND newest.place = 1;
