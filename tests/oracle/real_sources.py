"""The views over four real exports, worked out by DuckDB from the raw files.

FACTS is a landing folder with access_logs, supply_chain_scms, google_analytics and online_shoppers. GA4's events are
read from the Parquet that the delivered NDJSON was made from.
"""

from compare import half_away, main


def prepare(connection, facts):
    connection.execute(
        f"""
        CREATE TABLE requests AS
        SELECT line, string_split(line, ' ')[1] AS client,
               strptime(regexp_extract(line, '\\[([^\\]]*)\\]', 1), '%d/%b/%Y:%H:%M:%S %z') AS requested_at,
               string_split(line, '"')[2] AS request,
               string_split(trim(string_split(line, '"')[3]), ' ') AS answer
        FROM read_csv('{facts}/access_logs/*.log', columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '',
                      header = false, auto_detect = false);
        CREATE TABLE access AS
        SELECT line, client, requested_at, nullif(string_split(line, ' ')[3], '-') AS user_name,
               string_split(line, '"')[6] AS agent,
               coalesce(regexp_matches(lower(string_split(line, '"')[6]),
                   'bot|crawl|spider|slurp|feed|curl|wget|monitor|tiny tiny rss'), true) AS is_bot,
               string_split(request, ' ')[1] AS method, string_split(request, ' ')[2] AS path,
               answer[1]::BIGINT AS status, CASE WHEN answer[2] <> '-' THEN answer[2]::BIGINT END AS bytes
        FROM requests;

        CREATE TABLE raw_shipments AS
        FROM read_csv('{facts}/supply_chain_scms/*.csv', header = true, all_varchar = true);
        CREATE TABLE shipments AS
        SELECT ID::BIGINT AS shipment_id, Country AS country, Vendor AS vendor,
               nullif("Shipment Mode", 'N/A') AS mode,
               CASE WHEN length(split_part("PQ First Sent to Client Date", '/', 3)) = 4
                    THEN strptime("PQ First Sent to Client Date", '%m/%d/%Y')::DATE
                    WHEN contains("PQ First Sent to Client Date", '/')
                    THEN strptime("PQ First Sent to Client Date", '%-m/%-d/%y')::DATE END AS quoted_on,
               CASE WHEN "PQ First Sent to Client Date" LIKE 'Pre%' THEN 'before the time of offers'
                    WHEN "PQ First Sent to Client Date" LIKE '%Captured' THEN 'not captured' END AS quoted_note,
               CASE WHEN length(split_part("PO Sent to Vendor Date", '/', 3)) = 4
                    THEN strptime("PO Sent to Vendor Date", '%m/%d/%Y')::DATE
                    WHEN "PO Sent to Vendor Date" LIKE '%/%/%'
                    THEN strptime("PO Sent to Vendor Date", '%-m/%-d/%y')::DATE END AS ordered_on,
               CASE WHEN "PO Sent to Vendor Date" LIKE '%RDC' THEN 'from the regional store'
                    WHEN "PO Sent to Vendor Date" LIKE '%Captured' THEN 'not captured' END AS ordered_note,
               strptime("Scheduled Delivery Date", '%d-%b-%y')::DATE AS scheduled_on,
               strptime("Delivery Recorded Date", '%d-%b-%y')::DATE AS recorded_on,
               strptime("Delivered to Client Date", '%d-%b-%y')::DATE AS delivered_on,
               "Line Item Quantity"::BIGINT AS quantity, "Line Item Value"::DECIMAL(18, 2) AS value_usd,
               TRY_CAST("Weight (Kilograms)" AS DECIMAL(12, 2)) AS weight_kg,
               TRY_CAST(regexp_extract("Weight (Kilograms)", 'ID#:([0-9]+)', 1) AS BIGINT) AS weighed_with,
               TRY_CAST("Freight Cost (USD)" AS DECIMAL(18, 2)) AS freight_usd,
               CASE WHEN "Freight Cost (USD)" SIMILAR TO '[0-9.]+' THEN 'charged'
                    WHEN "Freight Cost (USD)" LIKE '%Included%' THEN 'included'
                    WHEN "Freight Cost (USD)" LIKE 'Invoiced%' THEN 'invoiced separately'
                    ELSE 'with another line' END AS freight_terms
        FROM raw_shipments;

        CREATE TABLE shoppers AS FROM read_csv('{facts}/online_shoppers/*.csv', all_varchar = true);

        CREATE TABLE sessions AS
        SELECT user_pseudo_id AS visitor, session_id, count(*) AS events,
               to_timestamp(min(event_timestamp) // 1000000) AS started_at,
               (max(event_timestamp) - min(event_timestamp)) // 1000000 AS seconds,
               count(*) FILTER (event_name = 'page_view') AS page_views,
               count(*) FILTER (event_name = 'view_item') AS product_views,
               count(*) FILTER (event_name = 'add_to_cart') AS carts,
               count(*) FILTER (event_name = 'begin_checkout') AS checkouts,
               count(DISTINCT transaction) FILTER (event_name = 'purchase' AND transaction <> '(not set)') AS purchases
        FROM (SELECT DISTINCT user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id,
                     ecommerce.transaction_id AS transaction,
                     list_filter(event_params, lambda p: p.key = 'ga_session_id')[1].value.int_value AS session_id
              FROM '{facts}/google_analytics/ga4_events*.parquet')
        GROUP BY ALL;
        """
    )


