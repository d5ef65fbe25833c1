-- One row per store; number 0 is the web shop.
-- For example: which stores opened last? SELECT store_key, country, opened_on FROM silver.stores ORDER BY opened_on DESC LIMIT 5;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW silver.stores (
    store_key COMMENT 'The company''s number of the store; 0 is the web shop.',
    country COMMENT 'The country, or Online.',
    state COMMENT 'The state or region.',
    square_meters COMMENT 'Its area; NULL for the web shop.',
    opened_on COMMENT 'The first day of business.',
    CONSTRAINT store_has_key EXPECT (store_key IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT opening_is_read EXPECT (opened_on IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (store_key)
)
COMMENT 'Stores, as any delivery has them. Codes of states come with some deliveries only and are left out.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        try_cast(coalesce(stores.storekey, stores.store_key) AS bigint) AS store_key,
        trim(stores.country) AS country,
        trim(stores.state) AS state,
        try_cast(nullif(trim(stores.square_meters), '') AS bigint) AS square_meters,
        -- A store of 1990 is not one of 2090.
        CASE WHEN NOT dates.short_year OR dates.day < DATE '2030-01-01' THEN dates.day END AS opened_on
    FROM bronze.stores AS stores
    LEFT JOIN silver.read_dates AS dates
        ON dates.written = trim(stores.open_date) AND dates.delivery = regexp_replace(stores._source_file, '/[^/]*$', '')
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY store_key
            ORDER BY opened_on DESC NULLS LAST, country, state, square_meters
        ) AS place
    FROM delivered
)
SELECT store_key, country, state, square_meters, opened_on
FROM ranked
WHERE place = 1;
