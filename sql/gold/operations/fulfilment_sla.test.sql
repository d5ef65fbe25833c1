-- What gold_operations.fulfilment_sla says of shipments.
TEST 'percentiles are hours that were seen';
GIVEN silver.shipments (shipment_id, shipped_month, country, delivered_at, hours_to_ship, hours_to_deliver, is_late) VALUES
    ('1', '2026-10-01', 'DE', '2026-10-03', 2, 20, false), ('2', '2026-10-01', 'DE', '2026-10-03', 4, 30, false),
    ('3', '2026-10-01', 'DE', '2026-10-09', 8, 90, true), ('4', '2026-10-01', 'DE', NULL, 16, NULL, NULL);
EXPECT gold_operations.fulfilment_sla (month, country, shipments, delivered, late, on_time_rate, ship_hours_p50, ship_hours_p90, deliver_hours_p50, deliver_hours_p90) VALUES
    ('2026-10-01', 'DE', 4, 3, 1, 0.6667, 4, 16, 30, 90);
