-- One row per product the warehouse should order: how many, from whom, at what price.
-- For example: what should we order today? SELECT sku, quantity, vendor_id, value_eur FROM gold_operations.reorder_proposals ORDER BY value_eur DESC LIMIT 10;
CREATE MATERIALIZED VIEW gold_operations.reorder_proposals (
    sku COMMENT 'The product.',
    product_name COMMENT 'Its name today.',
    available COMMENT 'Pieces in the warehouse that are not promised to anyone.',
    on_order COMMENT 'Pieces ordered from vendors and not received.',
    issued_28_days COMMENT 'Pieces that left the warehouse in 28 days.',
    lead_days COMMENT 'Days the vendor needs; 7 where it does not say.',
    reorder_level COMMENT 'What leaves during lead_days and a week more, rounded up.',
    quantity COMMENT 'Pieces to order: 28 days'' more than the level, less what is there and on order.',
    vendor_id COMMENT 'The cheapest vendor that has the product, the first by number among equals.',
    unit_price_eur COMMENT 'What it asks for a piece, in euro.',
    value_eur COMMENT 'quantity x unit_price_eur; NULL where nobody offers the product.',
    PRIMARY KEY (sku)
)
COMMENT 'Products of which the warehouse has, with what is on order, less than it will need before new ones come.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH on_order AS (
    SELECT sku, sum(ordered - received) AS pieces
    FROM silver.purchase_orders
    WHERE status <> 'received'
    GROUP BY sku
),
offers AS (
    SELECT
        sku,
        vendor_id,
        lead_days,
        unit_price_eur,
        row_number() OVER (PARTITION BY sku ORDER BY unit_price_eur, vendor_id) AS place
    FROM silver.vendor_offers
    WHERE NOT discontinued AND available > 0
),
needs AS (
    SELECT
        stock.sku,
        stock.available,
        CAST(coalesce(on_order.pieces, 0) AS bigint) AS on_order,
        stock.issued_28_days,
        coalesce(offers.lead_days, 7) AS lead_days,
        -- Whole numbers, rounded up.
        (stock.issued_28_days * (coalesce(offers.lead_days, 7) + 7) + 27) / 28 AS reorder_level,
        offers.vendor_id,
        offers.unit_price_eur
    FROM gold_operations.stock_position AS stock
    LEFT JOIN on_order ON on_order.sku = stock.sku
    LEFT JOIN offers ON offers.sku = stock.sku AND offers.place = 1
    WHERE stock.location_id = '900'
)
SELECT
    needs.sku,
    products.name AS product_name,
    needs.available,
    needs.on_order,
    needs.issued_28_days,
    needs.lead_days,
    needs.reorder_level,
    needs.reorder_level + needs.issued_28_days - needs.available - needs.on_order AS quantity,
    needs.vendor_id,
    needs.unit_price_eur,
    CAST(
        (needs.reorder_level + needs.issued_28_days - needs.available - needs.on_order) * needs.unit_price_eur
        AS numeric(18, 2)
    ) AS value_eur
FROM needs
LEFT JOIN silver.products AS products ON products.sku = needs.sku
WHERE needs.available + needs.on_order < needs.reorder_level;
