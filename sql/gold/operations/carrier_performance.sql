-- One row per month and carrier with what it carried and how much of it in time.
-- For example: who is late most? SELECT carrier, sum(late) FROM gold_operations.carrier_performance GROUP BY carrier ORDER BY 2 DESC;
CREATE MATERIALIZED VIEW gold_operations.carrier_performance (
    month COMMENT 'The first day of the month in which parcels were picked up.',
    carrier COMMENT 'Who carries.',
    shipments COMMENT 'Parcels picked up.',
    delivered COMMENT 'Of those, delivered by now.',
    late COMMENT 'Of the delivered, those after the promised day.',
    on_time_rate COMMENT '1 - late / delivered, NULL before the first delivery.',
    hours_on_the_way COMMENT 'Hours from pick-up to delivery, the mean of the delivered.',
    weighed COMMENT 'Parcels with a known weight.',
    weight_kg COMMENT 'Their weight in kilograms.',
    PRIMARY KEY (month, carrier)
)
COMMENT 'Carriers by month of pick-up: parcels, punctuality, speed and weight.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
SELECT
    shipped_month AS month,
    carrier,
    count(*) AS shipments,
    count(delivered_at) AS delivered,
    CAST(sum(CASE WHEN is_late THEN 1 ELSE 0 END) AS bigint) AS late,
    CAST(round(1 - CAST(sum(CASE WHEN is_late THEN 1 ELSE 0 END) AS numeric(18, 4)) / nullif(count(delivered_at), 0), 4) AS numeric(9, 4)) AS on_time_rate,
    CAST(
        round(
            CAST(sum(CASE WHEN delivered_at IS NOT NULL THEN hours_to_deliver - hours_to_ship END) AS numeric(18, 2))
            / nullif(count(delivered_at), 0),
            2
        ) AS numeric(9, 2)
    ) AS hours_on_the_way,
    count(weight_g) AS weighed,
    CAST(CAST(sum(weight_g) AS numeric(18, 3)) / 1000 AS numeric(18, 3)) AS weight_kg
FROM silver.shipments
GROUP BY shipped_month, carrier;
