-- One row per client and day that asked for what it should not, or for more than people do.
-- For example: who should be looked at first? SELECT client, day, reason FROM gold_operations.security_signals ORDER BY failed_requests DESC LIMIT 5;
-- REFRESH POLICY AUTO: a log comes whole, so that following it touches every day it has.
CREATE MATERIALIZED VIEW gold_operations.security_signals (
    client COMMENT 'The address.',
    day COMMENT 'The day, UTC.',
    requests COMMENT 'Requests.',
    failed_requests COMMENT 'Those answered with a status of 400 or more.',
    probes COMMENT 'Requests for places that only attackers look for.',
    reason COMMENT 'probing, failing, or flooding.',
    PRIMARY KEY (client, day)
)
COMMENT 'Clients to be looked at.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH daily AS (
    SELECT
        client,
        CAST(requested_at AS date) AS day,
        count(*) AS requests,
        count(CASE WHEN status >= 400 THEN 1 END) AS failed_requests,
        count(CASE WHEN regexp_like(path, '(\.\./|wp-login|wp-admin|phpmyadmin|/etc/passwd|\.php\?|/admin|xmlrpc|\.cgi)', 'i') THEN 1 END) AS probes
    FROM silver.access_events
    GROUP BY 1, 2
)
SELECT
    client,
    day,
    requests,
    failed_requests,
    probes,
    CASE
        WHEN probes > 0 THEN 'probing'
        WHEN failed_requests >= 5 THEN 'failing'
        ELSE 'flooding'
    END AS reason
FROM daily
WHERE probes > 0 OR failed_requests >= 5 OR requests >= 200;
