-- What silver.products makes of repeated and changed products.
TEST 'the newest change wins, lost zeros are put back';
GIVEN bronze.products (sku, name, category, list_price_eur, unit_cost_eur, updated_at) VALUES
    ('7', 'Radio', 'Audio', '9.99', '5.00', '2026-10-01'),
    ('00000007', ' Radio ', 'Audio', '8.99', '5.00', '2026-10-02'),
    ('00000007', 'Radio', 'Audio', '9.99', '5.00', '2026-10-01');
EXPECT silver.products (sku, name, list_price_eur) VALUES ('00000007', 'Radio', 8.99);
EXPECT quarantine.silver__products EMPTY;

TEST 'categories filed under an older name get today''s';
GIVEN bronze.products (sku, category, list_price_eur, unit_cost_eur) VALUES
    ('1', 'Cell phones', '10', '5'),
    ('2', 'TV & Video', '10', '5'),
    ('3', 'Computers', '10', '5');
EXPECT silver.products (sku, category) VALUES
    ('00000001', 'Phones'),
    ('00000002', 'TV and Video'),
    ('00000003', 'Computers');

TEST 'what has no key or no price above zero is kept apart with the reason';
GIVEN bronze.products (sku, name, list_price_eur, unit_cost_eur) VALUES
    (NULL, 'Nameless', '1', '1'),
    ('4', 'Free', '0', '0'),
    ('5', 'Dear', '2', '3');
EXPECT silver.products (sku) VALUES ('00000005');
EXPECT quarantine.silver__products (name, _constraints) VALUES
    ('Nameless', '["product_has_sku"]'),
    ('Free', '["price_is_positive"]');
