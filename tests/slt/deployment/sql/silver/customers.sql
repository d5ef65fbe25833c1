-- One row per customer.
CREATE MATERIALIZED VIEW silver.customers (
    customer COMMENT 'The key.',
    name COMMENT 'The full name.',
    country COMMENT 'ISO 3166 code.',
    PRIMARY KEY (customer)
)
COMMENT 'Customers.'
AS SELECT customer, name, country FROM bronze.customers;
