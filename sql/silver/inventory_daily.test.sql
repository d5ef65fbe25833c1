-- What silver.inventory_daily makes of corrected documents, lost zeros and two languages.
TEST 'the newest document of a product, place and day counts';
GIVEN bronze.inventory (material, plant, posting_date, document, stock, received, issued, status, movement) VALUES
    ('00001001', '007', '05.10.2026', '0000000012', '4', '0', '2', 'available', 'MOVE'),
    ('00001001', '007', '05.10.2026', '0000000011', '3-', '0', '2', 'available', 'MOVE'),
    ('1001', '7', '06.10.2026', '0000000020', '4', '0', '0', 'in Prüfung', 'COUNT'),
    ('1001', '900', '06.10.2026', '0000000021', '70', '50', '0', 'gesperrt', 'MOVE');
EXPECT silver.inventory_daily (location_id, sku, day, month, on_hand, issued, status, is_count) VALUES
    ('007', '00001001', '2026-10-05', '2026-10-01', 4, 2, 'available', false),
    ('007', '00001001', '2026-10-06', '2026-10-01', 4, 0, 'inspection', true),
    ('900', '00001001', '2026-10-06', '2026-10-01', 70, 0, 'blocked', false);

TEST 'stock below zero that nobody corrected is kept apart';
GIVEN bronze.inventory (material, plant, posting_date, document, stock, received, issued, status, movement) VALUES
    ('99000001', '001', '05.10.2026', '1', '1-', '0', '1', 'BLOCKED', 'MOVE'),
    ('00001001', '001', '31.02.2026', '2', '1', '0', '1', 'available', 'MOVE');
EXPECT silver.inventory_daily EMPTY;
EXPECT quarantine.silver__inventory_daily (sku, on_hand, _constraints) VALUES
    ('99000001', -1, '["stock_is_not_negative"]'),
    ('00001001', 1, '["day_is_known"]');
