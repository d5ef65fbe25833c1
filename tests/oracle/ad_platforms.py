"""Advertising costs of eleven platforms, worked out by DuckDB from the exports themselves.

FACTS is the landing folder.
"""

from compare import main

SEEDS = {
    "google_ads": ("google_ads_campaign_stats_data", "id", "date", "impressions", "clicks", "cost_micros", 6, "'USD'"),
    "facebook_ads": (
        "facebook_ads_basic_ad_data",
        "(SELECT arg_max(h.campaign_id, h.updated_time) FROM ads h WHERE h.id = ad_id)",
        "date", "impressions", "inline_link_clicks", "spend", 0, "'unknown'",
    ),
    "microsoft_ads": (
        "microsoft_ads_campaign_performance_daily_report_data",
        "campaign_id", "date", "impressions", "clicks", "spend", 0, "currency_code",
    ),
    "pinterest_ads": (
        "pinterest_campaign_report_data", "campaign_id", "date",
        "coalesce(impression_1::INT, 0) + coalesce(impression_2::INT, 0)",
        "coalesce(clickthrough_1::INT, 0) + coalesce(clickthrough_2::INT, 0)",
        "spend_in_micro_dollar", 6, "'USD'",
    ),
    "snapchat_ads": (
        "snapchat_campaign_hourly_report_data",
        "campaign_id", "date", "impressions", "swipes", "spend", 6, "'unknown'",
    ),
    "tiktok_ads": (
        "tiktok_campaign_report_hourly_data",
        "campaign_id", "split_part(stat_time_hour, ' ', 1)", "impressions", "clicks", "spend", 0, "'unknown'",
    ),
    "reddit_ads": (
        "reddit_ads_campaign_report_data",
        "campaign_id", "date", "impressions", "clicks", "spend", 6, "'unknown'",
    ),
    "amazon_ads": (
        "amazon_ads_campaign_level_report_data",
        "campaign_id", "date", "impressions", "clicks", "cost", 0, "campaign_budget_currency_code",
    ),
    "apple_search_ads": (
        "apple_search_campaign_report_data",
        "id", "date", "impressions", "taps", "local_spend_amount", 0, "local_spend_currency",
    ),
    "linkedin_ads": (
        "linkedin_ad_analytics_by_campaign_data", "campaign_id", "day", "impressions", "clicks",
        "CASE WHEN cost_in_local_currency::DOUBLE = 0 THEN '0' ELSE cost_in_usd END", 0, "'USD'",
    ),
    "twitter_ads": (
        "twitter_campaign_report_data", "campaign_id", "date", "impressions", "clicks", "billed_charge_local_micro", 6,
        "'unknown'",
    ),
}


def prepare(connection, landing):
    def read(file):
        return f"read_csv('{landing}/fivetran_ad_reporting/{file}.csv', header = true, all_varchar = true)"

    connection.execute(f"CREATE VIEW ads AS FROM {read('facebook_ads_ad_history_data')}")
    parts = [
        f"""
        SELECT '{platform}' AS platform, {campaign} AS campaign_id, {currency} AS currency,
               ({day})::TIMESTAMP::DATE AS day, ({shown})::BIGINT AS shown, ({clicks})::BIGINT AS clicks,
               ({spend})::DECIMAL(24, 6) * (1e{6 - digits})::BIGINT AS millionths
        FROM {read(file)}
        """
        for platform, (file, campaign, day, shown, clicks, spend, digits, currency) in SEEDS.items()
    ]
    connection.execute("CREATE TABLE spent AS " + " UNION ALL ".join(parts))


EXPECTED = {
    "silver.ad_spend_daily": """
        SELECT platform, campaign_id, currency, day, sum(shown) AS impressions, sum(clicks) AS clicks,
               (sum(millionths)::DECIMAL(30, 0) * 0.000001::DECIMAL(7, 6))::DECIMAL(18, 6) AS spend
        FROM spent GROUP BY ALL
        """
}

if __name__ == "__main__":
    main(prepare, EXPECTED)
