-- One row per year and mode with how punctual shipments were.
-- For example: is the sea slower than promised? SELECT year, median_days_late FROM gold_operations.fulfilment_sla WHERE mode = 'Ocean' ORDER BY year;
-- REFRESH POLICY AUTO: one export has all lines, so that following it touches every group.
CREATE MATERIALIZED VIEW gold_operations.fulfilment_sla (
    year COMMENT 'The year of the delivery.',
    mode COMMENT 'How it travelled; unknown where nobody says.',
    shipments COMMENT 'Lines delivered.',
    on_time COMMENT 'Those delivered on the day or before.',
    median_days_late COMMENT 'Half of them were not later than this.',
    p95_days_late COMMENT 'Nineteen of twenty were not later than this.',
    freight_usd COMMENT 'Freight that was charged.',
    PRIMARY KEY (year, mode)
)
COMMENT 'Punctuality of shipments by year and mode.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT
    CAST(extract(year FROM delivered_on) AS bigint) AS year,
    coalesce(mode, 'unknown') AS mode,
    count(*) AS shipments,
    count(CASE WHEN days_late <= 0 THEN 1 END) AS on_time,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY days_late) AS median_days_late,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY days_late) AS p95_days_late,
    CAST(coalesce(sum(freight_usd), 0) AS numeric(18, 2)) AS freight_usd
FROM silver.shipments
GROUP BY 1, 2;
