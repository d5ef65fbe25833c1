-- What silver.shipments makes of three forms of times, impossible ones, and weights in sentences.
TEST 'milestones come together whatever form their times have';
GIVEN silver.orders (order_id, country, ordered_at, paid_at) VALUES
    ('W1', 'DE', '2026-10-05 05:50', '2026-10-05 06:00'), ('W2', 'US', '2026-10-05 05:50', '2026-10-05 06:00');
GIVEN bronze.shipments (trackingnumber, orderreference, carrier, status, eventtime, sequence, weight, promiseddate) VALUES
    ('NO1', 'W1', 'Nordpost', 'DELIVERED', '08.10.2026 12:00:00', 30, '2,300 kg (scanned)', '2026-10-07'),
    ('NO1', 'W1', 'Nordpost', 'PICKED_UP', '05.10.2026 12:30:00', 10, 'Weight captured separately', '2026-10-07'),
    ('NO1', 'W1', 'Nordpost', 'IN_TRANSIT', '06.10.2026 12:00:00', 20, 'weighs 2 kg 300 g', '2026-10-07'),
    ('OV2', 'W2', 'Overland Freight', 'PICKED_UP', '10/06/2026 12:05:09 AM', 10, 'Gross weight 980 g', '2026-10-10'),
    ('OV2', 'W2', 'Overland Freight', 'IN_TRANSIT', '10/06/2026 12:05:09 PM', 20, '0.980 kg', '2026-10-10');
EXPECT silver.shipments (shipment_id, order_id, status, weight_g, shipped_at, in_transit_at, delivered_at, hours_to_ship, hours_to_deliver, is_late) VALUES
    ('NO1', 'W1', 'delivered', 2300, '2026-10-05 12:30:00', '2026-10-06 12:00:00', '2026-10-08 12:00:00', 6.67, 78.17, true),
    ('OV2', 'W2', 'in transit', 980, '2026-10-06 00:05:09', '2026-10-06 12:05:09', NULL, 18.25, NULL, NULL);

TEST 'a corrected time counts, an impossible one never does';
GIVEN silver.orders (order_id, country, ordered_at, paid_at) VALUES ('W1', 'DE', '2026-10-05 05:50', '2026-10-05 06:00');
GIVEN bronze.shipments (trackingnumber, orderreference, status, eventtime, sequence, weight) VALUES
    ('SW1', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 11, '1.000 kg'),
    ('SW1', 'W1', 'PICKED_UP', '0001-01-01T00:00:00Z', 10, '1.000 kg'),
    ('SW1', 'W1', 'DELIVERED', '31.02.2026 12:00:00', 30, '1.000 kg');
EXPECT silver.shipments (shipment_id, shipped_at, delivered_at, status) VALUES ('SW1', '2026-10-05 12:00:00', NULL, 'picked up');

TEST 'a parcel of nobody is kept apart';
GIVEN silver.orders EMPTY;
GIVEN bronze.shipments (trackingnumber, orderreference, status, eventtime, sequence, weight) VALUES
    ('EXT1', 'EXT-1', 'PICKED_UP', '2099-12-31T23:59:59Z', 10, '5 g');
EXPECT silver.shipments EMPTY;
EXPECT quarantine.silver__shipments (shipment_id, _constraints) VALUES ('EXT1', '["order_is_known", "pickup_is_known"]');

TEST 'fractions of kilograms are read by their digits, and what is no weight is none';
GIVEN silver.orders (order_id, country, ordered_at, paid_at) VALUES ('W1', 'DE', '2026-10-05 06:00', '2026-10-05 06:00');
GIVEN bronze.shipments (trackingnumber, orderreference, status, eventtime, sequence, weight) VALUES
    ('S1', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '2.5 kg'),
    ('S2', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, 'Weight: 1,25 KG'),
    ('S3', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '12 kg'),
    ('S4', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '2 kg 5 g'),
    ('S5', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '2.305 kg'),
    ('S6', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '950 g'),
    ('S7', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '1.234,5 kg'),
    ('S8', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '2.3041 kg'),
    ('S9', 'W1', 'PICKED_UP', '2026-10-05T12:00:00Z', 10, '12 pounds');
EXPECT silver.shipments (shipment_id, weight_g) VALUES
    ('S1', 2500), ('S2', 1250), ('S3', 12000), ('S4', 2005), ('S5', 2305), ('S6', 950), ('S7', NULL), ('S8', NULL), ('S9', NULL);

TEST 'what is plausible goes by the order, not by the year, and parcels without a number stay apart';
GIVEN silver.orders (order_id, country, ordered_at, paid_at) VALUES ('W1', 'DE', '2001-10-05 06:00', '2001-10-05 06:00');
GIVEN bronze.shipments (trackingnumber, orderreference, status, eventtime, sequence, weight) VALUES
    ('S1', 'W1', 'PICKED_UP', '2001-10-05T12:00:00Z', 10, '1 kg'),
    ('S1', 'W1', 'DELIVERED', '2026-10-05T12:00:00Z', 30, '1 kg'),
    (NULL, 'W1', 'PICKED_UP', '2001-10-05T12:00:00Z', 10, '1 kg'),
    (' ', 'W1', 'PICKED_UP', '2001-10-05T13:00:00Z', 10, '1 kg');
EXPECT silver.shipments (shipment_id, reference, status, shipped_at, delivered_at) VALUES
    ('S1', 'W1', 'picked up', '2001-10-05 12:00:00', NULL);
EXPECT quarantine.silver__shipments (shipment_id, shipped_at, _constraints) VALUES
    (NULL, '2001-10-05 12:00:00', '["shipment_has_number"]'),
    (NULL, '2001-10-05 13:00:00', '["shipment_has_number"]');
