-- One row per customer number of the CRM, as its newest export has it, typed and cleaned.
-- For example: how many records have no usable e-mail address? SELECT count(*) FROM silver.crm_records WHERE email IS NULL;
-- The same person may be here several times; silver.customer_identities says who is who.
-- REFRESH POLICY AUTO, because each delivery names everybody, so that following it touches all rows.
CREATE MATERIALIZED VIEW silver.crm_records (
    crm_id COMMENT 'The CRM''s own number, as orders carry it.',
    given_name COMMENT 'Given name; may be an initial.',
    family_name COMMENT 'Family name.',
    email COMMENT 'E-mail address in lower case; NULL where none, or none that could be delivered to.',
    phone COMMENT 'Digits with the country''s first, without signs.',
    born_on COMMENT 'Date of birth.',
    street COMMENT 'Street and number.',
    postal_code COMMENT 'As the country writes it, lost zeros put back.',
    city COMMENT 'The city.',
    country COMMENT 'ISO 3166 code of the country.',
    email_consent COMMENT 'Whether the record allows e-mail.',
    created_at COMMENT 'When the record was made.',
    modified_at COMMENT 'When it last changed: what tells the newest export.',
    given_key COMMENT 'The given name in small letters without accents, to compare.',
    family_key COMMENT 'The family name likewise.',
    CONSTRAINT record_has_id EXPECT (crm_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT record_has_name EXPECT (family_name IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT record_can_be_reached EXPECT (email IS NOT NULL OR phone IS NOT NULL OR street IS NOT NULL),
    CONSTRAINT birth_is_plausible EXPECT (born_on IS NULL OR born_on > DATE '1900-01-01'),
    PRIMARY KEY (crm_id)
)
PARTITIONED BY (country)
COMMENT 'The CRM''s records, the newest of each number by its own time.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        nullif(upper(trim(accountnumber)), '') AS crm_id,
        nullif(trim(firstname), '') AS first_name,
        nullif(trim(lastname), '') AS last_name,
        lower(trim(emailaddress1)) AS email,
        regexp_replace(telephone1, '[^0-9+]', '', 'g') AS phone,
        trim(birthdate) AS birthdate,
        nullif(trim(address1_line1), '') AS street,
        upper(trim(address1_postalcode)) AS postal_code,
        nullif(trim(address1_city), '') AS city,
        upper(trim(address1_country)) AS country,
        NOT donotemail AS email_consent,
        try_cast(createdon AS timestamp) AS created_at,
        try_cast(modifiedon AS timestamp) AS modified_at,
        CASE upper(trim(address1_country))
            WHEN 'DE' THEN '49'
            WHEN 'FR' THEN '33'
            WHEN 'NL' THEN '31'
            WHEN 'IT' THEN '39'
            WHEN 'ES' THEN '34'
            WHEN 'GB' THEN '44'
            WHEN 'US' THEN '1'
            WHEN 'CA' THEN '1'
            WHEN 'AU' THEN '61'
        END AS dial
    FROM bronze.crm_customers
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY crm_id
            ORDER BY modified_at DESC NULLS LAST, created_at, email_consent, last_name, first_name, email, phone, street, postal_code
        ) AS place
    FROM delivered
),
typed AS (
    SELECT
        crm_id,
        -- Some clerks write in capitals.
        CASE WHEN first_name = upper(first_name) THEN initcap(first_name) ELSE first_name END AS given_name,
        CASE WHEN last_name = upper(last_name) THEN initcap(last_name) ELSE last_name END AS family_name,
        CASE WHEN email ~ '^[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$' THEN email END AS email,
        CASE
            WHEN phone LIKE '+%' THEN substr(phone, 2)
            WHEN phone LIKE '00%' THEN substr(phone, 3)
            WHEN phone LIKE '0%' THEN dial || substr(phone, 2)
            WHEN phone <> '' THEN dial || phone
        END AS phone,
        CASE
            WHEN birthdate ~ '^[0-9]{2}\.[0-9]{2}\.[0-9]{4}$'
                THEN try_cast(concat(substr(birthdate, 7, 4), '-', substr(birthdate, 4, 2), '-', substr(birthdate, 1, 2)) AS date)
            ELSE try_cast(birthdate AS date)
        END AS born_on,
        street,
        CASE
            WHEN country = 'AU' THEN lpad(postal_code, 4, '0')
            WHEN country IN ('DE', 'FR', 'IT', 'ES', 'US') THEN lpad(postal_code, 5, '0')
            ELSE postal_code
        END AS postal_code,
        city,
        country,
        email_consent,
        created_at,
        modified_at
    FROM ranked
    WHERE place = 1
)
SELECT
    crm_id,
    given_name,
    family_name,
    email,
    phone,
    born_on,
    street,
    postal_code,
    city,
    country,
    email_consent,
    created_at,
    modified_at,
    regexp_replace(
        translate(replace(replace(replace(replace(lower(given_name), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß', 'ss'), 'áàâçéèêíıîñóôúû', 'aaaceeeiiinoouu'),
        '[^a-z]', '', 'g'
    ) AS given_key,
    regexp_replace(
        translate(replace(replace(replace(replace(lower(family_name), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß', 'ss'), 'áàâçéèêíıîñóôúû', 'aaaceeeiiinoouu'),
        '[^a-z]', '', 'g'
    ) AS family_key
FROM typed;
