-- One row per platform, campaign and day with what it cost, in the account's currency and in euro.
-- For example: which campaign is dearest a click? SELECT campaign, sum(spend_eur) / sum(clicks) AS eur_a_click FROM silver.ad_spend_daily GROUP BY campaign ORDER BY eur_a_click DESC;
-- Platforms say again what a day cost; the report exported last counts, device by device.
CREATE MATERIALIZED VIEW silver.ad_spend_daily (
    day COMMENT 'The day, as the platform counts it.',
    month COMMENT 'The first day of its month.',
    platform COMMENT 'google_ads, instagram_ads or google_analytics.',
    campaign_id COMMENT 'The platform''s own number of the campaign.',
    campaign COMMENT 'Its name as links carry it: small letters, words joined by hyphens.',
    channel COMMENT 'As in silver.web_sessions: paid_search, paid_social, email or affiliate.',
    impressions COMMENT 'Times shown.',
    clicks COMMENT 'Times clicked.',
    spend COMMENT 'Cost in the account''s currency.',
    currency COMMENT 'ISO 4217 code of spend.',
    spend_eur COMMENT 'Cost in euro, at the rate of the day.',
    CONSTRAINT campaign_has_id EXPECT (campaign_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT day_is_known EXPECT (day IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT spend_is_known EXPECT (spend IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT currency_has_rate EXPECT (spend_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT spend_has_sign EXPECT (spend >= 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT clicks_need_impressions EXPECT (clicks <= impressions),
    PRIMARY KEY (platform, campaign_id, day)
)
PARTITIONED BY (month)
COMMENT 'Advertising costs of all platforms in one shape.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH delivered AS (
    SELECT
        'google_ads' AS platform,
        try_cast(date AS date) AS day,
        date AS delivered_day,
        nullif(trim(id), '') AS campaign_id,
        name AS campaign,
        'paid_search' AS channel,
        device,
        try_cast(impressions AS bigint) AS impressions,
        try_cast(clicks AS bigint) AS clicks,
        CAST(try_cast(cost_micros AS numeric(18, 6)) / 1000000 AS numeric(18, 2)) AS spend,
        currency_code AS currency,
        try_cast(_fivetran_synced AS timestamp) AS exported_at
    FROM bronze.ad_performance
    WHERE cost_micros IS NOT NULL
    UNION ALL
    SELECT
        'instagram_ads',
        try_cast(date AS date),
        date,
        nullif(trim(campaign_id), ''),
        campaign_name,
        'paid_social',
        'all',
        try_cast(impressions AS bigint),
        try_cast(inline_link_clicks AS bigint),
        try_cast(spend AS numeric(18, 2)),
        account_currency,
        try_cast(_fivetran_synced AS timestamp)
    FROM bronze.ad_performance
    WHERE inline_link_clicks IS NOT NULL
    UNION ALL
    SELECT
        'google_analytics',
        try_cast(concat(substr(date, 1, 4), '-', substr(date, 5, 2), '-', substr(date, 7, 2)) AS date),
        date,
        nullif(trim(campaign_id), ''),
        session_campaign,
        split_part(session_source_medium, ' / ', 2),
        'all',
        try_cast(ad_impressions AS bigint),
        try_cast(ad_clicks AS bigint),
        try_cast(ad_cost AS numeric(18, 2)),
        currency,
        try_cast(exported_at AS timestamp)
    FROM bronze.ad_performance
    WHERE ad_cost IS NOT NULL
),
keyed AS (
    -- Rows without a campaign or a day stay apart, each by what it says, to be kept in quarantine.
    SELECT
        *,
        CASE WHEN campaign_id IS NULL OR day IS NULL THEN concat(campaign, '|', delivered_day, '|', spend) END AS stray
    FROM delivered
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY platform, campaign_id, day, stray, device
            ORDER BY exported_at DESC NULLS LAST, spend DESC, clicks DESC, impressions DESC, campaign, currency
        ) AS place
    FROM keyed
),
totals AS (
    SELECT
        platform,
        campaign_id,
        day,
        max(regexp_replace(lower(trim(campaign)), '[^a-z0-9]+', '-', 'g')) AS campaign,
        max(channel) AS channel,
        max(upper(trim(currency))) AS currency,
        CAST(sum(impressions) AS bigint) AS impressions,
        CAST(sum(clicks) AS bigint) AS clicks,
        -- What one device cost is not the whole when another's cost cannot be read.
        CASE WHEN count(spend) = count(*) THEN CAST(sum(spend) AS numeric(18, 2)) END AS spend
    FROM ranked
    WHERE place = 1
    GROUP BY platform, campaign_id, day, stray
)
SELECT
    totals.day,
    CAST(date_trunc('month', totals.day) AS date) AS month,
    totals.platform,
    totals.campaign_id,
    totals.campaign,
    totals.channel,
    totals.impressions,
    totals.clicks,
    totals.spend,
    totals.currency,
    CAST(round(totals.spend / rates.rate, 2) AS numeric(18, 2)) AS spend_eur
FROM totals
LEFT JOIN silver.currency_rates AS rates ON rates.currency = totals.currency AND rates.day = totals.day;
