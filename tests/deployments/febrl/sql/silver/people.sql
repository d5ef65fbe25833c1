-- One row per record of a person, trimmed and in small letters.
-- For example: how many have no birthday? SELECT count(*) FROM silver.people WHERE born_on IS NULL;
CREATE MATERIALIZED VIEW silver.people (
    record_id COMMENT 'The record''s number, which says whose it is: not looked at when matching.',
    given_name COMMENT 'Given name.',
    family_name COMMENT 'Family name.',
    street_number COMMENT 'House number.',
    street COMMENT 'Street.',
    suburb COMMENT 'Suburb.',
    postcode COMMENT 'Postal code.',
    born_on COMMENT 'Date of birth, eight digits as delivered.',
    security_id COMMENT 'Social security number.',
    CONSTRAINT record_has_id EXPECT (record_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (record_id)
)
COMMENT 'Records of people as delivered.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
SELECT DISTINCT
    trim(rec_id) AS record_id,
    nullif(lower(trim(given_name)), '') AS given_name,
    nullif(lower(trim(surname)), '') AS family_name,
    nullif(trim(street_number), '') AS street_number,
    nullif(lower(trim(address_1)), '') AS street,
    nullif(lower(trim(suburb)), '') AS suburb,
    nullif(trim(postcode), '') AS postcode,
    nullif(trim(date_of_birth), '') AS born_on,
    nullif(trim(soc_sec_id), '') AS security_id
FROM bronze.people;
