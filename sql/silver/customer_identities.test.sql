-- Whom silver.customer_identities takes for one person, and whom not.
TEST 'a typing mistake and another telephone do not make two people';
GIVEN silver.crm_records (crm_id, given_name, family_name, given_key, family_key, email, phone, born_on) VALUES
    ('C1', 'Sophie', 'Müller', 'sophie', 'mueller', 'sophie@mail.example', '49301', '1980-05-06'),
    ('C2', 'Sofie', 'Mueller', 'sofie', 'mueller', 'sophie@mail.example', '49302', NULL);
EXPECT silver.customer_identities (source, source_id, customer_id) VALUES ('crm', 'C1', 'C1'), ('crm', 'C2', 'C1');

TEST 'day and month taken for each other are a slip, another year is none';
GIVEN silver.crm_records (crm_id, given_name, family_name, given_key, family_key, street, postal_code, born_on) VALUES
    ('C1', 'Ruben', 'Moreau', 'ruben', 'moreau', 'King Street 67', '78708', '1978-11-05'),
    ('C2', 'Rubn', 'Moreau', 'rubn', 'moreau', 'King Street 67', '78708', '1978-05-11'),
    ('C3', 'Ruben', 'Moreau', 'ruben', 'moreau', 'King Street 67', '78708', '1968-11-05');
EXPECT silver.customer_identities (source_id, customer_id) VALUES ('C1', 'C1'), ('C2', 'C1'), ('C3', 'C3');

TEST 'father and son with one name, one address and one telephone are two people';
GIVEN silver.crm_records (crm_id, given_name, family_name, given_key, family_key, phone, street, postal_code, born_on) VALUES
    ('C1', 'Jan', 'Novak', 'jan', 'novak', '49301', 'Bergweg 1', '10115', '1955-05-06'),
    ('C2', 'Jan', 'Novak', 'jan', 'novak', '49301', 'Bergweg 1', '10115', '1985-11-21');
EXPECT silver.customer_identities (source_id, customer_id) VALUES ('C1', 'C1'), ('C2', 'C2');

TEST 'a browser belongs to the customer of whom it last signed in';
GIVEN silver.crm_records (crm_id, given_key, family_key) VALUES ('C1', 'anna', 'weber'), ('C2', 'ben', 'koch');
GIVEN silver.device_owners (source, source_id, user_id) VALUES ('web', 'v1', 'C2');
EXPECT silver.customer_identities (source, source_id, customer_id) VALUES
    ('crm', 'C1', 'C1'), ('crm', 'C2', 'C2'), ('web', 'v1', 'C2');
