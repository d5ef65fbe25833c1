-- One row per vendor and month of order with how completely and punctually it delivered.
-- For example: who keeps us waiting? SELECT vendor_name, sum(late) FROM gold_operations.vendor_performance GROUP BY vendor_name ORDER BY 2 DESC;
CREATE MATERIALIZED VIEW gold_operations.vendor_performance (
    month COMMENT 'The first day of the month of the orders.',
    vendor_id COMMENT 'The vendor.',
    vendor_name COMMENT 'Its name today.',
    orders COMMENT 'Purchase orders.',
    ordered COMMENT 'Pieces ordered.',
    received COMMENT 'Pieces received by now.',
    fill_rate COMMENT 'received / ordered.',
    complete COMMENT 'Orders of which all pieces came.',
    late COMMENT 'Of those, the ones whose last pieces came after the promised day.',
    on_time_rate COMMENT '1 - late / complete, NULL before the first complete one.',
    days_late COMMENT 'Days from the promised day to the last pieces of complete orders, the mean.',
    ordered_eur COMMENT 'Value ordered, in euro.',
    received_eur COMMENT 'Value received by now, in euro.',
    PRIMARY KEY (month, vendor_id)
)
COMMENT 'Vendors by month of order: completeness, punctuality, value.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH totals AS (
    SELECT
        ordered_month AS month,
        vendor_id,
        count(*) AS orders,
        CAST(sum(ordered) AS bigint) AS ordered,
        CAST(sum(received) AS bigint) AS received,
        count(days_late) AS complete,
        CAST(sum(CASE WHEN days_late > 0 THEN 1 ELSE 0 END) AS bigint) AS late,
        CAST(coalesce(sum(days_late), 0) AS numeric(18, 2)) AS days_late,
        CAST(sum(ordered_eur) AS numeric(18, 2)) AS ordered_eur,
        CAST(sum(received_eur) AS numeric(18, 2)) AS received_eur
    FROM silver.purchase_orders
    GROUP BY ordered_month, vendor_id
)
SELECT
    totals.month,
    totals.vendor_id,
    vendors.name AS vendor_name,
    totals.orders,
    totals.ordered,
    totals.received,
    CAST(round(CAST(totals.received AS numeric(18, 4)) / totals.ordered, 4) AS numeric(9, 4)) AS fill_rate,
    totals.complete,
    totals.late,
    CAST(round(1 - CAST(totals.late AS numeric(18, 4)) / nullif(totals.complete, 0), 4) AS numeric(9, 4)) AS on_time_rate,
    CAST(round(totals.days_late / nullif(totals.complete, 0), 2) AS numeric(9, 2)) AS days_late,
    totals.ordered_eur,
    totals.received_eur
FROM totals
LEFT JOIN silver.vendors AS vendors ON vendors.vendor_id = totals.vendor_id;
