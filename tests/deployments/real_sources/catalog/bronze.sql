-- Every source as it came.

CREATE STREAMING TABLE bronze.access_log (value text)
COMMENT 'Lines of a web server''s log, in Apache''s combined format.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('access_logs/*.log', format => 'text');

CREATE STREAMING TABLE bronze.shipments (
    id text,
    country text,
    vendor text,
    shipment_mode text,
    pq_first_sent_to_client_date text,
    po_sent_to_vendor_date text,
    delivery_recorded_date text,
    scheduled_delivery_date text,
    delivered_to_client_date text,
    line_item_quantity text,
    line_item_value text,
    weight_kilograms_ text,
    freight_cost_usd_ text
)
COMMENT 'Lines of shipments of medical goods; dates, weights and costs may be sentences.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('supply_chain_scms/*.csv', format => 'csv', multiLine => true, inferColumnTypes => false);

CREATE STREAMING TABLE bronze.ga4_events (
    event_date text,
    event_timestamp bigint,
    event_name text,
    event_bundle_sequence_id bigint,
    user_pseudo_id text
)
COMMENT 'Events of a web shop as BigQuery exports them: parameters and items are nested.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('google_analytics/ga4_events*.ndjson*', format => 'json',
    schemaHints => 'event_params array<struct<key text, value struct<string_value text, int_value bigint, float_value double precision, double_value double precision>>>, ecommerce struct<transaction_id text, purchase_revenue_in_usd double precision>');

CREATE STREAMING TABLE bronze.shop_sessions (
    month text,
    visitortype text,
    weekend text,
    revenue text,
    pagevalues text,
    productrelated text
)
COMMENT 'Sessions of a web shop, with whether something was bought.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('online_shoppers/*.csv', format => 'csv', inferColumnTypes => false);
