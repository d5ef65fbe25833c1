-- What silver.purchase_orders makes of dates in words, receipts in parts, and revisions.
TEST 'dates in words become dates';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1), ('2026-10-02', 'EUR', 1), ('2026-10-21', 'EUR', 1);
GIVEN bronze.purchase_orders (po_number, revision, supplier, item, ordered_qty, received_qty, unit_cost, currency, order_date, promised_date, last_receipt, status) VALUES
    ('PO-1', '10', 'v01', '00001001', '10 EA', '0 EA', '1,234.50', 'EUR', '05-OCT-2026', 'in 9 days', 'none yet', 'OPEN'),
    ('PO-2', '10', 'v01', '00001001', '10 EA', '0 EA', '2.00', 'EUR', '5 October 2026', 'in 2 weeks', 'none yet', 'OPEN'),
    ('PO-3', '10', 'v01', '00001001', '10 EA', '0 EA', '2.00', 'EUR', 'October 2nd, 2026', 'end of February 2028', 'none yet', 'OPEN'),
    ('PO-4', '10', 'v01', '00001001', '10 EA', '0 EA', '2.00', 'EUR', 'October 21st, 2026', '1 November 2026', 'none yet', 'OPEN');
EXPECT silver.purchase_orders (po_number, vendor_id, ordered_on, promised_on, unit_cost, ordered_eur, received_eur, status) VALUES
    ('PO-1', 'V01', '2026-10-05', '2026-10-14', 1234.50, 12345, 0, 'open'),
    ('PO-2', 'V01', '2026-10-05', '2026-10-19', 2, 20, 0, 'open'),
    ('PO-3', 'V01', '2026-10-02', '2028-02-29', 2, 20, 0, 'open'),
    ('PO-4', 'V01', '2026-10-21', '2026-11-01', 2, 20, 0, 'open');

TEST 'the newest revision counts, the first receipt is remembered';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'USD', 1.25), ('2026-10-12', 'USD', 1.6);
GIVEN bronze.purchase_orders (po_number, revision, supplier, item, ordered_qty, received_qty, unit_cost, currency, order_date, promised_date, last_receipt, status) VALUES
    ('PO-1', '30', 'V04', '1001', '10 EA', '10 EA', '4.00', 'USD', '5 October 2026', '10 October 2026', '12-OCT-2026', 'RECEIVED'),
    ('PO-1', '10', 'V04', '1001', '10 EA', '0 EA', '4.00', 'USD', '5 October 2026', 'in 5 days', 'none yet', 'OPEN'),
    ('PO-1', '20', 'V04', '1001', '10 EA', '6 EA', '4.00', 'USD', 'October 5th, 2026', 'in 5 days', '9 October 2026', 'PARTIALLY RECEIVED');
EXPECT silver.purchase_orders (po_number, sku, received, ordered_eur, received_eur, first_received_on, last_received_on, status, days_late) VALUES
    ('PO-1', '00001001', 10, 32, 25, '2026-10-09', '2026-10-12', 'received', 2);

TEST 'an order without a date is kept apart';
GIVEN silver.currency_rates EMPTY;
GIVEN bronze.purchase_orders (po_number, revision, supplier, item, ordered_qty, received_qty, unit_cost, currency, order_date, promised_date, status) VALUES
    ('PO-1', '10', 'v01', '1', '10 EA', '?', '2.00', 'EUR', 'as discussed', 'in 9 days', 'OPEN');
EXPECT silver.purchase_orders EMPTY;
EXPECT quarantine.silver__purchase_orders (po_number, _constraints) VALUES
    ('PO-1', '["order_has_date", "quantities_are_known", "cost_is_known"]');

TEST 'purchase orders without a number are all kept apart';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.purchase_orders (po_number, revision, supplier, item, ordered_qty, received_qty, unit_cost, currency, order_date, promised_date, status) VALUES
    (NULL, '1', 'V1', '1001', '10 pcs', '0 pcs', '5.00', 'EUR', '05-OCT-2026', 'in 2 weeks', 'OPEN'),
    (' ', '1', 'V2', '1002', '20 pcs', '0 pcs', '5.00', 'EUR', '05-OCT-2026', 'in 2 weeks', 'OPEN');
EXPECT silver.purchase_orders EMPTY;
EXPECT quarantine.silver__purchase_orders (vendor_id, ordered, promised_on, _constraints) VALUES
    ('V1', 10, '2026-10-19', '["order_has_number"]'), ('V2', 20, '2026-10-19', '["order_has_number"]');

TEST 'an order of more than can be paid is kept apart';
GIVEN silver.currency_rates (day, currency, rate) VALUES ('2026-10-05', 'EUR', 1);
GIVEN bronze.purchase_orders (po_number, revision, supplier, item, ordered_qty, received_qty, unit_cost, currency, order_date, promised_date, status) VALUES
    ('PO-1', '1', 'V1', '1001', '9999999999999999 pcs', '0 pcs', '500.00', 'EUR', '05-OCT-2026', 'in 2 weeks', 'OPEN');
EXPECT silver.purchase_orders EMPTY;
EXPECT quarantine.silver__purchase_orders (po_number, ordered_eur, _constraints) VALUES ('PO-1', NULL, '["cost_is_known"]');
