-- Every export as it came: the columns a view relies on as text, the others as they are.

CREATE STREAMING TABLE bronze.google_ads (
    customer_id text,
    date text,
    id text,
    ad_network_type text,
    device text,
    _fivetran_id text,
    clicks text,
    impressions text,
    cost_micros text,
    _fivetran_synced text
)
COMMENT 'Google Ads: campaigns by day, network and device, cost in millionths.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/google_ads_campaign_stats_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.facebook_ads (
    ad_id text,
    date text,
    impressions text,
    inline_link_clicks text,
    spend text
)
COMMENT 'Facebook and Instagram Ads: advertisements by day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/facebook_ads_basic_ad_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.facebook_ad_history (
    id text,
    campaign_id text,
    updated_time text
)
COMMENT 'Which campaign an advertisement of Facebook belongs to, each time it changed.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/facebook_ads_ad_history_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.microsoft_ads (
    date text,
    campaign_id text,
    currency_code text,
    account_id text,
    device_os text,
    device_type text,
    network text,
    ad_distribution text,
    bid_match_type text,
    delivered_match_type text,
    top_vs_other text,
    clicks text,
    impressions text,
    spend text
)
COMMENT 'Microsoft Advertising: campaigns by day, device, network and more.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/microsoft_ads_campaign_performance_daily_report_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.pinterest_ads (
    date text,
    campaign_id text,
    impression_1 text,
    impression_2 text,
    clickthrough_1 text,
    clickthrough_2 text,
    spend_in_micro_dollar text,
    _fivetran_synced text
)
COMMENT 'Pinterest Ads: campaigns by day, paid and earned apart, spend in millionths.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/pinterest_campaign_report_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.snapchat_ads (
    campaign_id text,
    date text,
    impressions text,
    swipes text,
    spend text,
    _fivetran_synced text
)
COMMENT 'Snapchat Ads: campaigns by hour, spend in millionths.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/snapchat_campaign_hourly_report_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.tiktok_ads (
    campaign_id text,
    stat_time_hour text,
    impressions text,
    clicks text,
    spend text,
    _fivetran_synced text
)
COMMENT 'TikTok Ads: campaigns by hour, hours without leading zeros.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/tiktok_campaign_report_hourly_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.reddit_ads (
    account_id text,
    campaign_id text,
    date text,
    region text,
    impressions text,
    clicks text,
    spend text,
    _fivetran_synced text
)
COMMENT 'Reddit Ads: campaigns by day and region, spend in millionths.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/reddit_ads_campaign_report_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.amazon_ads (
    campaign_id text,
    date text,
    campaign_budget_currency_code text,
    clicks text,
    cost text,
    impressions text,
    _fivetran_synced text
)
COMMENT 'Amazon Ads: campaigns by day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/amazon_ads_campaign_level_report_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.apple_search_ads (
    date text,
    id text,
    impressions text,
    local_spend_amount text,
    local_spend_currency text,
    taps text
)
COMMENT 'Apple Search Ads: campaigns by day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/apple_search_campaign_report_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.linkedin_ads (
    campaign_id text,
    day text,
    clicks text,
    impressions text,
    cost_in_usd text,
    cost_in_local_currency text,
    _fivetran_synced text
)
COMMENT 'LinkedIn Ads: campaigns by day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/linkedin_ad_analytics_by_campaign_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.twitter_ads (
    account_id text,
    campaign_id text,
    date text,
    placement text,
    clicks text,
    impressions text,
    billed_charge_local_micro text,
    _fivetran_synced text
)
COMMENT 'Twitter Ads: campaigns by day and placement, cost in millionths.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/twitter_campaign_report_data*.csv', format => 'csv');
