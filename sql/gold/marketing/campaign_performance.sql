-- One row per day, channel and campaign: what it cost, what it brought.
-- For example: which campaigns lose money? SELECT campaign, sum(spend_eur), sum(revenue_eur) FROM gold_marketing.campaign_performance WHERE campaign <> 'none' GROUP BY campaign HAVING sum(revenue_eur) < sum(spend_eur);
-- Visits count on the day they began, orders and revenue on the day of the order, by channel_attribution.
CREATE MATERIALIZED VIEW gold_marketing.campaign_performance (
    day COMMENT 'The day.',
    channel COMMENT 'How visitors came.',
    campaign COMMENT 'The campaign; none for channels without.',
    spend_eur COMMENT 'What the platforms charged, in euro.',
    impressions COMMENT 'Times shown.',
    clicks COMMENT 'Times clicked, as the platforms count.',
    visits COMMENT 'Visits of the web shop that came this way.',
    orders COMMENT 'Paid online orders credited to it.',
    revenue_eur COMMENT 'What they came to, in euro.',
    return_on_ad_spend COMMENT 'revenue_eur / spend_eur, NULL without spend.',
    CONSTRAINT spend_has_sign EXPECT (spend_eur >= 0) ON VIOLATION FAIL UPDATE,
    PRIMARY KEY (day, channel, campaign)
)
COMMENT 'Campaigns by day: cost, visits, orders, revenue.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH movements AS (
    SELECT
        day,
        channel,
        campaign,
        spend_eur,
        impressions,
        clicks,
        CAST(0 AS bigint) AS visits,
        CAST(0 AS bigint) AS orders,
        CAST(0 AS numeric(18, 2)) AS revenue_eur
    FROM silver.ad_spend_daily
    UNION ALL
    SELECT
        session_day,
        channel,
        coalesce(campaign, 'none'),
        CAST(0 AS numeric(18, 2)),
        CAST(0 AS bigint),
        CAST(0 AS bigint),
        CAST(1 AS bigint),
        CAST(0 AS bigint),
        CAST(0 AS numeric(18, 2))
    FROM silver.web_sessions
    UNION ALL
    SELECT
        order_day,
        channel,
        campaign,
        CAST(0 AS numeric(18, 2)),
        CAST(0 AS bigint),
        CAST(0 AS bigint),
        CAST(0 AS bigint),
        CAST(1 AS bigint),
        revenue_eur
    FROM gold_marketing.channel_attribution
),
totals AS (
    SELECT
        day,
        channel,
        campaign,
        CAST(sum(spend_eur) AS numeric(18, 2)) AS spend_eur,
        CAST(sum(impressions) AS bigint) AS impressions,
        CAST(sum(clicks) AS bigint) AS clicks,
        CAST(sum(visits) AS bigint) AS visits,
        CAST(sum(orders) AS bigint) AS orders,
        CAST(sum(revenue_eur) AS numeric(18, 2)) AS revenue_eur
    FROM movements
    GROUP BY day, channel, campaign
)
SELECT
    *,
    CAST(round(revenue_eur / nullif(spend_eur, 0.00), 4) AS numeric(18, 4)) AS return_on_ad_spend
FROM totals;
