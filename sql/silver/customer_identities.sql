-- One row per name a source has for a customer: CRM numbers, browsers and devices, each with the customer it belongs to.
-- For example: who is in the CRM more than once? SELECT customer_id, count(*) FROM silver.customer_identities WHERE source = 'crm' GROUP BY customer_id HAVING count(*) > 1;
-- Two CRM records are one person's when they agree on enough. Compared are records with the same e-mail
-- address, telephone, birthday with initials, or name and postal code. Points: same e-mail address 4, telephone 3,
-- birthday 3 (1 in the same year with two digits other, or with day and month swapped; -5 when it differs
-- more), given name 2 (-2 when it differs), family name 2 (-1), street 1, postal code 1; from 6 on they are one, if the
-- given names agree. Names agree when equal without accents, one or (of five letters and more, or with the
-- same e-mail address, or the same telephone and birthday) two slips apart, an initial, or swapped.
-- The person has the lowest number of the records; chains of more than three records are cut. A browser or
-- device belongs to whom it last signed in.
-- REFRESH POLICY AUTO, because a changed record is compared with all that agree with it in anything, and these with
-- theirs: of small data, all of it is sooner done.
CREATE MATERIALIZED VIEW silver.customer_identities (
    source COMMENT 'crm, web or app.',
    source_id COMMENT 'The source''s own: the CRM''s number, the browser''s cookie, the device.',
    customer_id COMMENT 'The customer, as in silver.customers.',
    CONSTRAINT customer_is_known EXPECT (customer_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (source, source_id)
)
PARTITIONED BY (source)
COMMENT 'Which customer is behind each number, browser and device.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH keys AS (
    SELECT crm_id, 'email ' || email AS match_key FROM silver.crm_records WHERE email IS NOT NULL
    UNION ALL
    SELECT crm_id, 'phone ' || phone FROM silver.crm_records WHERE phone IS NOT NULL
    UNION ALL
    SELECT
        crm_id,
        concat(
            'birth ', born_on, ' ',
            least(substr(given_key, 1, 1), substr(family_key, 1, 1)),
            greatest(substr(given_key, 1, 1), substr(family_key, 1, 1))
        )
    FROM silver.crm_records
    WHERE born_on IS NOT NULL
    UNION ALL
    SELECT crm_id, concat('name ', family_key, ' ', postal_code)
    FROM silver.crm_records
    WHERE postal_code IS NOT NULL
),
candidates AS (
    SELECT DISTINCT a.crm_id AS a_id, b.crm_id AS b_id
    FROM keys AS a
    INNER JOIN keys AS b ON b.match_key = a.match_key
    WHERE a.crm_id < b.crm_id
),
compared AS (
    SELECT
        candidates.a_id,
        candidates.b_id,
        a.email = b.email AS same_email,
        a.phone = b.phone AS same_phone,
        CASE
            WHEN a.born_on = b.born_on THEN 3
            WHEN date_part('year', a.born_on) = date_part('year', b.born_on)
                AND levenshtein(CAST(a.born_on AS text), CAST(b.born_on AS text)) <= 2 THEN 1
            -- Day and month were taken for each other.
            WHEN CAST(a.born_on AS text)
                = concat(substr(CAST(b.born_on AS text), 1, 5), substr(CAST(b.born_on AS text), 9, 2), '-', substr(CAST(b.born_on AS text), 6, 2)) THEN 1
            WHEN a.born_on <> b.born_on THEN -5
            ELSE 0
        END AS birth_points,
        a.street = b.street AS same_street,
        a.postal_code = b.postal_code AS same_postal_code,
        a.given_key = b.given_key
            OR levenshtein(a.given_key, b.given_key) <= CASE WHEN least(length(a.given_key), length(b.given_key)) >= 5 THEN 2 ELSE 1 END
            OR (least(length(a.given_key), length(b.given_key)) = 1 AND substr(a.given_key, 1, 1) = substr(b.given_key, 1, 1))
            OR (levenshtein(a.given_key, b.given_key) = 2 AND (a.email = b.email OR (a.phone = b.phone AND a.born_on = b.born_on)))
            AS given_agrees,
        a.family_key = b.family_key
            OR levenshtein(a.family_key, b.family_key) <= CASE WHEN least(length(a.family_key), length(b.family_key)) >= 5 THEN 2 ELSE 1 END
            AS family_agrees,
        a.given_key = b.family_key OR a.family_key = b.given_key AS swapped
    FROM candidates
    INNER JOIN silver.crm_records AS a ON a.crm_id = candidates.a_id
    INNER JOIN silver.crm_records AS b ON b.crm_id = candidates.b_id
),
matched AS (
    SELECT a_id, b_id
    FROM compared
    WHERE (given_agrees OR swapped)
        AND CASE WHEN same_email THEN 4 ELSE 0 END
            + CASE WHEN same_phone THEN 3 ELSE 0 END
            + birth_points
            + 2
            + CASE WHEN family_agrees OR swapped THEN 2 ELSE -1 END
            + CASE WHEN same_street THEN 1 ELSE 0 END
            + CASE WHEN same_postal_code THEN 1 ELSE 0 END
            >= 6
),
links AS (
    SELECT a_id AS crm_id, b_id AS other_id FROM matched
    UNION ALL
    SELECT b_id, a_id FROM matched
    UNION ALL
    SELECT crm_id, crm_id FROM silver.crm_records
),
lowest_neighbour AS (
    SELECT crm_id, min(other_id) AS customer_id
    FROM links
    GROUP BY crm_id
),
clusters AS (
    SELECT links.crm_id, min(neighbours.customer_id) AS customer_id
    FROM links
    INNER JOIN lowest_neighbour AS neighbours ON neighbours.crm_id = links.other_id
    GROUP BY links.crm_id
)
SELECT 'crm' AS source, crm_id AS source_id, customer_id
FROM clusters
UNION ALL
SELECT owners.source, owners.source_id, clusters.customer_id
FROM silver.device_owners AS owners
LEFT JOIN clusters ON clusters.crm_id = owners.user_id;
