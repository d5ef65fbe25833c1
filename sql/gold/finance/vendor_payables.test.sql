-- What gold_finance.vendor_payables makes of goods received.
TEST 'an invoice is due after the vendor''s days, for what was received';
GIVEN silver.vendors (vendor_id, name, terms_days) VALUES ('V01', 'Contoso', 30);
GIVEN silver.purchase_orders (po_number, vendor_id, currency, received, unit_cost, received_eur, last_received_on) VALUES
    ('PO-1', 'V01', 'EUR', 6, 10, 60, '2026-10-01'), ('PO-2', 'V01', 'EUR', 1, 5.50, 5.50, '2026-10-02'),
    ('PO-3', 'V01', 'EUR', 2, 5, 10, '2026-10-03'), ('PO-4', 'V01', 'EUR', 0, 5, 0, NULL);
EXPECT gold_finance.vendor_payables (vendor_id, vendor_name, due_month, invoices, pieces, payable, payable_eur, first_due_on, last_due_on) VALUES
    ('V01', 'Contoso', '2026-10-01', 1, 6, 60, 60, '2026-10-31', '2026-10-31'),
    ('V01', 'Contoso', '2026-11-01', 2, 3, 15.50, 15.50, '2026-11-01', '2026-11-02');
