-- One row per month and country with how long orders took to be shipped and to arrive.
-- For example: where do nine of ten parcels take longest? SELECT country, deliver_hours_p90 FROM gold_operations.fulfilment_sla ORDER BY deliver_hours_p90 DESC LIMIT 3;
CREATE MATERIALIZED VIEW gold_operations.fulfilment_sla (
    month COMMENT 'The first day of the month in which parcels were picked up.',
    country COMMENT 'ISO 3166 code of the order''s country.',
    shipments COMMENT 'Parcels picked up.',
    delivered COMMENT 'Of those, delivered by now.',
    late COMMENT 'Of the delivered, those after the promised day.',
    on_time_rate COMMENT '1 - late / delivered, NULL before the first delivery.',
    ship_hours_p50 COMMENT 'Hours from the order to pick-up that half of the parcels did not exceed.',
    ship_hours_p90 COMMENT 'The same for nine of ten.',
    deliver_hours_p50 COMMENT 'Hours from the order to delivery that half of the delivered did not exceed.',
    deliver_hours_p90 COMMENT 'The same for nine of ten.',
    PRIMARY KEY (month, country)
)
COMMENT 'Order to shipment to delivery, by month of pick-up and country. Percentiles are values that were seen (percentile_disc).'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
SELECT
    shipped_month AS month,
    country,
    count(*) AS shipments,
    count(delivered_at) AS delivered,
    CAST(sum(CASE WHEN is_late THEN 1 ELSE 0 END) AS bigint) AS late,
    CAST(round(1 - CAST(sum(CASE WHEN is_late THEN 1 ELSE 0 END) AS numeric(18, 4)) / nullif(count(delivered_at), 0), 4) AS numeric(9, 4)) AS on_time_rate,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY hours_to_ship) AS ship_hours_p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY hours_to_ship) AS ship_hours_p90,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY hours_to_deliver) AS deliver_hours_p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY hours_to_deliver) AS deliver_hours_p90
FROM silver.shipments
GROUP BY shipped_month, country;