main(
    prepare,
    {
        "silver.access_events": ("SELECT * FROM access WHERE method <> ''", "method IS NOT NULL"),
        "gold_operations.security_signals": """
            WITH daily AS (
                SELECT client, (requested_at AT TIME ZONE 'UTC')::DATE AS day, count(*) AS requests,
                       count(*) FILTER (status >= 400) AS failed_requests,
                       count(*) FILTER (lower(path) LIKE '%../%' OR lower(path) LIKE '%wp-login%' OR lower(path) LIKE '%wp-admin%'
                           OR lower(path) LIKE '%phpmyadmin%' OR lower(path) LIKE '%/etc/passwd%' OR lower(path) LIKE '%.php?%'
                           OR lower(path) LIKE '%/admin%' OR lower(path) LIKE '%xmlrpc%' OR lower(path) LIKE '%.cgi%') AS probes
                FROM access GROUP BY ALL)
            SELECT *, CASE WHEN probes > 0 THEN 'probing' WHEN failed_requests > 4 THEN 'failing' ELSE 'flooding' END AS reason
            FROM daily
            WHERE probes > 0 OR failed_requests >= 5 OR requests >= 200""",
        "silver.shipments": "SELECT *, date_diff('day', scheduled_on, delivered_on) AS days_late FROM shipments",
        "gold_operations.fulfilment_sla": """
            SELECT year(delivered_on) AS year, coalesce(mode, 'unknown') AS mode, count(*) AS shipments,
                   count(*) FILTER (delivered_on <= scheduled_on) AS on_time,
                   quantile_cont((delivered_on - scheduled_on)::DOUBLE, 0.5) AS median_days_late,
                   quantile_cont((delivered_on - scheduled_on)::DOUBLE, 0.95) AS p95_days_late,
                   coalesce(sum(freight_usd), 0)::DECIMAL(18, 2) AS freight_usd
            FROM shipments GROUP BY ALL""",
        "silver.web_sessions": "FROM sessions WHERE session_id IS NOT NULL",
        "gold_marketing.web_funnel": """
            SELECT unnest([1, 2, 3, 4, 5]) AS place, unnest(['visit', 'product', 'cart', 'checkout', 'purchase']) AS step,
                   unnest([count(*), count(*) FILTER (product_views > 0), count(*) FILTER (carts > 0),
                           count(*) FILTER (checkouts > 0), count(*) FILTER (purchases > 0)]) AS sessions
            FROM sessions WHERE session_id IS NOT NULL""",
        "gold_marketing.session_conversion": f"""
            SELECT month(strptime(left(Month, 3), '%b')) AS month, VisitorType AS visitor_type, count(*) AS sessions,
                   count(*) FILTER (Revenue = 'TRUE') AS purchases,
                   CAST({half_away("CAST(sum(PageValues::DECIMAL(30, 12)) * 1000000000000 AS HUGEINT)", "count(*) * 100000000")}
                       AS DECIMAL(30, 0)) * 0.0001 AS page_value
            FROM shoppers GROUP BY ALL""",
    },
)
