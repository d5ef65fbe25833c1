-- Every export as it came: the columns a view relies on as text, the others as they are.

CREATE STREAMING TABLE bronze.google_ads (
    customer_id text,
    date text,
    id text,
    clicks text,
    impressions text,
    cost_micros text
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
    spend_in_micro_dollar text
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
    spend text
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
    spend text
)
COMMENT 'TikTok Ads: campaigns by hour, hours without leading zeros.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fivetran_ad_reporting/tiktok_campaign_report_hourly_data*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.reddit_ads (
    campaign_id text,
    date text,
    impressions text,
    clicks text,
    spend text
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
    impressions text
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
