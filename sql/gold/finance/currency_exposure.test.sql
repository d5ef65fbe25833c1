-- What gold_finance.currency_exposure adds up.
TEST 'what comes in less what goes out, each in its month, the euro left out';
GIVEN silver.order_lines (order_id, line, order_month, status, currency, quantity, unit_price, discount, gross_eur, discount_eur) VALUES
    ('A', 1, '2026-10-01', 'paid', 'USD', 2, 50, 10, 80, 8), ('B', 1, '2026-10-01', 'placed', 'USD', 2, 50, 10, 80, 8),
    ('C', 1, '2026-10-01', 'paid', 'EUR', 2, 50, 10, 100, 10);
GIVEN silver.refunds (order_id, refund_month, currency, amount, amount_eur) VALUES ('A', '2026-11-01', 'USD', 20, 15);
GIVEN silver.payments (payment_id, kind, settled_month, currency, amount, fee, amount_eur, fee_eur) VALUES
    ('A', 'capture', '2026-10-01', 'USD', 90, 2, 72, 1.6), ('B', 'chargeback', '2026-10-01', 'USD', -30, 15, -24, 12);
GIVEN silver.purchase_orders (po_number, currency, received, unit_cost, received_eur, last_received_on) VALUES
    ('PO-1', 'USD', 3, 7, 16, '2026-10-20'), ('PO-2', 'USD', 0, 7, 0, NULL);
EXPECT gold_finance.currency_exposure (month, currency, sales, refunds, chargebacks, fees, purchases, net, net_eur) VALUES
    ('2026-10-01', 'USD', 90, 0, 30, 17, 21, 22, 18.4),
    ('2026-11-01', 'USD', 0, 20, 0, 0, 0, -20, -15);
