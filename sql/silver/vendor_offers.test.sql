-- What silver.vendor_offers makes of six vendors' ways to name a price.
TEST 'every price is that of one piece in a currency';
GIVEN silver.currency_rates (day, currency, rate) VALUES
    ('2026-10-05', 'EUR', 1), ('2026-10-05', 'USD', 1.25), ('2026-10-05', 'GBP', 0.8);
GIVEN bronze.vendor_catalog (vendor_id, item, net_price, currency, lead_days, article, price_cents, as_of, delivery, code, price_per_ten, state, stock, valid_from, discontinued) VALUES
    ('V01', '1001', 12.34, 'EUR', 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5, '2026-10-05', false),
    ('V02', NULL, NULL, NULL, NULL, '00001001', 1250, '05.10.2026', '6 working days', NULL, NULL, NULL, 0, NULL, true),
    ('V03', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'LW-00001001', '£80.00', 'EOL', 7, '2026-10-05', NULL);
GIVEN bronze.vendor_catalog_json (vendorid, code, unit, price, availability, leadtime, asof) VALUES
    ('V04', '00001001', 'pack of 5', '62.50 USD', 'in stock (120)', NULL, '10/05/2026'),
    ('V05', '00001001', 'each', '12,99 EUR', 'sold out', '3 jours', '2026-10-05'),
    ('V06', 'TE-00001001', 'each', '12.50 USD', 'discontinued, 4 left', '9 days', '2026-10-05');
EXPECT silver.vendor_offers (vendor_id, sku, unit_price, currency, unit_price_eur, available, lead_days, discontinued) VALUES
    ('V01', '00001001', 12.34, 'EUR', 12.34, 5, 3, false),
    ('V02', '00001001', 12.50, 'EUR', 12.50, 0, 6, true),
    ('V03', '00001001', 8, 'GBP', 10, 7, NULL, true),
    ('V04', '00001001', 12.50, 'USD', 10, 120, NULL, false),
    ('V05', '00001001', 12.99, 'EUR', 12.99, 0, 3, false),
    ('V06', '00001001', 12.50, 'USD', 10, 4, 9, true);

TEST 'the newest offer counts, one without a price is kept apart';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1), ('2026-10-12', 'EUR', 1);
GIVEN bronze.vendor_catalog EMPTY;
GIVEN bronze.vendor_catalog_json (vendorid, code, unit, price, availability, leadtime, asof) VALUES
    ('V05', '1001', 'each', '14,00 EUR', 'in stock (1)', '3 jours', '2026-10-12'),
    ('V05', '1001', 'each', '12,99 EUR', 'in stock (2)', '3 jours', '2026-10-05'),
    ('V05', '1002', 'each', 'on request', 'in stock (2)', '3 jours', '2026-10-05');
EXPECT silver.vendor_offers (sku, unit_price) VALUES ('00001001', 14);
EXPECT quarantine.silver__vendor_offers (sku) VALUES ('00001002');

TEST 'offers of nobody and of nothing are kept apart';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-01', 'EUR', 1);
GIVEN bronze.vendor_catalog (vendor_id, item, net_price, currency, stock, valid_from) VALUES
    (NULL, '1001', 10, 'EUR', 1, '2026-10-01'),
    (NULL, '1002', 20, 'EUR', 1, '2026-10-01'),
    ('V1', 'none', 30, 'EUR', 1, '2026-10-01'),
    ('V1', '1234567890', 40, 'EUR', 1, '2026-10-01');
GIVEN bronze.vendor_catalog_json EMPTY;
EXPECT silver.vendor_offers EMPTY;
EXPECT quarantine.silver__vendor_offers (vendor_id, sku, unit_price, _constraints) VALUES
    (NULL, '00001001', 10, '["offer_has_vendor"]'), (NULL, '00001002', 20, '["offer_has_vendor"]'),
    ('V1', NULL, 30, '["offer_has_product"]'), ('V1', NULL, 40, '["offer_has_product"]');

TEST 'a pack of nothing has no price';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-01', 'EUR', 1);
GIVEN bronze.vendor_catalog (vendor_id, article, price_cents, stock, valid_from) VALUES ('V2', '1001', 9000000000000000000, 1, '2026-10-01');
GIVEN bronze.vendor_catalog_json (vendorid, code, unit, price, availability, asof) VALUES ('V1', '1001', 'pack of 0', '10,00 EUR', '5', '2026-10-01');
EXPECT silver.vendor_offers EMPTY;
EXPECT quarantine.silver__vendor_offers (vendor_id, unit_price, _constraints) VALUES
    ('V1', NULL, '["price_is_positive", "currency_has_rate"]'), ('V2', NULL, '["price_is_positive", "currency_has_rate"]');
