-- What silver.vendors makes of the vendors' catalogues.
TEST 'the newest catalogue counts, whichever form it has';
GIVEN bronze.vendor_catalog (vendor_id, vendor_name, vendor_country, terms_days, valid_from, as_of) VALUES
    ('V01', 'Contoso', 'DE', 30, '2026-10-05', NULL),
    ('V01', 'Contoso Distribution', 'DE', 45, '2026-10-12', NULL),
    ('V02', 'Fabrikam', 'nl', 45, NULL, '06.10.2026');
GIVEN bronze.vendor_catalog_json (vendorid, vendorname, vendorcountry, termsdays, asof) VALUES
    ('V04', 'Northwind', 'US', 60, '10/07/2026'),
    ('V05', 'Proseware', 'FR', NULL, '2026-10-07');
EXPECT silver.vendors (vendor_id, name, country, terms_days, offered_on) VALUES
    ('V01', 'Contoso Distribution', 'DE', 45, '2026-10-12'),
    ('V02', 'Fabrikam', 'NL', 45, '2026-10-06'),
    ('V04', 'Northwind', 'US', 60, '2026-10-07');
EXPECT quarantine.silver__vendors (vendor_id, _constraints) VALUES ('V05', '["terms_are_known"]');
