-- One row per contact of a customer with the shop: tickets, calls, feedback and reviews.
-- For example: what do unhappy customers write? SELECT body FROM silver.interactions WHERE rating <= 2 LIMIT 10;
CREATE MATERIALIZED VIEW silver.interactions (
    interaction_id COMMENT 'The CRM''s own number.',
    kind COMMENT 'ticket, call, feedback or review.',
    crm_id COMMENT 'The CRM number of who it was.',
    customer_id COMMENT 'The customer behind that number; NULL where nobody knows it.',
    order_id COMMENT 'The order it was about, NULL for none.',
    opened_at COMMENT 'When it began, UTC.',
    opened_month COMMENT 'The first day of that month.',
    closed_at COMMENT 'When it ended; NULL while it is open.',
    rating COMMENT 'One to five; NULL for none, and for what is none.',
    rating_given COMMENT 'As it was entered.',
    body COMMENT 'What was said.',
    CONSTRAINT interaction_has_id EXPECT (interaction_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT interaction_has_time EXPECT (opened_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT rating_is_in_range EXPECT (rating_given IS NULL OR rating IS NOT NULL),
    CONSTRAINT customer_is_known EXPECT (customer_id IS NOT NULL),
    PRIMARY KEY (interaction_id)
)
PARTITIONED BY (opened_month)
COMMENT 'Contacts with customers, each as it was last.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        interaction_id,
        kind,
        upper(trim(contact)) AS crm_id,
        order_id,
        try_cast(opened_at AS timestamp) AS opened_at,
        try_cast(closed_at AS timestamp) AS closed_at,
        try_cast(modified_at AS timestamp) AS modified_at,
        rating AS rating_given,
        -- Forms took a number, "4 stars" and "4/5".
        try_cast(substring(rating FROM '^([1-5])( stars?|/5)?$') AS bigint) AS rating,
        body
    FROM bronze.crm_interactions
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY interaction_id
            ORDER BY modified_at DESC NULLS LAST, closed_at DESC NULLS LAST, rating_given, body
        ) AS place
    FROM delivered
),
newest AS (
    SELECT *
    FROM ranked
    WHERE place = 1 OR interaction_id IS NULL
)
SELECT
    newest.interaction_id,
    newest.kind,
    newest.crm_id,
    identities.customer_id,
    newest.order_id,
    newest.opened_at,
    CAST(date_trunc('month', newest.opened_at) AS date) AS opened_month,
    newest.closed_at,
    newest.rating,
    newest.rating_given,
    newest.body
FROM newest
LEFT JOIN silver.customer_identities AS identities
    ON identities.source = 'crm' AND identities.source_id = newest.crm_id;
