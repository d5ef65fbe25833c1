-- What gold_operations.vendor_performance says of purchase orders.
TEST 'what never came is not late but missing';
GIVEN silver.vendors (vendor_id, name) VALUES ('V01', 'Contoso');
GIVEN silver.purchase_orders (po_number, ordered_month, vendor_id, ordered, received, days_late, ordered_eur, received_eur) VALUES
    ('1', '2026-10-01', 'V01', 10, 10, 3, 100, 100), ('2', '2026-10-01', 'V01', 10, 10, 0, 100, 100), ('3', '2026-10-01', 'V01', 10, 0, NULL, 100, 0);
EXPECT gold_operations.vendor_performance (month, vendor_id, vendor_name, orders, ordered, received, fill_rate, complete, late, on_time_rate, days_late, ordered_eur, received_eur) VALUES
    ('2026-10-01', 'V01', 'Contoso', 3, 30, 20, 0.6667, 2, 1, 0.5, 1.5, 300, 200);
