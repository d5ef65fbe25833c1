-- One row per platform, campaign, currency and day with what it cost, as eleven platforms export it.
-- For example: what did a click cost where? SELECT platform, sum(spend) / sum(clicks) AS a_click FROM silver.ad_spend_daily WHERE clicks > 0 GROUP BY platform ORDER BY a_click;
-- A row of an export is told by what it is about; of one that comes again, restated or not, the newest counts.
CREATE MATERIALIZED VIEW silver.ad_spend_daily (
    platform COMMENT 'The platform.',
    campaign_id COMMENT 'The platform''s own number of the campaign.',
    currency COMMENT 'ISO 4217 code of spend; unknown where the export does not say.',
    day COMMENT 'The day.',
    impressions COMMENT 'Times shown.',
    clicks COMMENT 'Times clicked, tapped or swiped.',
    spend COMMENT 'Cost in currency.',
    CONSTRAINT day_is_known EXPECT (day IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT campaign_is_known EXPECT (campaign_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT spend_has_sign EXPECT (spend >= 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT clicks_need_impressions EXPECT (clicks <= impressions),
    PRIMARY KEY (platform, campaign_id, currency, day)
)
PARTITIONED BY (platform)
COMMENT 'Advertising costs of all platforms in one shape.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY INCREMENTAL
AS
WITH facebook_campaigns AS (
    SELECT
        id,
        campaign_id,
        row_number() OVER (PARTITION BY id ORDER BY try_cast(updated_time AS timestamp) DESC, campaign_id) AS place
    FROM bronze.facebook_ad_history
),
delivered AS (
    SELECT
        'google_ads' AS platform,
        id AS campaign_id,
        'USD' AS currency,
        substr(date, 1, 10) AS day,
        concat_ws('|', customer_id, ad_network_type, device, _fivetran_id) AS part,
        _fivetran_synced AS synced_at,
        impressions,
        clicks,
        try_cast(cost_micros AS numeric(24, 6)) / 1000000 AS spend
    FROM bronze.google_ads
    UNION ALL
    SELECT
        'facebook_ads', campaigns.campaign_id, 'unknown', substr(ads.date, 1, 10),
        ads.ad_id, NULL,
        ads.impressions, ads.inline_link_clicks, try_cast(ads.spend AS numeric(24, 6))
    FROM bronze.facebook_ads AS ads
    LEFT JOIN facebook_campaigns AS campaigns ON campaigns.id = ads.ad_id AND campaigns.place = 1
    UNION ALL
    SELECT
        'microsoft_ads', campaign_id, currency_code, substr(date, 1, 10),
        concat_ws(
            '|', account_id, device_os, device_type, network, ad_distribution, bid_match_type, delivered_match_type,
            top_vs_other
        ),
        NULL,
        impressions, clicks, try_cast(spend AS numeric(24, 6))
    FROM bronze.microsoft_ads
    UNION ALL
    SELECT
        'pinterest_ads', campaign_id, 'USD', substr(date, 1, 10),
        '', _fivetran_synced,
        CAST(coalesce(try_cast(impression_1 AS bigint), 0) + coalesce(try_cast(impression_2 AS bigint), 0) AS text),
        CAST(coalesce(try_cast(clickthrough_1 AS bigint), 0) + coalesce(try_cast(clickthrough_2 AS bigint), 0) AS text),
        try_cast(spend_in_micro_dollar AS numeric(24, 6)) / 1000000
    FROM bronze.pinterest_ads
    UNION ALL
    SELECT
        'snapchat_ads', campaign_id, 'unknown', substr(date, 1, 10),
        date, _fivetran_synced,
        impressions, swipes, try_cast(spend AS numeric(24, 6)) / 1000000
    FROM bronze.snapchat_ads
    UNION ALL
    SELECT
        'tiktok_ads', campaign_id, 'unknown', substr(stat_time_hour, 1, 10),
        stat_time_hour, _fivetran_synced,
        impressions, clicks, try_cast(spend AS numeric(24, 6))
    FROM bronze.tiktok_ads
    UNION ALL
    SELECT
        'reddit_ads', campaign_id, 'unknown', substr(date, 1, 10),
        concat_ws('|', account_id, region), _fivetran_synced,
        impressions, clicks, try_cast(spend AS numeric(24, 6)) / 1000000
    FROM bronze.reddit_ads
    UNION ALL
    SELECT
        'amazon_ads', campaign_id, campaign_budget_currency_code, substr(date, 1, 10),
        '', _fivetran_synced,
        impressions, clicks, try_cast(cost AS numeric(24, 6))
    FROM bronze.amazon_ads
    UNION ALL
    SELECT
        'apple_search_ads', id, local_spend_currency, substr(date, 1, 10),
        '', NULL,
        impressions, taps, try_cast(local_spend_amount AS numeric(24, 6))
    FROM bronze.apple_search_ads
    UNION ALL
    -- Nothing is nothing in any currency.
    SELECT
        'linkedin_ads', campaign_id, 'USD', substr(day, 1, 10),
        '', _fivetran_synced,
        impressions, clicks,
        CASE
            WHEN try_cast(cost_in_local_currency AS numeric(24, 6)) = 0 THEN 0
            ELSE try_cast(cost_in_usd AS numeric(24, 6))
        END
    FROM bronze.linkedin_ads
    UNION ALL
    SELECT
        'twitter_ads', campaign_id, 'unknown', substr(date, 1, 10),
        concat_ws('|', account_id, placement, date), _fivetran_synced,
        impressions, clicks, try_cast(billed_charge_local_micro AS numeric(24, 6)) / 1000000
    FROM bronze.twitter_ads
),
typed AS (
    SELECT
        platform,
        campaign_id,
        currency,
        try_cast(day AS date) AS day,
        -- What names no campaign or no day stays apart, to be kept in quarantine.
        CASE WHEN campaign_id IS NULL OR try_cast(day AS date) IS NULL THEN concat(part, '|', day, '|', spend) ELSE part END AS part,
        try_cast(synced_at AS timestamp) AS synced_at,
        try_cast(impressions AS bigint) AS impressions,
        try_cast(clicks AS bigint) AS clicks,
        spend
    FROM delivered
),
ranked AS (
    -- Where an export does not say when it was made, the higher cost counts, in whatever order they come.
    SELECT
        *,
        row_number() OVER (
            PARTITION BY platform, campaign_id, currency, day, part
            ORDER BY synced_at DESC NULLS LAST, spend DESC NULLS LAST, clicks DESC NULLS LAST, impressions DESC NULLS LAST
        ) AS place
    FROM typed
)
SELECT
    platform,
    campaign_id,
    currency,
    day,
    CAST(sum(impressions) AS bigint) AS impressions,
    CAST(sum(clicks) AS bigint) AS clicks,
    -- A cost that cannot be read makes the whole unknown.
    CASE WHEN count(spend) = count(*) THEN CAST(sum(spend) AS numeric(18, 6)) END AS spend
FROM ranked
WHERE place = 1
GROUP BY platform, campaign_id, currency, day, CASE WHEN campaign_id IS NULL OR day IS NULL THEN part END;
