-- What silver.order_lines makes of dates that have several meanings.
TEST 'order numbers tell which meaning is right, of the delivery and of the other files, too';
GIVEN bronze.sales (order_number, line_item, order_date, delivery_date, productkey, quantity, currency_code, _source_file) VALUES
    ('367000', '1', '02/01/2016', '05/01/2016', '1', '2', 'CAD', 'g/a/Sales.csv'),
    ('379000', '1', '14/01/2016', '', '1', '1', 'CAD', 'g/a/Sales.csv');
GIVEN bronze.exchange_rates (date, currency_code, exchange, _source_file) VALUES
    ('02/01/2016', 'CAD', '1.4', 'g/a/Exchange_Rates.csv'), ('14/01/2016', 'CAD', '1.5', 'g/a/Exchange_Rates.csv');
GIVEN bronze.products (productkey, category, unit_price_usd, unit_cost_usd) VALUES ('1', 'Audio', '$10.00 ', '$5.00 ');
EXPECT silver.order_lines (order_number, order_date, delivery_date, revenue_usd, revenue_local) VALUES
    (367000, '2016-01-02', '2016-01-05', 20, 28), (379000, '2016-01-14', NULL, 10, 15);

TEST 'a date that is not the day of its number is kept apart, and proves nothing of others';
GIVEN bronze.sales (order_number, line_item, order_date, delivery_date, productkey, quantity, currency_code, _source_file) VALUES
    ('367000', '1', '1/2/2016', '', '1', '2', 'USD', 'g/a/Sales.csv'),
    ('367001', '1', '3/4/2016', '', '1', '2', 'USD', 'g/a/Sales.csv');
GIVEN bronze.exchange_rates (date, currency_code, exchange, _source_file) VALUES
    ('2016-01-02', 'USD', '1', 'g/b/Exchange_Rates.csv'), ('2016-01-13', 'USD', '1', 'g/b/Exchange_Rates.csv'),
    ('1/2/2016', 'USD', '1', 'g/a/Exchange_Rates.csv');
GIVEN bronze.products (productkey, category, unit_price_usd, unit_cost_usd) VALUES ('1', 'Audio', '$10.00 ', '$5.00 ');
EXPECT silver.exchange_rates (day, currency) VALUES ('2016-01-13', 'USD');
EXPECT silver.order_lines EMPTY;
EXPECT quarantine.silver__order_lines (order_number, order_date, _constraints) VALUES
    (367000, '2016-01-02', '["rate_is_known"]'), (367001, NULL, '["dates_are_certain", "rate_is_known"]');
