-- What gold_operations.security_signals takes for suspicious.
TEST 'eight failed sign-ins within an hour, and a dear order from abroad';
GIVEN silver.access_events (request_id, occurred_at, client_ip, user_id, kind, country) VALUES
    ('1', '2026-10-01 10:00:00', '81.0.0.1', 'C1', 'sign_in_failed', 'DE'), ('2', '2026-10-01 10:05:00', '81.0.0.2', 'C1', 'sign_in_failed', 'DE'),
    ('3', '2026-10-01 10:06:00', '81.0.0.3', 'C1', 'sign_in_failed', 'DE'), ('4', '2026-10-01 10:07:00', '81.0.0.4', 'C1', 'sign_in_failed', 'DE'),
    ('5', '2026-10-01 10:08:00', '81.0.0.5', 'C1', 'sign_in_failed', 'DE'), ('6', '2026-10-01 10:09:00', '81.0.0.6', 'C1', 'sign_in_failed', 'DE'),
    ('7', '2026-10-01 10:10:00', '81.0.0.7', 'C1', 'sign_in_failed', 'DE'), ('8', '2026-10-01 10:59:59', '81.0.0.8', 'C1', 'sign_in_failed', 'FR'),
    ('9', '2026-10-01 11:00:00', '81.0.0.9', 'C2', 'sign_in_failed', 'DE');
GIVEN silver.orders (order_id, ordered_at, order_day, country) VALUES ('W1', '2026-10-02 10:00:00', '2026-10-02', 'GB'), ('W2', '2026-10-02 10:00:00', '2026-10-02', 'GB');
GIVEN silver.order_lines (order_id, line, channel, gross_eur, discount_eur) VALUES ('W1', 1, 'web', 600, 100), ('W2', 1, 'web', 499.99, 0);
GIVEN silver.web_events (event_id, event, order_id, country) VALUES ('e1', 'purchase', 'W1', 'US'), ('e2', 'purchase', 'W2', 'US');
EXPECT gold_operations.security_signals (signal, subject, happened_at, weight, country) VALUES
    ('account attacked', 'C1', '2026-10-01 10:00:00', 8, 'DE'),
    ('order from abroad', 'W1', '2026-10-02 10:00:00', 500, 'US');
