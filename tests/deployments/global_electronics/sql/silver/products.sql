-- One row per product with price and cost in US dollars.
-- For example: what earns most a piece? SELECT product_name, unit_price_usd - unit_cost_usd AS margin FROM silver.products ORDER BY 2 DESC LIMIT 5;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW silver.products (
    product_key COMMENT 'The company''s number of the product.',
    product_name COMMENT 'Its name.',
    brand COMMENT 'The maker.',
    color COMMENT 'The colour.',
    unit_cost_usd COMMENT 'What a piece costs the company.',
    unit_price_usd COMMENT 'What a piece is sold for.',
    subcategory_key COMMENT 'Four digits, leading zeros included.',
    subcategory COMMENT 'The subcategory.',
    category_key COMMENT 'Two digits, leading zeros included.',
    category COMMENT 'The category.',
    CONSTRAINT product_has_key EXPECT (product_key IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT product_has_category EXPECT (category <> '') ON VIOLATION QUARANTINE ROW,
    CONSTRAINT price_is_positive EXPECT (unit_price_usd > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT cost_is_below_price EXPECT (unit_cost_usd < unit_price_usd),
    PRIMARY KEY (product_key)
)
COMMENT 'Products, as any delivery has them.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        try_cast(coalesce(productkey, product_key) AS bigint) AS product_key,
        regexp_replace(trim(product_name), '[\r\n]+', ' ', 'g') AS product_name,
        trim(brand) AS brand,
        trim(color) AS color,
        try_cast(regexp_replace(unit_cost_usd, '[^0-9.-]', '', 'g') AS numeric(12, 2)) AS unit_cost_usd,
        try_cast(regexp_replace(unit_price_usd, '[^0-9.-]', '', 'g') AS numeric(12, 2)) AS unit_price_usd,
        lpad(trim(coalesce(subcategorykey, subcategory_key)), 4, '0') AS subcategory_key,
        trim(subcategory) AS subcategory,
        lpad(trim(coalesce(categorykey, category_key)), 2, '0') AS category_key,
        trim(category) AS category
    FROM bronze.products
),
ranked AS (
    -- No record has a time of its own: were deliveries to differ, the higher price wins in any order.
    SELECT
        *,
        row_number() OVER (
            PARTITION BY product_key
            ORDER BY
                unit_price_usd DESC NULLS LAST,
                unit_cost_usd DESC NULLS LAST,
                product_name,
                brand,
                color,
                subcategory_key,
                subcategory,
                category_key,
                category
        ) AS place
    FROM delivered
)
SELECT
    product_key,
    product_name,
    brand,
    color,
    unit_cost_usd,
    unit_price_usd,
    subcategory_key,
    subcategory,
    category_key,
    category
FROM ranked
WHERE place = 1;
