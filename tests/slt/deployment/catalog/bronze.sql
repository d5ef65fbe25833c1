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

-- The same rows as other systems write them.
CREATE STREAMING TABLE bronze.from_parquet
AS SELECT * FROM STREAM read_files('formats/*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.from_array
AS SELECT * FROM STREAM read_files(
    'formats/array*.json', format => 'json', schemaHints => 'tags array<text>, at struct<city text>'
);

CREATE STREAMING TABLE bronze.from_zstd (id text, name text, price text, day text)
AS SELECT * FROM STREAM read_files('formats/rows.csv*', format => 'csv');

CREATE STREAMING TABLE bronze.from_utf16 (id text, name text, price text, day text)
AS SELECT * FROM STREAM read_files('formats/utf16*.csv', format => 'csv', encoding => 'UTF-16');

CREATE STREAMING TABLE bronze.from_cp1252 (id text, name text, price text, day text)
AS SELECT * FROM STREAM read_files('formats/cp1252*.csv', format => 'csv', encoding => 'cp1252');
