-- One row per line of a basket that sold something, with the product's department.
-- For example: which department sells most? SELECT department, sum(sales_usd) FROM silver.basket_lines GROUP BY department ORDER BY 2 DESC LIMIT 5;
-- REFRESH POLICY AUTO: a year comes whole, so that following it touches every row.
CREATE MATERIALIZED VIEW silver.basket_lines (
    basket_id COMMENT 'The visit to the till.',
    product_id COMMENT 'What was bought.',
    household_id COMMENT 'Who bought.',
    store_id COMMENT 'Where.',
    week COMMENT 'The week of the study, 1 to 53.',
    sold_at COMMENT 'When.',
    quantity COMMENT 'Pieces, or hundredths of a gallon.',
    sales_usd COMMENT 'What the shop received.',
    retail_discount_usd COMMENT 'Taken off for loyalty.',
    coupon_discount_usd COMMENT 'Paid by coupons, the maker''s and the shop''s.',
    department COMMENT 'The department; NULL for products nobody knows.',
    CONSTRAINT product_is_known EXPECT (department IS NOT NULL),
    CONSTRAINT something_was_bought EXPECT (quantity > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT amount_has_sign EXPECT (sales_usd >= 0) ON VIOLATION QUARANTINE ROW
)
COMMENT 'Lines of baskets.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT
    lines.basket_id,
    lines.product_id,
    lines.household_id,
    lines.store_id,
    lines.week,
    lines.transaction_timestamp AS sold_at,
    lines.quantity,
    CAST(lines.sales_value AS numeric(12, 2)) AS sales_usd,
    CAST(lines.retail_disc AS numeric(12, 2)) AS retail_discount_usd,
    CAST(lines.coupon_disc + lines.coupon_match_disc AS numeric(12, 2)) AS coupon_discount_usd,
    products.department
FROM bronze.transactions AS lines
LEFT JOIN bronze.products AS products ON products.product_id = lines.product_id;
