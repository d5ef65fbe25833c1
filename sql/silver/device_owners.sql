-- One row per browser or device somebody has signed in on: who did so last.
-- For example: how many browsers does a customer use? SELECT user_id, count(*) FROM silver.device_owners WHERE source = 'web' GROUP BY user_id ORDER BY 2 DESC;
CREATE MATERIALIZED VIEW silver.device_owners (
    source COMMENT 'web or app.',
    source_id COMMENT 'The browser, by its cookie; the device.',
    user_id COMMENT 'The CRM number of who signed in last; of two at one moment the greater one.',
    signed_in_at COMMENT 'The last event of theirs, UTC.',
    CONSTRAINT owner_is_known EXPECT (user_id IS NOT NULL),
    PRIMARY KEY (source, source_id)
)
PARTITIONED BY (source)
COMMENT 'Who last signed in on each browser and device.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH sign_ins AS (
    SELECT 'web' AS source, visitor_id AS source_id, user_id, occurred_at
    FROM silver.web_events
    WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'app', device_id, user_id, occurred_at
    FROM silver.app_events
    WHERE user_id IS NOT NULL
),
-- The time is written with as many digits always, so the greatest text has the last time; a greatest value follows
-- rows that come without reading those there are.
owners AS (
    SELECT
        source,
        source_id,
        max(to_char(occurred_at, 'YYYYMMDDHH24MISSUS') || user_id) AS last_sign_in,
        max(occurred_at) AS signed_in_at
    FROM sign_ins
    GROUP BY source, source_id
)
SELECT
    source,
    source_id,
    substr(last_sign_in, 21) AS user_id,
    signed_in_at
FROM owners;
