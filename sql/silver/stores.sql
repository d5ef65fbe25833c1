-- One row per store, as the newest record of the master data has it.
-- For example: where are our stores? SELECT country, count(*) FROM silver.stores GROUP BY country;
-- Not partitioned: few rows, each of which may change.
CREATE MATERIALIZED VIEW silver.stores (
    store_id COMMENT 'Three digits, leading zeros included.',
    name COMMENT 'The name above the door.',
    city COMMENT 'The city.',
    country COMMENT 'ISO 3166 code of the country.',
    time_zone COMMENT 'Of the till''s clock, as in the IANA database; NULL where the city does not tell.',
    currency COMMENT 'ISO 4217 code of what the till takes.',
    opened_on COMMENT 'The first day of business.',
    updated_at COMMENT 'When the master data last changed the store.',
    CONSTRAINT store_has_id EXPECT (store_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT country_is_known EXPECT (country IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT time_zone_is_known EXPECT (time_zone IS NOT NULL),
    PRIMARY KEY (store_id)
)
COMMENT 'Stores: one row each, the newest record by its own time.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        lpad(trim(store), 3, '0') AS store_id,
        trim(name) AS name,
        trim(city) AS city,
        upper(trim(country)) AS country,
        upper(trim(currency)) AS currency,
        try_cast(opened_on AS date) AS opened_on,
        try_cast(updated_at AS timestamp) AS updated_at
    FROM bronze.stores
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY store_id
            ORDER BY updated_at DESC NULLS LAST, name, city, country, currency
        ) AS place
    FROM delivered
)
SELECT
    store_id,
    name,
    city,
    country,
    CASE
        WHEN country = 'DE' THEN 'Europe/Berlin'
        WHEN country = 'FR' THEN 'Europe/Paris'
        WHEN country = 'NL' THEN 'Europe/Amsterdam'
        WHEN country = 'IT' THEN 'Europe/Rome'
        WHEN country = 'ES' THEN 'Europe/Madrid'
        WHEN country = 'GB' THEN 'Europe/London'
        WHEN country = 'US' AND city = 'Boston' THEN 'America/New_York'
        WHEN country = 'US' AND city = 'Austin' THEN 'America/Chicago'
        WHEN country = 'US' AND city = 'Denver' THEN 'America/Denver'
        WHEN country = 'US' AND city = 'Portland' THEN 'America/Los_Angeles'
        WHEN country = 'CA' AND city IN ('Toronto', 'Montréal') THEN 'America/Toronto'
        WHEN country = 'AU' AND city = 'Sydney' THEN 'Australia/Sydney'
        WHEN country = 'AU' AND city = 'Perth' THEN 'Australia/Perth'
    END AS time_zone,
    currency,
    opened_on,
    updated_at
FROM ranked
WHERE place = 1;
