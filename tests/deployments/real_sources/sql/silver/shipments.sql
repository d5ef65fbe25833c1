-- One row per line of a shipment, its sentences read.
-- For example: what weighs most? SELECT shipment_id, weight_kg FROM silver.shipments WHERE weight_kg IS NOT NULL ORDER BY 2 DESC LIMIT 5;
CREATE MATERIALIZED VIEW silver.shipments (
    shipment_id COMMENT 'The line''s number.',
    country COMMENT 'Where it went.',
    vendor COMMENT 'Who made the goods.',
    mode COMMENT 'Air, Truck, Air Charter, Ocean, or NULL.',
    scheduled_on COMMENT 'When it should have been delivered.',
    delivered_on COMMENT 'When it was.',
    days_late COMMENT 'delivered_on - scheduled_on; below zero is early.',
    quantity COMMENT 'Packs.',
    value_usd COMMENT 'What they are worth.',
    weight_kg COMMENT 'The weight; NULL where it is captured with another line or apart.',
    weighed_with COMMENT 'The line that has the weight and the freight of this one.',
    freight_usd COMMENT 'The freight; NULL where it is in the price, or on another invoice or line.',
    freight_terms COMMENT 'charged, included, invoiced separately, or with another line.',
    CONSTRAINT shipment_has_id EXPECT (shipment_id IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT delivery_is_dated EXPECT (delivered_on IS NOT NULL AND scheduled_on IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT freight_is_understood EXPECT (freight_terms IS NOT NULL),
    PRIMARY KEY (shipment_id)
)
COMMENT 'Lines of shipments.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT
    try_cast(id AS bigint) AS shipment_id,
    country,
    vendor,
    nullif(shipment_mode, 'N/A') AS mode,
    to_date(scheduled_delivery_date, 'DD-Mon-YY') AS scheduled_on,
    to_date(delivered_to_client_date, 'DD-Mon-YY') AS delivered_on,
    CAST(to_date(delivered_to_client_date, 'DD-Mon-YY') - to_date(scheduled_delivery_date, 'DD-Mon-YY') AS bigint) AS days_late,
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
FROM bronze.shipments;
