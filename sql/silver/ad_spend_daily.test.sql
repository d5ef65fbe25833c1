-- What silver.ad_spend_daily makes of three platforms' reports.
TEST 'the report exported last counts, devices add up, euro are worked out';
GIVEN bronze.ad_performance (id, name, device, date, clicks, impressions, cost_micros, currency_code, _fivetran_synced) VALUES
    ('9', 'brand-eu', 'MOBILE', '2026-10-01', '10', '90', '9000000', 'USD', '2026-10-02 06:00:00'),
    ('9', 'brand-eu', 'MOBILE', '2026-10-01', '11', '99', '10000000', 'USD', '2026-10-04 06:00:00'),
    ('9', 'brand-eu', 'DESKTOP', '2026-10-01', '5', '50', '5000000', 'USD', '2026-10-02 06:00:00');
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-01', 'USD', 1.25);
EXPECT silver.ad_spend_daily (platform, campaign_id, day, clicks, impressions, spend, spend_eur) VALUES
    ('google_ads', '9', '2026-10-01', 16, 149, 15.00, 12.00);

TEST 'names become what links carry, and a currency without a rate is kept apart';
GIVEN bronze.ad_performance (campaign_id, campaign_name, date, inline_link_clicks, impressions, spend, account_currency, _fivetran_synced) VALUES
    ('6', 'REELS - GAMES', '2026-10-01', '1', '2', '3.50', 'EUR', '2026-10-02 06:00:00'),
    ('7', 'x', '2026-10-01', '1', '2', '3.50', 'XXX', '2026-10-02 06:00:00');
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-01', 'EUR', 1);
EXPECT silver.ad_spend_daily (platform, campaign, channel, spend_eur) VALUES ('instagram_ads', 'reels-games', 'paid_social', 3.50);
EXPECT quarantine.silver__ad_spend_daily (campaign_id) VALUES ('7');

TEST 'what names no campaign, no day or no cost is kept apart, row by row';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-01', 'EUR', 1);
GIVEN bronze.ad_performance (id, name, device, date, impressions, clicks, cost_micros, currency_code, _fivetran_synced) VALUES
    (NULL, 'Autumn', 'all', '2026-10-01', '10', '1', '1000000', 'EUR', '2026-10-02'),
    ('', 'Winter', 'all', '2026-10-01', '10', '1', '2000000', 'EUR', '2026-10-02'),
    ('7', 'Spring', 'all', 'yesterday', '10', '1', '3000000', 'EUR', '2026-10-02'),
    ('8', 'Summer', 'phone', '2026-10-01', '10', '1', '4000000', 'EUR', '2026-10-02'),
    ('8', 'Summer', 'tablet', '2026-10-01', '10', '1', 'n/a', 'EUR', '2026-10-02');
EXPECT silver.ad_spend_daily EMPTY;
EXPECT quarantine.silver__ad_spend_daily (campaign, spend, _constraints) VALUES
    ('autumn', 1, '["campaign_has_id"]'),
    ('winter', 2, '["campaign_has_id"]'),
    ('spring', 3, '["day_is_known", "currency_has_rate"]'),
    ('summer', NULL, '["spend_is_known", "currency_has_rate", "spend_has_sign"]');
