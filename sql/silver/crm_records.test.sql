-- What silver.crm_records makes of the CRM's snapshots.
TEST 'the record changed last counts, in whatever order snapshots come';
GIVEN bronze.crm_customers (accountnumber, firstname, lastname, emailaddress1, donotemail, modifiedon) VALUES
    ('C0000001', 'Anna', 'Weber', 'anna@mail.example', TRUE, '2026-10-02T00:00:00Z'),
    ('C0000001', 'Anna', 'Weber', 'anna@mail.example', FALSE, '2026-10-01T00:00:00Z');
EXPECT silver.crm_records (crm_id, email_consent) VALUES ('C0000001', FALSE);

TEST 'addresses that are none, telephones, birthdays and capitals';
GIVEN bronze.crm_customers (accountnumber, firstname, lastname, emailaddress1, telephone1, birthdate, address1_country, address1_postalcode) VALUES
    ('C1', 'ANNA', 'Müller', ' Anna@Mail.example', '030/1234567', '24.12.1980', 'DE', '4103'),
    ('C2', 'A.', 'Rossi', 'rossi(at)mail.example', '0039061234', '1980-12-24', 'IT', '184');
EXPECT silver.crm_records (crm_id, given_name, email, phone, born_on, postal_code, family_key) VALUES
    ('C1', 'Anna', 'anna@mail.example', '49301234567', '1980-12-24', '04103', 'mueller'),
    ('C2', 'A.', NULL, '39061234', '1980-12-24', '00184', 'rossi');
