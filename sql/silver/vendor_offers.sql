-- One row per vendor and product: the newest price of one piece, and how many the vendor has.
-- For example: who offers a product cheapest? SELECT vendor_id, unit_price_eur FROM silver.vendor_offers WHERE sku = '00001001' AND NOT discontinued ORDER BY 2;
-- REFRESH POLICY AUTO, because a catalogue names every product of its vendor: a new one touches all of its rows.
-- Not partitioned: a row a vendor and product, of which each catalogue brings most anew.
CREATE MATERIALIZED VIEW silver.vendor_offers (
    vendor_id COMMENT 'The vendor, as in silver.vendors.',
    sku COMMENT 'Our number of the product, eight digits.',
    vendor_code COMMENT 'The vendor''s own number of it.',
    as_of COMMENT 'The day of the catalogue.',
    unit_price COMMENT 'Price of one piece, whatever the vendor packs.',
    currency COMMENT 'ISO 4217 code of unit_price.',
    unit_price_eur COMMENT 'unit_price in euro, at the rate of as_of.',
    available COMMENT 'Pieces the vendor has.',
    lead_days COMMENT 'Days from order to delivery; NULL where the vendor does not say.',
    discontinued COMMENT 'Whether the vendor sells only what is left.',
    CONSTRAINT offer_has_vendor EXPECT (vendor_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT offer_has_product EXPECT (sku IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT offer_has_day EXPECT (as_of IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT price_is_positive EXPECT (unit_price > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT currency_has_rate EXPECT (unit_price_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT stock_is_known EXPECT (available >= 0),
    PRIMARY KEY (vendor_id, sku)
)
COMMENT 'Offers of all vendors in one shape, the newest of each.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        upper(trim(vendor_id)) AS vendor_id,
        coalesce(item, article, code) AS vendor_code,
        coalesce(
            valid_from,
            try_cast(concat(substr(as_of, 7, 4), '-', substr(as_of, 4, 2), '-', substr(as_of, 1, 2)) AS date)
        ) AS as_of,
        CASE
            WHEN net_price IS NOT NULL THEN try_cast(net_price AS numeric(18, 4))
            WHEN price_cents IS NOT NULL THEN try_cast(price_cents AS numeric(18, 4)) / 100
            ELSE try_cast(regexp_replace(price_per_ten, '[^0-9.]', '', 'g') AS numeric(18, 4)) / 10
        END AS unit_price,
        CASE
            WHEN currency IS NOT NULL THEN currency
            WHEN price_per_ten LIKE '£%' THEN 'GBP'
            ELSE 'EUR'
        END AS currency,
        stock AS available,
        coalesce(CAST(lead_days AS bigint), try_cast(split_part(delivery, ' ', 1) AS bigint)) AS lead_days,
        coalesce(discontinued, state = 'EOL') AS discontinued
    FROM bronze.vendor_catalog
    UNION ALL
    SELECT
        upper(trim(vendorid)),
        code,
        CASE
            WHEN asof LIKE '__/__/____' THEN
                try_cast(concat(substr(asof, 7, 4), '-', substr(asof, 1, 2), '-', substr(asof, 4, 2)) AS date)
            ELSE try_cast(asof AS date)
        END,
        -- 64,95 EUR; a pack of five has five times the price.
        try_cast(replace(split_part(price, ' ', 1), ',', '.') AS numeric(18, 4))
            / nullif(coalesce(try_cast((regexp_match(unit, 'pack of ([0-9]{1,6})'))[1] AS bigint), 1), 0),
        split_part(price, ' ', 2),
        CASE
            WHEN availability = 'sold out' THEN 0
            ELSE try_cast((regexp_match(availability, '([0-9]+)'))[1] AS bigint)
        END,
        try_cast(split_part(leadtime, ' ', 1) AS bigint),
        availability LIKE 'discontinued%'
    FROM bronze.vendor_catalog_json
),
numbered AS (
    -- A code of more than eight digits is none of our numbers.
    SELECT
        *,
        lpad((regexp_match(regexp_replace(vendor_code, '[^0-9]', '', 'g'), '^[0-9]{1,8}$'))[1], 8, '0') AS sku
    FROM delivered
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY vendor_id, sku
            ORDER BY as_of DESC NULLS LAST, unit_price, available DESC, vendor_code
        ) AS place
    FROM numbered
),
newest AS (
    SELECT *
    FROM ranked
    WHERE place = 1 OR vendor_id IS NULL OR sku IS NULL
)
SELECT
    offers.vendor_id,
    offers.sku,
    offers.vendor_code,
    offers.as_of,
    CAST(round(offers.unit_price, 2) AS numeric(18, 2)) AS unit_price,
    offers.currency,
    CAST(round(CAST(offers.unit_price AS numeric(18, 2)) / rates.rate, 2) AS numeric(18, 2)) AS unit_price_eur,
    offers.available,
    offers.lead_days,
    offers.discontinued
FROM newest AS offers
LEFT JOIN silver.currency_rates AS rates
    ON rates.currency = offers.currency AND rates.day = offers.as_of;
