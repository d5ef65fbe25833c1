-- One row per product, as the newest record of the master data has it.
-- For example: how many products has each category? SELECT category, count(*) FROM silver.products GROUP BY category;
-- Not partitioned: few rows, each of which may change.
CREATE MATERIALIZED VIEW silver.products (
    sku COMMENT 'Eight digits, leading zeros included.',
    name COMMENT 'What the shelf label says.',
    brand COMMENT 'The maker.',
    category COMMENT 'Today''s name of the category, also for products filed under an older one.',
    list_price_eur COMMENT 'List price in euro, tax included.',
    unit_cost_eur COMMENT 'What one piece costs the shop, in euro.',
    updated_at COMMENT 'When the master data last changed the product.',
    CONSTRAINT product_has_sku EXPECT (sku IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT price_is_positive EXPECT (list_price_eur > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT cost_is_below_price EXPECT (unit_cost_eur <= list_price_eur),
    PRIMARY KEY (sku)
)
COMMENT 'Products: one row each, the newest record by its own time.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        lpad(trim(sku), 8, '0') AS sku,
        trim(name) AS name,
        trim(brand) AS brand,
        trim(category) AS category,
        try_cast(list_price_eur AS numeric(12, 2)) AS list_price_eur,
        try_cast(unit_cost_eur AS numeric(12, 2)) AS unit_cost_eur,
        try_cast(updated_at AS timestamp) AS updated_at
    FROM bronze.products
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY sku
            ORDER BY updated_at DESC NULLS LAST, list_price_eur DESC, unit_cost_eur DESC, name, category
        ) AS place
    FROM delivered
)
SELECT
    sku,
    name,
    brand,
    CASE category
        WHEN 'Music, Movies and Audio Books' THEN 'Audio'
        WHEN 'Cameras and camcorders' THEN 'Cameras'
        WHEN 'Games and Toys' THEN 'Games'
        WHEN 'Cell phones' THEN 'Phones'
        WHEN 'TV & Video' THEN 'TV and Video'
        ELSE category
    END AS category,
    list_price_eur,
    unit_cost_eur,
    updated_at
FROM ranked
WHERE place = 1;
