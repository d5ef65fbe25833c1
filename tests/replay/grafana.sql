-- What Grafana's query builder asks, and what its macros become.
-- @mode binary

SELECT current_setting('server_version_num')::int/100 as version

SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'

-- @only table = sales, gold_finance.daily
SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i, string_to_array(current_setting('search_path'), ',') s)
    THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog', '_timescaledb_internal', '_timescaledb_config', 'timescaledb_information', 'timescaledb_experimental') ORDER BY CASE WHEN quote_ident(table_schema) = 'public' THEN 0 ELSE 1 END, 1

SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('public.sales'), 1) = 2 THEN quote_ident(table_schema) = (parse_ident('public.sales'))[1] AND quote_ident(table_name) = (parse_ident('public.sales'))[2]
    ELSE quote_ident(table_name) = 'public.sales' AND quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i, string_to_array(current_setting('search_path'), ',') s) END

SELECT floor(extract(epoch from paid_at)/60)*60 AS "time", sum(price) AS value FROM public.sales WHERE paid_at BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T00:00:00Z' GROUP BY 1 ORDER BY 1

SELECT paid_at AS "time", shop AS metric, price AS value FROM public.sales WHERE paid_at BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T00:00:00Z' ORDER BY 1

SELECT to_timestamp(1706690430) AS "time", extract(epoch from sold_at) >= 1706690430 AND extract(epoch from sold_at) <= 1709251199 AS inside FROM public.sales ORDER BY id

SELECT floor(extract(epoch from sold_on)/86400)*86400 AS "time", count(*) FROM public.sales WHERE sold_on BETWEEN '2024-01-01T00:00:00Z' AND '2024-12-31T00:00:00Z' GROUP BY 1 ORDER BY 1

-- ping
SELECT 1
