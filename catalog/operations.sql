-- Sources of finance and operations, as they came: text as delivered, each file exactly once.

CREATE STREAMING TABLE bronze.payments (
    settlement_date text,
    transaction_id text,
    type text,
    merchant_reference text,
    currency text,
    gross text,
    fee text,
    net text,
    booked_at text,
    version text
)
COMMENT 'Settlements of the payment provider: captures, refunds, chargebacks, a file a day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('payments/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.shipments (
    trackingnumber text,
    orderreference text,
    carrier text,
    status text,
    eventtime text,
    sequence bigint,
    weight text,
    promiseddate text
)
COMMENT 'Tracking events of the carriers: picked up, in transit, delivered.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('shipments/*.json', format => 'json');

CREATE STREAMING TABLE bronze.inventory (
    material text,
    plant text,
    posting_date text,
    document text,
    stock text,
    received text,
    issued text,
    status text,
    movement text
)
COMMENT 'Stock of a product at a place at the end of a day on which it moved; all of it on the 1st of a month.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('inventory/*.csv', format => 'csv', delimiter => ';');

CREATE STREAMING TABLE bronze.purchase_orders (
    po_number text,
    revision text,
    supplier text,
    item text,
    ordered_qty text,
    received_qty text,
    unit_cost text,
    currency text,
    order_date text,
    promised_date text,
    last_receipt text,
    status text
)
COMMENT 'Purchase orders as they are after each change, a file a day.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('purchase_orders/*.csv', format => 'csv', delimiter => '|');

CREATE STREAMING TABLE bronze.vendor_catalog (
    vendor_id text,
    vendor_name text,
    vendor_country text,
    terms_days integer,
    -- One vendor's.
    item text,
    net_price numeric(18, 2),
    currency text,
    lead_days integer,
    -- Another's.
    article text,
    price_cents bigint,
    as_of text,
    delivery text,
    -- A third one's.
    code text,
    price_per_ten text,
    state text,
    -- Shared by some.
    stock bigint,
    valid_from date,
    discontinued boolean
)
COMMENT 'Catalogues of the vendors that send Parquet, each in its own columns.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('vendor_catalog/*/*.parquet', format => 'parquet');

CREATE STREAMING TABLE bronze.vendor_catalog_json (
    vendorid text,
    vendorname text,
    vendorcountry text,
    termsdays bigint,
    code text,
    unit text,
    price text,
    availability text,
    leadtime text,
    asof text
)
COMMENT 'Catalogues of the vendors that send JSON.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('vendor_catalog/*/*.json', format => 'json');
