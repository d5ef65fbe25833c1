-- What silver.ad_spend_daily makes of rows that come again.
TEST 'a row that comes again counts once, and one that is restated as it was last';
GIVEN bronze.amazon_ads (campaign_id, date, campaign_budget_currency_code, clicks, cost, impressions, _fivetran_synced) VALUES
    ('1', '2022-07-26', 'USD', '1', '1.50', '10', '2022-10-14 11:00:00'),
    ('1', '2022-07-26', 'USD', '1', '1.50', '10', '2022-10-14 11:00:00'),
    ('2', '2022-07-26', 'USD', '2', '9.00', '10', '2022-10-14 11:00:00'),
    ('2', '2022-07-26', 'USD', '3', '2.50', '10', '2022-10-15 11:00:00');
GIVEN bronze.twitter_ads (account_id, campaign_id, date, placement, clicks, impressions, billed_charge_local_micro, _fivetran_synced) VALUES
    ('a', '3', '2022-05-20 07:00:00', 'ALL_ON_TWITTER', '1', '13', '1371662', '2022-07-04T11:43:05Z'),
    ('a', '3', '2022-05-20 07:00:00', 'PUBLISHER_NETWORK', '2', '20', '1000000', '2022-07-04T11:43:05Z');
EXPECT silver.ad_spend_daily (platform, campaign_id, day, clicks, spend) VALUES
    ('amazon_ads', '1', '2022-07-26', 1, 1.5), ('amazon_ads', '2', '2022-07-26', 3, 2.5),
    ('twitter_ads', '3', '2022-05-20', 3, 2.371662);
