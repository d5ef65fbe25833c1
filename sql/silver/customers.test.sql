-- Which values of a person's records silver.customers keeps.
TEST 'each value is the newest that is there, and one record can forbid e-mail';
GIVEN silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C1');
GIVEN silver.crm_records (crm_id, given_name, given_key, family_name, email, phone, street, city, country, email_consent, modified_at) VALUES
    ('C1', 'Anna', 'anna', 'Weber', 'anna@mail.example', '4930', 'Bergweg 1', 'Berlin', 'DE', FALSE, '2026-01-01'),
    ('C2', 'A.', 'a', 'Weber-Koch', NULL, '4940', NULL, 'Leipzig', 'DE', TRUE, '2026-09-01');
EXPECT silver.customers (customer_id, given_name, family_name, email, phone, street, city, email_consent, crm_records) VALUES
    ('C1', 'Anna', 'Weber', 'anna@mail.example', '4940', 'Bergweg 1', 'Berlin', FALSE, 2);
