-- One row per campaign with whom it reached and what they redeemed and bought while it ran.
-- For example: which kind of campaign is answered most? SELECT campaign_type, sum(redeemers) * 1.0 / sum(households) FROM gold_marketing.campaign_performance GROUP BY campaign_type;
-- REFRESH POLICY AUTO: a year comes whole, so that following it touches every row.
CREATE MATERIALIZED VIEW gold_marketing.campaign_performance (
    campaign_id COMMENT 'The campaign.',
    campaign_type COMMENT 'Type A, B or C.',
    days COMMENT 'Days it ran, both ends included.',
    households COMMENT 'Households it was sent to.',
    redeemers COMMENT 'Those of them that redeemed a coupon of it.',
    redemptions COMMENT 'Coupons redeemed.',
    sales_usd COMMENT 'What its households bought while it ran.',
    PRIMARY KEY (campaign_id)
)
COMMENT 'Campaigns, whom they reached, and what came of it.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH reached AS (
    SELECT campaign_id, count(DISTINCT household_id) AS households FROM bronze.campaigns GROUP BY campaign_id
),
redeemed AS (
    SELECT campaign_id, count(DISTINCT household_id) AS redeemers, count(*) AS redemptions
    FROM bronze.coupon_redemptions
    GROUP BY campaign_id
),
bought AS (
    SELECT runs.campaign_id, sum(lines.sales_usd) AS sales_usd
    FROM bronze.campaign_descriptions AS runs
    INNER JOIN bronze.campaigns AS members ON members.campaign_id = runs.campaign_id
    INNER JOIN silver.basket_lines AS lines ON lines.household_id = members.household_id
    WHERE lines.sold_at >= runs.start_date AND lines.sold_at < runs.end_date + INTERVAL '1 day'
    GROUP BY runs.campaign_id
)
SELECT
    runs.campaign_id,
    runs.campaign_type,
    CAST(CAST(runs.end_date AS date) - CAST(runs.start_date AS date) + 1 AS bigint) AS days,
    coalesce(reached.households, 0) AS households,
    coalesce(redeemed.redeemers, 0) AS redeemers,
    coalesce(redeemed.redemptions, 0) AS redemptions,
    CAST(coalesce(bought.sales_usd, 0) AS numeric(18, 2)) AS sales_usd
FROM bronze.campaign_descriptions AS runs
LEFT JOIN reached ON reached.campaign_id = runs.campaign_id
LEFT JOIN redeemed ON redeemed.campaign_id = runs.campaign_id
LEFT JOIN bought ON bought.campaign_id = runs.campaign_id;
