-- What gold_finance.monthly_close adds up.
TEST 'revenue less tax, costs, fees and chargebacks';
GIVEN gold_finance.daily_revenue (day, channel, country, orders, gross_eur, discounts_eur, refunds_eur, net_eur, tax_eur) VALUES
    ('2026-10-01', 'web', 'DE', 2, 170, 10, 0, 160, 25), ('2026-10-03', 'web', 'DE', 0, 0, 0, 20, -20, 0);
GIVEN gold_finance.gross_margin (month, sku, cost_eur) VALUES ('2026-10-01', '1', 70);
GIVEN silver.payments (payment_id, kind, settled_month, amount_eur, fee_eur) VALUES
    ('A', 'capture', '2026-10-01', 160, 3), ('B', 'chargeback', '2026-10-01', -5, 15);
GIVEN silver.purchase_orders (po_number, received, received_eur, last_received_on) VALUES ('PO-1', 3, 33, '2026-10-20');
EXPECT gold_finance.monthly_close (month, orders, gross_eur, net_eur, tax_eur, cost_eur, fees_eur, chargebacks_eur, result_eur, purchases_eur) VALUES
    ('2026-10-01', 2, 170, 140, 25, 70, 18, 5, 22, 33);
