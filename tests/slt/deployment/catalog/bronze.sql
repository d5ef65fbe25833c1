-- Two sources, text as delivered.
CREATE STREAMING TABLE bronze.orders (
    order_id text,
    customer text,
    amount text,
    ordered_on text
)
COMMENT 'Orders as they came.'
AS SELECT *, _metadata.file_path AS _source_file
FROM STREAM read_files('orders/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.customers (
    customer text,
    name text,
    country text
)
AS SELECT * FROM STREAM read_files('customers/*.csv', format => 'csv');
