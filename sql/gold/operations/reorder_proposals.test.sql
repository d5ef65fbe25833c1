-- What gold_operations.reorder_proposals makes of stock, orders under way and offers.
TEST 'too little is ordered from the cheapest vendor that has it';
GIVEN gold_operations.stock_position (location_id, sku, available, issued_28_days) VALUES
    ('900', '1', 5, 28), ('900', '2', 5, 28), ('900', '3', 0, 4), ('001', '1', 0, 28);
GIVEN silver.purchase_orders (po_number, sku, ordered, received, status) VALUES
    ('1', '1', 10, 8, 'partial'), ('2', '2', 20, 0, 'open'), ('3', '1', 10, 10, 'received');
GIVEN silver.vendor_offers (vendor_id, sku, lead_days, unit_price_eur, available, discontinued) VALUES
    ('V01', '1', 3, 12, 5, false), ('V02', '1', 6, 11, 5, false), ('V03', '1', 6, 9, 0, false), ('V04', '1', 6, 8, 5, true),
    ('V01', '2', 3, 10, 5, false);
GIVEN silver.products (sku, name) VALUES ('1', 'Radio'), ('3', 'Lamp');
EXPECT gold_operations.reorder_proposals (sku, product_name, available, on_order, lead_days, reorder_level, quantity, vendor_id, unit_price_eur, value_eur) VALUES
    ('1', 'Radio', 5, 2, 6, 13, 34, 'V02', 11, 374),
    ('3', 'Lamp', 0, 0, 7, 2, 6, NULL, NULL, NULL);
