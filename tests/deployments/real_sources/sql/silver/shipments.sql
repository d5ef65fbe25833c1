-- One row per line of a shipment, its sentences read.
-- For example: what weighs most? SELECT shipment_id, weight_kg FROM silver.shipments WHERE weight_kg IS NOT NULL ORDER BY 2 DESC LIMIT 5;
-- REFRESH POLICY AUTO: one export has all lines, so that following it touches every row.
CREATE MATERIALIZED VIEW silver.shipments (
    shipment_id COMMENT 'The line''s number.',
    country COMMENT 'Where it went.',
    vendor COMMENT 'Who made the goods.',
    mode COMMENT 'Air, Truck, Air Charter, Ocean, or NULL.',
    quoted_on COMMENT 'When the client first got an offer; NULL where quoted_note says why there is no day.',
    quoted_note COMMENT 'What stands in place of the day: before the time of offers, or not captured.',
    ordered_on COMMENT 'When the vendor got the order; NULL where ordered_note says why there is no day.',
    ordered_note COMMENT 'What stands in place of the day: from the regional store, or not captured.',
    scheduled_on COMMENT 'When it should have been delivered.',
    delivered_on COMMENT 'When it was.',
    recorded_on COMMENT 'When somebody wrote that down.',
    days_late COMMENT 'delivered_on - scheduled_on; below zero is early.',
    quantity COMMENT 'Packs.',
    value_usd COMMENT 'What they are worth.',
    weight_kg COMMENT 'The weight; NULL where it is captured with another line or apart.',
    weighed_with COMMENT 'The line that has the weight and the freight of this one.',
    freight_usd COMMENT 'The freight; NULL where it is in the price, or on another invoice or line.',
    freight_terms COMMENT 'charged, included, invoiced separately, or with another line.',
    CONSTRAINT shipment_has_id EXPECT (shipment_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT delivery_is_dated EXPECT (delivered_on IS NOT NULL AND scheduled_on IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT offer_is_understood EXPECT (quoted_on IS NOT NULL OR quoted_note IS NOT NULL),
    CONSTRAINT order_is_understood EXPECT (ordered_on IS NOT NULL OR ordered_note IS NOT NULL),
    CONSTRAINT freight_is_understood EXPECT (freight_terms IS NOT NULL),
    PRIMARY KEY (shipment_id)
)
COMMENT 'Lines of shipments.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    -- 03-Nov-11; 1/13/10 and 01/02/2012 with the month first, as only then no offer is later than its delivery.
    SELECT
        *,
        regexp_match(scheduled_delivery_date, '^([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2})$') AS scheduled,
        regexp_match(delivered_to_client_date, '^([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2})$') AS delivered,
        regexp_match(delivery_recorded_date, '^([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2})$') AS recorded,
        regexp_match(pq_first_sent_to_client_date, '^([0-9]{1,2})/([0-9]{1,2})/(?:20)?([0-9]{2})$') AS quoted,
        regexp_match(po_sent_to_vendor_date, '^([0-9]{1,2})/([0-9]{1,2})/(?:20)?([0-9]{2})$') AS ordered,
        'JanFebMarAprMayJunJulAugSepOctNovDec' AS months
    FROM bronze.shipments
),
dated AS (
    SELECT
        *,
        try_cast(concat('20', scheduled[3], '-', (strpos(months, scheduled[2]) + 2) / 3, '-', scheduled[1]) AS date) AS scheduled_on,
        try_cast(concat('20', delivered[3], '-', (strpos(months, delivered[2]) + 2) / 3, '-', delivered[1]) AS date) AS delivered_on,
        try_cast(concat('20', recorded[3], '-', (strpos(months, recorded[2]) + 2) / 3, '-', recorded[1]) AS date) AS recorded_on,
        try_cast(concat('20', quoted[3], '-', quoted[1], '-', quoted[2]) AS date) AS quoted_on,
        try_cast(concat('20', ordered[3], '-', ordered[1], '-', ordered[2]) AS date) AS ordered_on
    FROM delivered
)
SELECT
    try_cast(id AS bigint) AS shipment_id,
    country,
    vendor,
    nullif(shipment_mode, 'N/A') AS mode,
    quoted_on,
    CASE pq_first_sent_to_client_date
        WHEN 'Pre-PQ Process' THEN 'before the time of offers'
        WHEN 'Date Not Captured' THEN 'not captured'
    END AS quoted_note,
    ordered_on,
    CASE po_sent_to_vendor_date
        WHEN 'N/A - From RDC' THEN 'from the regional store'
        WHEN 'Date Not Captured' THEN 'not captured'
    END AS ordered_note,
    scheduled_on,
    delivered_on,
    recorded_on,
    CAST(delivered_on - scheduled_on AS bigint) AS days_late,
    try_cast(line_item_quantity AS bigint) AS quantity,
    try_cast(line_item_value AS numeric(18, 2)) AS value_usd,
    try_cast(weight_kilograms_ AS numeric(12, 2)) AS weight_kg,
    try_cast(substring(weight_kilograms_ FROM 'ID#:(\d+)') AS bigint) AS weighed_with,
    try_cast(freight_cost_usd_ AS numeric(18, 2)) AS freight_usd,
    CASE
        WHEN try_cast(freight_cost_usd_ AS numeric(18, 2)) IS NOT NULL THEN 'charged'
        WHEN freight_cost_usd_ = 'Freight Included in Commodity Cost' THEN 'included'
        WHEN freight_cost_usd_ = 'Invoiced Separately' THEN 'invoiced separately'
        WHEN freight_cost_usd_ LIKE 'See %(ID#:%' THEN 'with another line'
    END AS freight_terms
FROM dated;
