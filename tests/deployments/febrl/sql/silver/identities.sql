-- One row per record with the person it belongs to.
-- For example: who is there more than once? SELECT person_id, count(*) FROM silver.identities GROUP BY person_id HAVING count(*) > 1;
-- The same kind of rules as the shop's silver.customer_identities: records are compared that share a security
-- number, a birthday, both names, or name or street and postal code. Points: security number 4 (1 when a
-- slip apart), birthday 3 (1 when two digits differ, -2 when more do), each name 2 (-1 when it differs), street, house
-- number, suburb and postal code 1 each; from 6 on they are one.
CREATE MATERIALIZED VIEW silver.identities (
    record_id COMMENT 'The record.',
    person_id COMMENT 'The lowest record of the person.',
    CONSTRAINT person_is_known EXPECT (person_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (record_id)
)
COMMENT 'Which records are one person''s.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH keys AS (
    SELECT record_id, 'id ' || security_id AS match_key FROM silver.people WHERE security_id IS NOT NULL
    UNION ALL
    SELECT record_id, 'birth ' || born_on FROM silver.people WHERE born_on IS NOT NULL
    UNION ALL
    SELECT record_id, 'names ' || least(given_name, family_name) || ' ' || greatest(given_name, family_name)
    FROM silver.people
    WHERE given_name IS NOT NULL AND family_name IS NOT NULL
    UNION ALL
    SELECT record_id, 'name ' || family_name || ' ' || postcode
    FROM silver.people
    WHERE family_name IS NOT NULL AND postcode IS NOT NULL
    UNION ALL
    SELECT record_id, 'street ' || street || ' ' || postcode
    FROM silver.people
    WHERE street IS NOT NULL AND postcode IS NOT NULL
),
candidates AS (
    SELECT DISTINCT a.record_id AS a_id, b.record_id AS b_id
    FROM keys AS a
    INNER JOIN keys AS b ON b.match_key = a.match_key
    WHERE a.record_id < b.record_id
),
compared AS (
    SELECT
        candidates.a_id,
        candidates.b_id,
        CASE
            WHEN a.security_id = b.security_id THEN 4
            WHEN levenshtein(a.security_id, b.security_id) <= 2 THEN 1
            ELSE 0
        END
        + CASE
            WHEN a.born_on = b.born_on THEN 3
            WHEN levenshtein(a.born_on, b.born_on) <= 2 THEN 1
            WHEN a.born_on <> b.born_on THEN -2
            ELSE 0
        END
        + CASE
            WHEN levenshtein(a.given_name, b.given_name) <= 2 THEN 2
            WHEN a.given_name = b.family_name OR a.family_name = b.given_name THEN 2
            WHEN a.given_name <> b.given_name THEN -1
            ELSE 0
        END
        + CASE
            WHEN levenshtein(a.family_name, b.family_name) <= 2 THEN 2
            WHEN a.given_name = b.family_name OR a.family_name = b.given_name THEN 2
            WHEN a.family_name <> b.family_name THEN -1
            ELSE 0
        END
        + CASE WHEN levenshtein(a.street, b.street) <= 3 THEN 1 ELSE 0 END
        + CASE WHEN a.street_number = b.street_number THEN 1 ELSE 0 END
        + CASE WHEN levenshtein(a.suburb, b.suburb) <= 2 THEN 1 ELSE 0 END
        + CASE WHEN a.postcode = b.postcode THEN 1 ELSE 0 END
        AS points
    FROM candidates
    INNER JOIN silver.people AS a ON a.record_id = candidates.a_id
    INNER JOIN silver.people AS b ON b.record_id = candidates.b_id
),
links AS (
    SELECT a_id AS record_id, b_id AS other_id FROM compared WHERE points >= 6
    UNION ALL
    SELECT b_id, a_id FROM compared WHERE points >= 6
    UNION ALL
    SELECT record_id, record_id FROM silver.people
),
lowest_neighbour AS (
    SELECT record_id, min(other_id) AS person_id
    FROM links
    GROUP BY record_id
)
SELECT links.record_id, min(neighbours.person_id) AS person_id
FROM links
INNER JOIN lowest_neighbour AS neighbours ON neighbours.record_id = links.other_id
GROUP BY links.record_id;
