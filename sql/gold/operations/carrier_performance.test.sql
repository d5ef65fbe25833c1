-- What gold_operations.carrier_performance says of shipments.
TEST 'a carrier without deliveries has no rates';
GIVEN silver.shipments (shipment_id, shipped_month, carrier, delivered_at, hours_to_ship, hours_to_deliver, is_late, weight_g) VALUES
    ('1', '2026-10-01', 'N', '2026-10-03', 2, 20, false, 500), ('2', '2026-10-01', 'N', '2026-10-09', 4, 30, true, NULL),
    ('3', '2026-10-01', 'S', NULL, 4, NULL, NULL, 1250);
EXPECT gold_operations.carrier_performance (month, carrier, shipments, delivered, late, on_time_rate, hours_on_the_way, weighed, weight_kg) VALUES
    ('2026-10-01', 'N', 2, 2, 1, 0.5, 22, 1, 0.5), ('2026-10-01', 'S', 1, 0, 0, NULL, NULL, 1, 1.25);
