-- One row per month, country and region: who visits the web shop, and how many of them are known.
-- For example: in which regions do many look and few buy? SELECT country, region, sum(visits), sum(purchase_visits) FROM gold_marketing.audience_by_region GROUP BY country, region ORDER BY 3 DESC;
-- Places are those of the networks visits came from.
CREATE MATERIALIZED VIEW gold_marketing.audience_by_region (
    month COMMENT 'The first day of the month the visits began in, UTC.',
    country COMMENT 'ISO 3166 code of the country; unknown where nobody knows.',
    region COMMENT 'Its region; unknown where nobody knows.',
    visits COMMENT 'Visits.',
    visitors COMMENT 'Different browsers.',
    customers COMMENT 'Different customers among them, those known by a sign-in at any time.',
    purchase_visits COMMENT 'Visits that ended in an order.',
    PRIMARY KEY (month, country, region)
)
COMMENT 'The web shop''s audience by month and region.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
SELECT
    sessions.session_month AS month,
    coalesce(sessions.country, 'unknown') AS country,
    coalesce(sessions.region, 'unknown') AS region,
    count(*) AS visits,
    count(DISTINCT sessions.visitor_id) AS visitors,
    count(DISTINCT identities.customer_id) AS customers,
    count(CASE WHEN sessions.purchases > 0 THEN 1 END) AS purchase_visits
FROM silver.web_sessions AS sessions
LEFT JOIN silver.customer_identities AS identities
    ON identities.source = 'web' AND identities.source_id = sessions.visitor_id
GROUP BY 1, 2, 3;
