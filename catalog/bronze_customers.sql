-- Customers, the web shop, the apps and marketing, as their systems deliver them: text, each file exactly once.

CREATE STREAMING TABLE bronze.crm_customers (
    contactid text,
    accountnumber text,
    firstname text,
    lastname text,
    emailaddress1 text,
    telephone1 text,
    birthdate text,
    address1_line1 text,
    address1_postalcode text,
    address1_city text,
    address1_country text,
    donotemail boolean,
    createdon text,
    modifiedon text
)
COMMENT 'The CRM''s full snapshots: every customer, each time.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('crm_customers/*.json', format => 'json');

CREATE STREAMING TABLE bronze.crm_interactions (
    interaction_id text,
    kind text,
    contact text,
    order_id text,
    opened_at text,
    closed_at text,
    modified_at text,
    agent text,
    rating text,
    body text
)
COMMENT 'Tickets, calls, feedback and reviews, each again whenever it changes.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('crm_interactions/*.ndjson', format => 'json');

CREATE STREAMING TABLE bronze.web_events (
    event_id text,
    event text,
    event_at text,
    sent_at text,
    received_at text,
    visitor_id text,
    user_id text,
    ip text,
    user_agent text,
    sku text,
    order_id text
)
COMMENT 'What browsers tell the web shop, robots included.'
SCHEDULE EVERY 5 MINUTES
AS SELECT
    *,
    _metadata.file_path AS _source_file,
    _metadata.ingested_at AS _ingested_at,
    -- The day by the browser's clock, the same each time the event is sent: what a day's events change is found among
    -- the days, not in all there ever were. A clock that was never set is put right by whole days.
    CASE
        WHEN try_cast(received_at AS timestamp) - try_cast(event_at AS timestamp)
            BETWEEN INTERVAL '-2 days' AND INTERVAL '30 days'
            THEN CAST(try_cast(event_at AS timestamp) AS date)
        ELSE CAST(
            try_cast(event_at AS timestamp) + INTERVAL '1 day' * CAST(
                round(extract(epoch FROM try_cast(received_at AS timestamp) - try_cast(sent_at AS timestamp)) / 86400)
                AS bigint
            ) AS date
        )
    END AS browser_day
FROM STREAM read_files(
    'web_events/*.ndjson',
    format => 'json',
    schemaHints => 'page struct<url text, referrer text>'
);

CREATE STREAMING TABLE bronze.app_events (
    event_id text,
    name text,
    client_ms bigint,
    sent_ms bigint,
    server_ms bigint,
    device_id text,
    session_id text,
    user_id text,
    os text,
    app_version text,
    sku text,
    order_id text
)
COMMENT 'What the mobile apps tell.'
SCHEDULE EVERY 5 MINUTES
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('app_events/*.ndjson', format => 'json');

CREATE STREAMING TABLE bronze.ad_performance (
    -- As Google Ads has it.
    customer_id text,
    id text,
    name text,
    device text,
    clicks text,
    cost_micros text,
    currency_code text,
    -- As Instagram Ads has it.
    account_id text,
    campaign_name text,
    inline_link_clicks text,
    spend text,
    account_currency text,
    _fivetran_synced text,
    -- As Google Analytics has it.
    session_source_medium text,
    session_campaign text,
    ad_impressions text,
    ad_clicks text,
    ad_cost text,
    currency text,
    exported_at text,
    -- As two or three of them do.
    date text,
    campaign_id text,
    impressions text
)
COMMENT 'Campaigns by day as three platforms report them, restated days included.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('ad_performance/*/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.geo_locations (
    country text,
    region text,
    city text,
    updated_at text,
    -- In the files of postal codes.
    postal_code text,
    latitude text,
    longitude text,
    -- In the files of networks.
    start_ip text,
    end_ip text
)
COMMENT 'Postal codes, and networks by their first and last address.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('geo_locations/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.experiment_assignments (
    experiment text,
    customer_id text,
    arm text,
    assigned_at text
)
COMMENT 'Who was put into which arm of which experiment.'
SCHEDULE EVERY 1 HOURS
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('experiment_assignments/*.csv', format => 'csv');

CREATE STREAMING TABLE bronze.access_log (
    value text
)
COMMENT 'The web server''s and the sign-in service''s log, a line a row.'
SCHEDULE EVERY 5 MINUTES
AS SELECT *, _metadata.file_path AS _source_file, _metadata.ingested_at AS _ingested_at
FROM STREAM read_files('access_log/*.log', format => 'text');
