-- One row per request in the log.
-- For example: what is asked for and not there? SELECT path, count(*) FROM silver.access_events WHERE status = 404 GROUP BY path ORDER BY 2 DESC LIMIT 5;
-- REFRESH POLICY AUTO: a log comes whole; whether it is little beside what there is, is seen when it comes.
CREATE MATERIALIZED VIEW silver.access_events (
    client COMMENT 'The address it came from.',
    user_name COMMENT 'Who signed in; NULL for nobody.',
    requested_at COMMENT 'When.',
    method COMMENT 'GET, POST, ...',
    path COMMENT 'What was asked for, with its query.',
    status COMMENT 'HTTP status.',
    bytes COMMENT 'Bytes of the answer.',
    agent COMMENT 'How the client calls itself.',
    is_bot COMMENT 'Whether it says that it is no person.',
    line COMMENT 'The line itself.',
    CONSTRAINT line_is_parsed EXPECT (status IS NOT NULL AND requested_at IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT request_has_method EXPECT (method IS NOT NULL)
)
COMMENT 'Requests of the web server''s log.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH parsed AS (
    SELECT
        value AS line,
        regexp_match(value, '^(\S+) \S+ (\S+) \[(\d+)/(\w+)/(\d+):([\d:]+) ([-+]\d+)\] "(?:(\w+) )?(.*?)(?: HTTP/[\d.]+)?" (\d{3}) (\d+|-)(?: "(.*?)" "?(.*?)"?)?$') AS parts
    FROM bronze.access_log
)
SELECT
    parts[1] AS client,
    nullif(parts[2], '-') AS user_name,
    try_cast(
        parts[5] || '-' || lpad(CAST((strpos('JanFebMarAprMayJunJulAugSepOctNovDec', parts[4]) + 2) / 3 AS text), 2, '0')
        || '-' || parts[3] || ' ' || parts[6] || parts[7] AS timestamptz
    ) AS requested_at,
    parts[8] AS method,
    parts[9] AS path,
    try_cast(parts[10] AS bigint) AS status,
    try_cast(nullif(parts[11], '-') AS bigint) AS bytes,
    parts[13] AS agent,
    coalesce(regexp_like(parts[13], 'bot|crawl|spider|slurp|feed|curl|wget|monitor|tiny tiny rss', 'i'), true) AS is_bot,
    line
FROM parsed;
