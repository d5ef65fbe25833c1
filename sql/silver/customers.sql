-- One row per customer: a person, whatever numbers the CRM has for them.
-- For example: how many customers in Spain may we write to? SELECT count(*) FROM silver.customers WHERE country = 'ES' AND email_consent AND email IS NOT NULL;
-- Of a person's records each value is the newest that is there; given names of one letter count only where
-- there is no other, and street, postal code, city and country come from one record. A record that forbids
-- e-mail forbids it for the person.
CREATE MATERIALIZED VIEW silver.customers (
    customer_id COMMENT 'The lowest of the person''s CRM numbers.',
    given_name COMMENT 'Given name.',
    family_name COMMENT 'Family name.',
    email COMMENT 'The newest e-mail address, NULL where none is known.',
    phone COMMENT 'The newest telephone number, NULL where none is known.',
    born_on COMMENT 'Date of birth, NULL where not known.',
    street COMMENT 'Street and number, NULL where not known.',
    postal_code COMMENT 'Postal code.',
    city COMMENT 'The city.',
    region COMMENT 'State, province or the like of the postal code, NULL where not known.',
    country COMMENT 'ISO 3166 code of the country.',
    email_consent COMMENT 'Whether the person may be sent e-mail: no record forbids it.',
    customer_since COMMENT 'When the oldest record was made.',
    crm_records COMMENT 'How many records the CRM has.',
    CONSTRAINT customer_has_name EXPECT (family_name IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT consent_is_known EXPECT (email_consent IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT customer_is_one_person EXPECT (crm_records <= 3),
    PRIMARY KEY (customer_id)
)
PARTITIONED BY (country)
COMMENT 'Customers: one row a person, with what is best known of them.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH records AS (
    SELECT identities.customer_id, records.*, length(records.given_key) < 2 AS is_initial
    FROM silver.customer_identities AS identities
    INNER JOIN silver.crm_records AS records ON records.crm_id = identities.source_id
    WHERE identities.source = 'crm'
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer_id ORDER BY is_initial, modified_at DESC, crm_id) AS name_place,
        row_number() OVER (PARTITION BY customer_id ORDER BY email IS NULL, modified_at DESC, crm_id) AS email_place,
        row_number() OVER (PARTITION BY customer_id ORDER BY phone IS NULL, modified_at DESC, crm_id) AS phone_place,
        row_number() OVER (PARTITION BY customer_id ORDER BY born_on IS NULL, modified_at DESC, crm_id) AS birth_place,
        row_number() OVER (PARTITION BY customer_id ORDER BY street IS NULL, modified_at DESC, crm_id) AS street_place
    FROM records
),
people AS (
    SELECT
        customer_id,
        max(CASE WHEN name_place = 1 THEN given_name END) AS given_name,
        max(CASE WHEN name_place = 1 THEN family_name END) AS family_name,
        max(CASE WHEN email_place = 1 THEN email END) AS email,
        max(CASE WHEN phone_place = 1 THEN phone END) AS phone,
        max(CASE WHEN birth_place = 1 THEN born_on END) AS born_on,
        max(CASE WHEN street_place = 1 THEN street END) AS street,
        max(CASE WHEN street_place = 1 THEN postal_code END) AS postal_code,
        max(CASE WHEN street_place = 1 THEN city END) AS city,
        max(CASE WHEN street_place = 1 THEN country END) AS country,
        bool_and(email_consent) AS email_consent,
        min(created_at) AS customer_since,
        count(*) AS crm_records
    FROM ranked
    GROUP BY customer_id
)
SELECT
    people.customer_id,
    people.given_name,
    people.family_name,
    people.email,
    people.phone,
    people.born_on,
    people.street,
    people.postal_code,
    people.city,
    places.region,
    people.country,
    people.email_consent,
    people.customer_since,
    people.crm_records
FROM people
LEFT JOIN silver.locations AS places
    ON places.kind = 'postal_code' AND places.country = people.country AND places.code = people.postal_code;
