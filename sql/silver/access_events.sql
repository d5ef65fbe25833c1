-- One row per request that the web server or the sign-in service answered.
-- For example: which addresses fail to sign in most? SELECT client_ip, count(*) FROM silver.access_events WHERE kind = 'sign_in_failed' GROUP BY client_ip ORDER BY 2 DESC LIMIT 10;
-- A line that cannot be read is in quarantine, whole; the same line in several files counts once.
CREATE MATERIALIZED VIEW silver.access_events (
    request_id COMMENT 'The server''s own number of the request, or the line''s hash where it has none.',
    occurred_at COMMENT 'When it was answered, UTC.',
    event_month COMMENT 'The first day of that month.',
    client_ip COMMENT 'Whence it came.',
    user_id COMMENT 'The CRM number it was about, NULL for none.',
    method COMMENT 'GET, POST and so on.',
    path COMMENT 'What was asked for.',
    status COMMENT 'The answer''s HTTP status.',
    bytes COMMENT 'The answer''s size; NULL where none was sent.',
    kind COMMENT 'sign_in, sign_in_failed, error, probe (not found) or page.',
    country COMMENT 'ISO 3166 code of the country of the network, NULL where not known.',
    city COMMENT 'Its city, NULL where not known.',
    line COMMENT 'The line as it was written.',
    CONSTRAINT line_is_readable EXPECT (occurred_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT status_is_known EXPECT (status BETWEEN 100 AND 599),
    PRIMARY KEY (request_id)
)
PARTITIONED BY (event_month)
COMMENT 'Requests to the web server and the sign-in service.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH lines AS (
    SELECT DISTINCT value AS line
    FROM bronze.access_log
),
split AS (
    SELECT
        line,
        regexp_match(
            line,
            '^([0-9.]+) - (\S+) \[([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9:]{8}) \+0000\] "([A-Z]+) (\S+) HTTP/[0-9.]+" ([0-9]{3}) (\S+) "[^"]*" "[^"]*" ([0-9a-f]{16})$'
        ) AS parts
    FROM lines
),
parsed AS (
    SELECT
        line,
        parts[1] AS client_ip,
        nullif(parts[2], '-') AS user_id,
        try_cast(
            concat(
                parts[5], '-',
                CASE parts[4]
                    WHEN 'Jan' THEN '01' WHEN 'Feb' THEN '02' WHEN 'Mar' THEN '03' WHEN 'Apr' THEN '04'
                    WHEN 'May' THEN '05' WHEN 'Jun' THEN '06' WHEN 'Jul' THEN '07' WHEN 'Aug' THEN '08'
                    WHEN 'Sep' THEN '09' WHEN 'Oct' THEN '10' WHEN 'Nov' THEN '11' WHEN 'Dec' THEN '12'
                END,
                '-', parts[3], ' ', parts[6]
            ) AS timestamp
        ) AS occurred_at,
        parts[7] AS method,
        parts[8] AS path,
        try_cast(parts[9] AS bigint) AS status,
        try_cast(parts[10] AS bigint) AS bytes,
        coalesce(parts[11], 'line ' || md5(line)) AS request_id
    FROM split
)
SELECT
    parsed.request_id,
    parsed.occurred_at,
    CAST(date_trunc('month', parsed.occurred_at) AS date) AS event_month,
    parsed.client_ip,
    parsed.user_id,
    parsed.method,
    parsed.path,
    parsed.status,
    parsed.bytes,
    CASE
        WHEN parsed.path = '/sign-in' AND parsed.status = 200 THEN 'sign_in'
        WHEN parsed.path = '/sign-in' THEN 'sign_in_failed'
        WHEN parsed.status >= 500 THEN 'error'
        WHEN parsed.status = 404 THEN 'probe'
        ELSE 'page'
    END AS kind,
    places.country,
    places.city,
    parsed.line
FROM parsed
LEFT JOIN silver.locations AS places
    ON places.kind = 'network' AND places.code = regexp_replace(parsed.client_ip, '\.[0-9]+$', '');
