-- One row per customer: who they are, what they bought, how they visit, what they said.
-- For example: which of our best customers were unhappy lately? SELECT customer_id, given_name, family_name FROM gold_marketing.customer_360 WHERE segment = 'champion' AND worst_rating <= 2;
-- Every customer of silver.customers is here, buyers or not. REFRESH POLICY AUTO, because the views it reads
-- are computed in full.
CREATE MATERIALIZED VIEW gold_marketing.customer_360 (
    customer_id COMMENT 'The customer.',
    given_name COMMENT 'Given name.',
    family_name COMMENT 'Family name.',
    country COMMENT 'ISO 3166 code of the country they live in.',
    region COMMENT 'Its region, NULL where not known.',
    may_be_mailed COMMENT 'Whether there is an e-mail address and the consent to use it.',
    customer_since COMMENT 'When the CRM''s oldest record was made.',
    orders COMMENT 'Paid orders.',
    revenue_eur COMMENT 'What they came to, in euro.',
    last_order_day COMMENT 'The day of the last one, NULL for none.',
    segment COMMENT 'As in customer_segments; prospect for who never bought.',
    lifetime_value_eur COMMENT 'As in customer_lifetime_value, 0 for who never bought.',
    visits COMMENT 'Visits of the web shop in browsers known to be theirs.',
    last_visit_at COMMENT 'When the last one began, NULL for none.',
    favourite_channel COMMENT 'How they came most often, NULL without visits; of equal ones the first by name.',
    interactions COMMENT 'Tickets, calls, feedback and reviews.',
    open_tickets COMMENT 'Tickets not closed yet.',
    worst_rating COMMENT 'The lowest rating they gave, NULL for none.',
    CONSTRAINT segment_is_known EXPECT (segment IS NOT NULL) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (customer_id)
)
COMMENT 'All that is known of a customer, in one row.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH visits AS (
    SELECT identities.customer_id, sessions.channel, count(*) AS visits, max(sessions.started_at) AS last_visit_at
    FROM silver.web_sessions AS sessions
    INNER JOIN silver.customer_identities AS identities
        ON identities.source = 'web' AND identities.source_id = sessions.visitor_id
    GROUP BY identities.customer_id, sessions.channel
),
ranked_visits AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer_id ORDER BY visits DESC, channel) AS place
    FROM visits
),
all_visits AS (
    SELECT
        customer_id,
        CAST(sum(visits) AS bigint) AS visits,
        max(last_visit_at) AS last_visit_at,
        max(CASE WHEN place = 1 THEN channel END) AS favourite_channel
    FROM ranked_visits
    GROUP BY customer_id
),
contacts AS (
    SELECT
        customer_id,
        count(*) AS interactions,
        count(CASE WHEN kind = 'ticket' AND closed_at IS NULL THEN 1 END) AS open_tickets,
        min(rating) AS worst_rating
    FROM silver.interactions
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
)
SELECT
    customers.customer_id,
    customers.given_name,
    customers.family_name,
    customers.country,
    customers.region,
    customers.email_consent AND customers.email IS NOT NULL AS may_be_mailed,
    customers.customer_since,
    coalesce(worth.orders, 0) AS orders,
    CAST(coalesce(worth.revenue_eur, 0.00) AS numeric(18, 2)) AS revenue_eur,
    worth.last_order_day,
    coalesce(segments.segment, 'prospect') AS segment,
    CAST(coalesce(worth.lifetime_value_eur, 0.00) AS numeric(18, 2)) AS lifetime_value_eur,
    coalesce(all_visits.visits, 0) AS visits,
    all_visits.last_visit_at,
    all_visits.favourite_channel,
    coalesce(contacts.interactions, 0) AS interactions,
    coalesce(contacts.open_tickets, 0) AS open_tickets,
    contacts.worst_rating
FROM silver.customers AS customers
LEFT JOIN gold_marketing.customer_segments AS segments ON segments.customer_id = customers.customer_id
LEFT JOIN gold_marketing.customer_lifetime_value AS worth ON worth.customer_id = customers.customer_id
LEFT JOIN all_visits ON all_visits.customer_id = customers.customer_id
LEFT JOIN contacts ON contacts.customer_id = customers.customer_id;
