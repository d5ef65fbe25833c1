-- One row per postal code, and one per network of 256 addresses, with where it is.
-- For example: how many networks are in Hamburg? SELECT count(*) FROM silver.locations WHERE kind = 'network' AND city = 'Hamburg';
-- Ranges of addresses overlap: the narrowest one counts, of equal ones the newest. They begin and end
-- with a whole network, so that a join can ask for equality and stay incremental.
CREATE MATERIALIZED VIEW silver.locations (
    location_id COMMENT 'Kind, country and code.',
    kind COMMENT 'postal_code or network.',
    code COMMENT 'The postal code as the country writes it, or an address'' first three numbers: 81.2.14.',
    country COMMENT 'ISO 3166 code of the country.',
    region COMMENT 'State, province or the like; NULL where only the country is known.',
    city COMMENT 'The city; NULL where only the country is known.',
    latitude COMMENT 'In degrees; of postal codes only.',
    longitude COMMENT 'In degrees; of postal codes only.',
    CONSTRAINT code_is_known EXPECT (code IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT country_is_known EXPECT (country IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT degrees_are_plausible EXPECT (latitude IS NULL OR (latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180)),
    PRIMARY KEY (location_id)
)
PARTITIONED BY (kind)
COMMENT 'Where postal codes and network addresses are.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH postal_codes AS (
    SELECT
        upper(trim(country)) AS country,
        -- Spreadsheets take leading zeros away from codes that are numbers.
        CASE
            WHEN upper(trim(country)) = 'AU' THEN lpad(trim(postal_code), 4, '0')
            WHEN upper(trim(country)) IN ('DE', 'FR', 'IT', 'ES', 'US') THEN lpad(trim(postal_code), 5, '0')
            ELSE upper(trim(postal_code))
        END AS code,
        nullif(trim(region), '') AS region,
        nullif(trim(city), '') AS city,
        try_cast(latitude AS numeric(8, 4)) AS latitude,
        try_cast(longitude AS numeric(8, 4)) AS longitude,
        try_cast(updated_at AS date) AS updated_on
    FROM bronze.geo_locations
    WHERE postal_code IS NOT NULL
),
ranked_postal_codes AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY country, code
            ORDER BY updated_on DESC NULLS LAST, region, city, latitude, longitude
        ) AS place
    FROM postal_codes
),
ranges AS (
    SELECT
        upper(trim(country)) AS country,
        nullif(trim(region), '') AS region,
        nullif(trim(city), '') AS city,
        try_cast(updated_at AS date) AS updated_on,
        CAST(try_cast(split_part(start_ip, '.', 1) AS smallint) AS bigint) * 65536
            + CAST(try_cast(split_part(start_ip, '.', 2) AS smallint) AS bigint) * 256
            + CAST(try_cast(split_part(start_ip, '.', 3) AS smallint) AS bigint) AS first_network,
        CAST(try_cast(split_part(end_ip, '.', 1) AS smallint) AS bigint) * 65536
            + CAST(try_cast(split_part(end_ip, '.', 2) AS smallint) AS bigint) * 256
            + CAST(try_cast(split_part(end_ip, '.', 3) AS smallint) AS bigint) AS last_network
    FROM bronze.geo_locations
    WHERE start_ip IS NOT NULL
),
networks AS (
    SELECT
        country,
        region,
        city,
        updated_on,
        last_network - first_network AS width,
        generate_series(first_network, last_network) AS network
    FROM ranges
    WHERE last_network - first_network BETWEEN 0 AND 65535
),
ranked_networks AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY network
            ORDER BY width, updated_on DESC NULLS LAST, country, region, city
        ) AS place
    FROM networks
)
SELECT
    'postal_code ' || country || ' ' || code AS location_id,
    'postal_code' AS kind,
    code,
    country,
    region,
    city,
    latitude,
    longitude
FROM ranked_postal_codes
WHERE place = 1
UNION ALL
SELECT
    concat('network ', network / 65536, '.', network / 256 % 256, '.', network % 256),
    'network',
    concat(network / 65536, '.', network / 256 % 256, '.', network % 256),
    country,
    region,
    city,
    CAST(NULL AS numeric(8, 4)),
    CAST(NULL AS numeric(8, 4))
FROM ranked_networks
WHERE place = 1;
