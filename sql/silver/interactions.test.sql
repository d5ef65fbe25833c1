-- What silver.interactions makes of ratings and of tickets that change.
TEST 'ratings are one to five however they are written, and the last change counts';
GIVEN bronze.crm_interactions (interaction_id, kind, contact, opened_at, closed_at, modified_at, rating) VALUES
    ('I1', 'ticket', 'C1', '2026-10-01T10:00:00Z', '2026-10-02T10:00:00Z', '2026-10-02T10:00:00Z', '4 stars'),
    ('I1', 'ticket', 'C1', '2026-10-01T10:00:00Z', NULL, '2026-10-01T10:00:00Z', NULL),
    ('I2', 'review', 'C1', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '2026-10-01T10:00:00Z', '11');
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1');
EXPECT silver.interactions (interaction_id, customer_id, closed_at, rating) VALUES
    ('I1', 'C1', '2026-10-02 10:00:00', 4),
    ('I2', 'C1', '2026-10-01 10:00:00', NULL);
