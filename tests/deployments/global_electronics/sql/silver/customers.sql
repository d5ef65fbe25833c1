-- One row per customer.
-- For example: where do our customers live? SELECT country, count(*) FROM silver.customers GROUP BY country ORDER BY 2 DESC;
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW silver.customers (
    customer_key COMMENT 'The company''s number of the customer.',
    gender COMMENT 'Male or Female.',
    name COMMENT 'First and last name.',
    city COMMENT 'The city.',
    state_code COMMENT 'The state''s code; NA is Naples.',
    state COMMENT 'The state or region.',
    zip_code COMMENT 'The postal code as the country writes it.',
    country COMMENT 'The country.',
    continent COMMENT 'The continent.',
    born_on COMMENT 'The birthday.',
    CONSTRAINT customer_has_key EXPECT (customer_key IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT birthday_is_read EXPECT (born_on IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT country_is_known EXPECT (country IS NOT NULL AND country <> ''),
    PRIMARY KEY (customer_key)
)
COMMENT 'Customers, as any delivery has them.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        try_cast(coalesce(customers.customerkey, customers.customer_key) AS bigint) AS customer_key,
        trim(customers.gender) AS gender,
        regexp_replace(trim(customers.name), '[\r\n]+', ' ', 'g') AS name,
        regexp_replace(trim(customers.city), '[\r\n]+', ' ', 'g') AS city,
        trim(customers.state_code) AS state_code,
        regexp_replace(trim(customers.state), '[\r\n]+', ' ', 'g') AS state,
        trim(customers.zip_code) AS zip_code,
        trim(customers.country) AS country,
        trim(customers.continent) AS continent,
        -- Of a year of two digits the century follows from who buys: nobody below 10 or above 95.
        CASE
            WHEN NOT dates.short_year OR dates.day < DATE '2010-01-01' THEN dates.day
            WHEN dates.day >= DATE '2025-01-01' THEN CAST(dates.day - INTERVAL '100 years' AS date)
        END AS born_on
    FROM bronze.customers AS customers
    LEFT JOIN silver.read_dates AS dates
        ON
            dates.written = trim(customers.birthday)
            AND dates.delivery = regexp_replace(customers._source_file, '/[^/]*$', '')
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY customer_key
            ORDER BY
                born_on DESC NULLS LAST,
                name,
                gender,
                city,
                state_code,
                state,
                zip_code,
                country,
                continent
        ) AS place
    FROM delivered
)
SELECT
    customer_key,
    gender,
    name,
    city,
    state_code,
    state,
    zip_code,
    country,
    continent,
    born_on
FROM ranked
WHERE place = 1;
