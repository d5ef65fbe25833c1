-- What silver.stores makes of repeated and unusable stores.
TEST 'the newest record wins, whatever file it came in';
GIVEN bronze.stores (store, name, city, country, currency, opened_on, updated_at) VALUES
    ('7', 'Mitte', 'Berlin', 'de', 'eur', '2019-05-01', '2026-01-02'),
    ('007', 'Mitte (old)', 'Berlin', 'DE', 'EUR', '2019-05-01', '2026-01-01');
EXPECT silver.stores (store_id, name, country, currency, opened_on, time_zone) VALUES
    ('007', 'Mitte', 'DE', 'EUR', DATE '2019-05-01', 'Europe/Berlin');

TEST 'a store without id or country is kept apart';
GIVEN bronze.stores (store, name, country) VALUES (NULL, 'Nowhere', 'DE'), ('8', 'Stateless', NULL);
EXPECT silver.stores EMPTY;
EXPECT quarantine.silver__stores (name) VALUES ('Nowhere'), ('Stateless');
