-- What gold_marketing.campaign_performance adds up.
TEST 'costs, visits and orders meet in one row';
GIVEN silver.ad_spend_daily (platform, campaign_id, day, channel, campaign, spend_eur, impressions, clicks) VALUES
    ('google_ads', '9', '2026-10-01', 'paid_search', 'brand-eu', 40.00, 900, 30);
GIVEN silver.web_sessions (session_id, session_day, channel, campaign) VALUES
    ('a', '2026-10-01', 'paid_search', 'brand-eu'), ('b', '2026-10-01', 'direct', NULL);
GIVEN gold_marketing.channel_attribution (order_id, order_day, channel, campaign, revenue_eur) VALUES
    ('W1', '2026-10-01', 'paid_search', 'brand-eu', 100.00);
EXPECT gold_marketing.campaign_performance (day, channel, campaign, spend_eur, clicks, visits, orders, revenue_eur, return_on_ad_spend) VALUES
    ('2026-10-01', 'paid_search', 'brand-eu', 40.00, 30, 1, 1, 100.00, 2.5),
    ('2026-10-01', 'direct', 'none', 0, 0, 1, 0, 0, NULL);
