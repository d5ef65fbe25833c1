-- What silver.shipments makes of sentences.
TEST 'dates are read where they are, and sentences where they stand';
GIVEN bronze.shipments (id, pq_first_sent_to_client_date, po_sent_to_vendor_date, scheduled_delivery_date, delivered_to_client_date, delivery_recorded_date, weight_kilograms_, freight_cost_usd_) VALUES
    ('1', 'Pre-PQ Process', 'N/A - From RDC', '03-Nov-11', '05-Nov-11', '06-Nov-11', '12.5', 'Freight Included in Commodity Cost'),
    ('2', '1/13/10', '01/02/2012', '03-Nov-11', '01-Nov-11', '06-Nov-11', 'Weight Captured Separately', '99.90'),
    ('3', 'Date Not Captured', 'as soon as may be', '03-Nov-11', 'to be confirmed', NULL, 'See DN-1 (ID#:7)', 'See DN-1 (ID#:7)');
EXPECT silver.shipments (shipment_id, quoted_on, quoted_note, ordered_on, ordered_note, days_late, weight_kg, freight_terms) VALUES
    (1, NULL, 'before the time of offers', NULL, 'from the regional store', 2, 12.5, 'included'),
    (2, '2010-01-13', NULL, '2012-01-02', NULL, -2, NULL, 'charged');
EXPECT quarantine.silver__shipments (shipment_id, quoted_note, weighed_with, _constraints) VALUES
    (3, 'not captured', 7, '["delivery_is_dated"]');
