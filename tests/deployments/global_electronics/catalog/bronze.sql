-- Every delivery as it came: a folder each, text as written, each file exactly once.

CREATE STREAMING TABLE bronze.sales (
    order_number text,
    line_item text,
    order_date text,
    delivery_date text,
    customerkey text,
    storekey text,
    productkey text,
    quantity text,
    currency_code text,
    -- As others call them.
    currency text,
    ordernumber text,
    lineitem text,
    orderdate text,
    deliverydate text,
    customer_key text,
    store_key text,
    product_key text,
    _source_file text
)
COMMENT 'Order lines.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('global_electronics/*/[Ss]ales*.csv*', format => 'csv', delimiter => 'auto', multiLine => true,
    inferColumnTypes => false, encoding => 'utf-8, cp1252');

CREATE STREAMING TABLE bronze.customers (
    customerkey text,
    gender text,
    name text,
    city text,
    state_code text,
    state text,
    zip_code text,
    country text,
    continent text,
    birthday text,
    -- As others call it.
    customer_key text,
    _source_file text
)
COMMENT 'Customers.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('global_electronics/*/[Cc]ustomers*.csv*', format => 'csv', delimiter => 'auto', multiLine => true,
    inferColumnTypes => false, encoding => 'utf-8, cp1252');

CREATE STREAMING TABLE bronze.products (
    productkey text,
    product_name text,
    brand text,
    color text,
    unit_cost_usd text,
    unit_price_usd text,
    subcategorykey text,
    subcategory text,
    categorykey text,
    category text,
    -- As others call them.
    product_key text,
    subcategory_key text,
    category_key text,
    _source_file text
)
COMMENT 'Products with today''s price and cost.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('global_electronics/*/[Pp]roducts*.csv*', format => 'csv', delimiter => 'auto', multiLine => true,
    inferColumnTypes => false, encoding => 'utf-8, cp1252');

CREATE STREAMING TABLE bronze.stores (
    storekey text,
    country text,
    state_code text,
    state text,
    square_meters text,
    open_date text,
    -- As others call it.
    store_key text,
    _source_file text
)
COMMENT 'Stores; 0 is the web shop.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('global_electronics/*/[Ss]tores*.csv*', format => 'csv', delimiter => 'auto', multiLine => true,
    inferColumnTypes => false, encoding => 'utf-8, cp1252');

CREATE STREAMING TABLE bronze.exchange_rates (
    date text,
    currency_code text,
    -- As another delivery calls it.
    currency text,
    exchange text,
    _source_file text
)
COMMENT 'Units of a currency per US dollar, a row a day and currency.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('global_electronics/*/[Ee]xchange*.csv*', format => 'csv', delimiter => 'auto', multiLine => true,
    inferColumnTypes => false, encoding => 'utf-8, cp1252');
