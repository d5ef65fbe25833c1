-- Every source as it came: text as delivered, each file exactly once. Columns are declared where a
-- view relies on them; what else a file brings is added.

CREATE STREAMING TABLE bronze.store_sales (
    -- As tills up to version 1 print it.
    store text,
    receipt text,
    line text,
    sku text,
    qty text,
    discount text,
    rev text,
    -- As tills from version 2 on do.
    store_id text,
    receipt_no text,
    line_no text,
    article text,
    quantity text,
    line_discount text,
    revision text,
    till_version text,
    -- As both do.
    sold_at text,
    unit_price text,
    vat text,
    currency text,
    customer text
)
COMMENT 'Receipt lines of the stores'' tills, a file a store and day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('store_sales/*/*.csv', format => 'csv', delimiter => 'auto');

CREATE STREAMING TABLE bronze.online_orders (
    event_id text,
    event text,
    order_id text,
    sequence bigint,
    event_at text,
    channel text,
    customer_id text,
    country text,
    currency text,
    tax_rate bigint,
    refund_amount text,
    reason text
)
COMMENT 'Events of orders in the web shop and the apps: placed, paid, cancelled, refunded.'
SCHEDULE EVERY 5 MINUTES
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files(
    'online_orders/*.ndjson',
    format => 'json',
    schemaHints => 'items array<struct<line bigint, sku text, quantity bigint, unit_price text, discount text>>'
);

CREATE STREAMING TABLE bronze.products (
    sku text,
    name text,
    brand text,
    category text,
    list_price_eur text,
    unit_cost_eur text,
    updated_at text
)
COMMENT 'Product master data: all products once, then what changed.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('products/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.stores (
    store text,
    name text,
    city text,
    country text,
    currency text,
    opened_on text,
    updated_at text
)
COMMENT 'Store master data: all stores once, then what changed.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('stores/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.fx_rates (
    date text,
    usd text,
    gbp text,
    cad text,
    aud text
)
COMMENT 'The central bank''s reference rates, units per euro, a column a currency.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('fx_rates/*.csv', format => 'csv');
