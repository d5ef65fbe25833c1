-- One row per vendor, as its newest catalogue has it.
-- For example: who gives us longest to pay? SELECT name, terms_days FROM silver.vendors ORDER BY terms_days DESC;
-- Not partitioned: few rows, each of which may change.
CREATE MATERIALIZED VIEW silver.vendors (
    vendor_id COMMENT 'Our number of the vendor.',
    name COMMENT 'The vendor''s name.',
    country COMMENT 'ISO 3166 code of its country.',
    terms_days COMMENT 'Days from receipt until an invoice is due.',
    offered_on COMMENT 'The day of its newest catalogue.',
    CONSTRAINT vendor_has_id EXPECT (vendor_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT terms_are_known EXPECT (terms_days > 0) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (vendor_id)
)
COMMENT 'Third parties the shop buys from.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        upper(trim(vendor_id)) AS vendor_id,
        trim(vendor_name) AS name,
        upper(trim(vendor_country)) AS country,
        CAST(terms_days AS bigint) AS terms_days,
        coalesce(
            valid_from,
            try_cast(concat(substr(as_of, 7, 4), '-', substr(as_of, 4, 2), '-', substr(as_of, 1, 2)) AS date)
        ) AS offered_on
    FROM bronze.vendor_catalog
    UNION ALL
    SELECT
        upper(trim(vendorid)),
        trim(vendorname),
        upper(trim(vendorcountry)),
        termsdays,
        CASE
            WHEN asof LIKE '__/__/____' THEN
                try_cast(concat(substr(asof, 7, 4), '-', substr(asof, 1, 2), '-', substr(asof, 4, 2)) AS date)
            ELSE try_cast(asof AS date)
        END
    FROM bronze.vendor_catalog_json
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY vendor_id
            ORDER BY offered_on DESC NULLS LAST, name, country, terms_days
        ) AS place
    FROM delivered
)
SELECT vendor_id, name, country, terms_days, offered_on
FROM ranked
WHERE place = 1 OR vendor_id IS NULL;
