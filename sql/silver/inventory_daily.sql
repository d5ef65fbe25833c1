-- One row per product, location and day on which it moved or was counted: stock at the end of the day.
-- For example: what had store 001 none of on a day? SELECT day, sku FROM silver.inventory_daily WHERE location_id = '001' AND on_hand = 0;
CREATE MATERIALIZED VIEW silver.inventory_daily (
    location_id COMMENT 'The store, as in silver.stores; 900 is the warehouse.',
    sku COMMENT 'The product, eight digits.',
    day COMMENT 'The day that ended with this stock. Days without a row ended like the last one with a row.',
    month COMMENT 'The first day of that month.',
    on_hand COMMENT 'Pieces at the end of the day.',
    received COMMENT 'Pieces that came in during the day.',
    issued COMMENT 'Pieces that left during the day: sold, shipped or sent to a store.',
    status COMMENT 'available, inspection or blocked.',
    is_count COMMENT 'Whether the row comes from a full count.',
    CONSTRAINT product_has_sku EXPECT (sku IS NOT NULL AND location_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT day_is_known EXPECT (day IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT stock_is_not_negative EXPECT (on_hand >= 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT status_is_known EXPECT (status IS NOT NULL),
    PRIMARY KEY (location_id, sku, day)
)
PARTITIONED BY (month)
COMMENT 'Stock by product, location and day, the newest document of each.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        lpad(trim(plant), 3, '0') AS location_id,
        lpad(trim(material), 8, '0') AS sku,
        try_cast(concat(substr(posting_date, 7, 4), '-', substr(posting_date, 4, 2), '-', substr(posting_date, 1, 2)) AS date) AS day,
        try_cast(document AS bigint) AS document,
        -- The sign stands behind the number.
        CASE
            WHEN stock LIKE '%-' THEN -try_cast(replace(stock, '-', '') AS bigint)
            ELSE try_cast(stock AS bigint)
        END AS on_hand,
        try_cast(received AS bigint) AS received,
        try_cast(issued AS bigint) AS issued,
        CASE lower(trim(status))
            WHEN 'available' THEN 'available'
            WHEN 'verfügbar' THEN 'available'
            WHEN 'quality inspection' THEN 'inspection'
            WHEN 'in prüfung' THEN 'inspection'
            WHEN 'blocked' THEN 'blocked'
            WHEN 'gesperrt' THEN 'blocked'
        END AS status,
        movement = 'COUNT' AS is_count
    FROM bronze.inventory
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY location_id, sku, day
            ORDER BY document DESC NULLS LAST, on_hand, received, issued, status
        ) AS place
    FROM delivered
)
SELECT
    location_id,
    sku,
    day,
    CAST(date_trunc('month', day) AS date) AS month,
    on_hand,
    received,
    issued,
    status,
    is_count
FROM ranked
WHERE place = 1;
