-- One row per product and location with what is there, what is promised, and how long it lasts.
-- For example: what will the warehouse run out of this week? SELECT sku, available, days_of_cover FROM gold_operations.stock_position WHERE location_id = '900' AND days_of_cover < 7 ORDER BY days_of_cover;
-- REFRESH POLICY AUTO, because each day moves the 28 days of every location: what follows from the changes is
-- all of it.
CREATE MATERIALIZED VIEW gold_operations.stock_position (
    location_id COMMENT 'The store; 900 is the warehouse.',
    sku COMMENT 'The product.',
    as_of COMMENT 'The newest day the location has stock of; the 28 days end with it.',
    counted_on COMMENT 'The newest day on which the product moved there or was counted.',
    on_hand COMMENT 'Pieces there.',
    status COMMENT 'available, inspection or blocked.',
    reserved COMMENT 'Pieces of paid orders online that no carrier has picked up; they wait in the warehouse.',
    available COMMENT 'on_hand, or nothing when inspected or blocked, less reserved; below zero when more is promised than there is.',
    issued_28_days COMMENT 'Pieces that left during the 28 days up to as_of.',
    days_of_cover COMMENT 'For how many days on_hand lasts at the pace of those 28 days; NULL when nothing left.',
    stockout_days COMMENT 'Days of the 28 on which the product moved and none was left in the evening.',
    is_stockout COMMENT 'Whether none is there.',
    PRIMARY KEY (location_id, sku)
)
COMMENT 'Stock now: on hand, reserved, available, days of cover, stock-outs.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY AUTO
AS
WITH newest_days AS (
    SELECT location_id, max(day) AS as_of
    FROM silver.inventory_daily
    GROUP BY location_id
),
ranked AS (
    SELECT
        location_id,
        sku,
        day,
        on_hand,
        status,
        row_number() OVER (PARTITION BY location_id, sku ORDER BY day DESC) AS place
    FROM silver.inventory_daily
),
recent AS (
    SELECT
        stock.location_id,
        stock.sku,
        sum(stock.issued) AS issued,
        sum(CASE WHEN stock.on_hand = 0 THEN 1 ELSE 0 END) AS stockout_days
    FROM silver.inventory_daily AS stock
    INNER JOIN newest_days ON newest_days.location_id = stock.location_id
    WHERE stock.day > newest_days.as_of - 28
    GROUP BY stock.location_id, stock.sku
),
reserved AS (
    SELECT '900' AS location_id, lines.sku, sum(lines.quantity) AS pieces
    FROM silver.order_lines AS lines
    LEFT JOIN silver.shipments AS shipments ON shipments.order_id = lines.order_id
    WHERE lines.channel <> 'store' AND lines.status IN ('paid', 'refunded') AND shipments.shipment_id IS NULL
    GROUP BY lines.sku
),
positions AS (
    SELECT
        stock.location_id,
        stock.sku,
        newest_days.as_of,
        stock.day AS counted_on,
        stock.on_hand,
        stock.status,
        CAST(coalesce(reserved.pieces, 0) AS bigint) AS reserved,
        CAST(coalesce(recent.issued, 0) AS bigint) AS issued,
        CAST(coalesce(recent.stockout_days, 0) AS bigint) AS stockout_days
    FROM ranked AS stock
    INNER JOIN newest_days ON newest_days.location_id = stock.location_id
    LEFT JOIN recent ON recent.location_id = stock.location_id AND recent.sku = stock.sku
    LEFT JOIN reserved ON reserved.location_id = stock.location_id AND reserved.sku = stock.sku
    WHERE stock.place = 1
)
SELECT
    location_id,
    sku,
    as_of,
    counted_on,
    on_hand,
    status,
    reserved,
    CASE WHEN status = 'available' THEN on_hand ELSE 0 END - reserved AS available,
    issued AS issued_28_days,
    CAST(round(CAST(on_hand * 28 AS numeric(18, 4)) / nullif(issued, 0), 1) AS numeric(12, 1)) AS days_of_cover,
    stockout_days,
    on_hand = 0 AS is_stockout
FROM positions;
