-- One row per source and view with how its newest run ended, how old its rows are, and what it refused.
-- For example: what is failing? SELECT relation, error FROM gold_operations.pipeline_health WHERE state = 'failed';
-- A view that is not kept: what it reads is Lakeport's own record of runs, which no stored result may depend on, and
-- which is right only when it is read. Each role sees the rows of what it may read.
CREATE VIEW gold_operations.pipeline_health (
    relation COMMENT 'Schema and name.',
    kind COMMENT 'source or view.',
    state COMMENT 'How the newest run ended: succeeded, failed, skipped, or never ran.',
    last_run_at COMMENT 'When that run began.',
    elapsed_ms COMMENT 'How long it took.',
    last_success_at COMMENT 'When the newest run that did not fail began: what readers see is from then.',
    runs COMMENT 'Runs on record.',
    failed_runs COMMENT 'Of those, failed.',
    rows_written COMMENT 'Rows the newest run wrote.',
    rows_quarantined COMMENT 'Rows the newest run put into quarantine.',
    expectations_failing COMMENT 'Expectations that some of the rows do not meet now.',
    error COMMENT 'What the newest run says went wrong.'
)
COMMENT 'Health of every source and view, from Lakeport''s own record.'
AS
WITH runs AS (
    SELECT
        schema_name,
        table_name AS relation_name,
        'source' AS kind,
        state,
        started_at,
        CAST(1000 * extract(epoch FROM finished_at - started_at) AS bigint) AS elapsed_ms,
        rows AS rows_written,
        quarantined AS rows_quarantined,
        error,
        run_id
    FROM lakeport.ingests
    UNION ALL
    SELECT
        schema_name,
        view_name,
        'view',
        CASE state WHEN 'refreshed' THEN 'succeeded' WHEN 'unchanged' THEN 'succeeded' ELSE state END,
        started_at,
        elapsed_ms,
        rows_written,
        rows_quarantined,
        error,
        run_id
    FROM lakeport.refreshes
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY schema_name, relation_name ORDER BY started_at DESC, run_id DESC) AS place,
        max(CASE WHEN state = 'succeeded' THEN started_at END) OVER (PARTITION BY schema_name, relation_name) AS last_success_at,
        count(*) OVER (PARTITION BY schema_name, relation_name) AS runs,
        sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) OVER (PARTITION BY schema_name, relation_name) AS failed_runs
    FROM runs
),
checked AS (
    SELECT
        schema_name,
        relation_name,
        failed_now,
        rank() OVER (PARTITION BY schema_name, relation_name ORDER BY checked_at DESC) AS place
    FROM lakeport.expectations
),
expectations AS (
    SELECT schema_name, relation_name, sum(CASE WHEN failed_now > 0 THEN 1 ELSE 0 END) AS failing
    FROM checked
    WHERE place = 1
    GROUP BY schema_name, relation_name
),
relations AS (
    SELECT schema_name, table_name AS relation_name, 'source' AS kind
    FROM lakeport.sources
    WHERE schema_name = 'bronze'
    UNION ALL
    SELECT schema_name, view_name, 'view'
    FROM lakeport.matviews
)
SELECT
    relations.schema_name || '.' || relations.relation_name AS relation,
    relations.kind,
    coalesce(ranked.state, 'never ran') AS state,
    ranked.started_at AS last_run_at,
    ranked.elapsed_ms,
    ranked.last_success_at,
    coalesce(ranked.runs, 0) AS runs,
    CAST(coalesce(ranked.failed_runs, 0) AS bigint) AS failed_runs,
    ranked.rows_written,
    ranked.rows_quarantined,
    CAST(coalesce(expectations.failing, 0) AS bigint) AS expectations_failing,
    ranked.error
FROM relations
LEFT JOIN ranked
    ON ranked.schema_name = relations.schema_name
    AND ranked.relation_name = relations.relation_name
    AND ranked.place = 1
LEFT JOIN expectations
    ON expectations.schema_name = relations.schema_name
    AND expectations.relation_name = relations.relation_name;
