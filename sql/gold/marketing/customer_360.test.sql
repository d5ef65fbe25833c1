-- What gold_marketing.customer_360 says of who never bought.
TEST 'a prospect has visits and tickets, and no orders';
GIVEN silver.customers (customer_id, given_name, family_name, email, email_consent) VALUES ('C1', 'Anna', 'Weber', NULL, TRUE);
GIVEN gold_marketing.customer_segments (customer_id) VALUES ('C9');
GIVEN gold_marketing.customer_lifetime_value (customer_id) VALUES ('C9');
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('web', 'v1', 'C1');
GIVEN silver.web_sessions (session_id, visitor_id, started_at, channel) VALUES
    ('a', 'v1', '2026-10-01 10:00:00', 'email'), ('b', 'v1', '2026-10-02 10:00:00', 'direct');
GIVEN silver.interactions (interaction_id, customer_id, kind, closed_at, rating) VALUES ('I1', 'C1', 'ticket', NULL, NULL), ('I2', 'C1', 'review', '2026-10-01 10:00:00', 2);
EXPECT gold_marketing.customer_360 (customer_id, may_be_mailed, orders, segment, visits, last_visit_at, favourite_channel, interactions, open_tickets, worst_rating) VALUES
    ('C1', FALSE, 0, 'prospect', 2, '2026-10-02 10:00:00', 'direct', 2, 1, 2);
