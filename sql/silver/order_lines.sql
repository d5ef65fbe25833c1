-- One row per line of an accepted order, in the order's currency and in euro.
-- For example: which category sells most pieces? SELECT category, sum(quantity) FROM silver.order_lines GROUP BY category ORDER BY 2 DESC;
CREATE MATERIALIZED VIEW silver.order_lines (
    order_id COMMENT 'The order, as in silver.orders.',
    line COMMENT 'The line''s number on the receipt or in the basket.',
    order_day COMMENT 'The day of the order.',
    order_month COMMENT 'The first day of that month.',
    channel COMMENT 'store, web or app.',
    country COMMENT 'ISO 3166 code of the order''s country.',
    status COMMENT 'The order''s: placed, paid, cancelled or refunded.',
    sku COMMENT 'The product, eight digits.',
    product_name COMMENT 'The product''s name today.',
    category COMMENT 'The product''s category today.',
    quantity COMMENT 'Pieces.',
    currency COMMENT 'ISO 4217 code of unit_price and discount.',
    unit_price COMMENT 'Price of one piece, tax included.',
    discount COMMENT 'Taken off the whole line.',
    gross_eur COMMENT 'quantity x unit_price in euro, at the rate of the order day.',
    discount_eur COMMENT 'discount in euro.',
    tax_eur COMMENT 'Tax contained in what was charged, in euro.',
    cost_eur COMMENT 'What the pieces cost the shop, in euro.',
    CONSTRAINT line_has_number EXPECT (order_id IS NOT NULL AND line IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT product_is_known EXPECT (product_name IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT price_is_positive EXPECT (unit_price > 0) ON VIOLATION DROP ROW,
    CONSTRAINT amounts_are_known EXPECT (gross_eur IS NOT NULL AND discount_eur IS NOT NULL AND tax_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT quantity_is_positive EXPECT (quantity > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT quantity_is_plausible EXPECT (quantity < 1000),
    CONSTRAINT discount_is_below_price EXPECT (discount_eur <= gross_eur),
    PRIMARY KEY (order_id, line)
)
PARTITIONED BY (order_month)
COMMENT 'Order lines of all channels with their amounts in euro.'
SCHEDULE EVERY 5 MINUTES
REFRESH POLICY INCREMENTAL
AS
WITH till_lines AS (
    SELECT
        lpad(trim(coalesce(store, store_id)), 3, '0') || '-' || trim(coalesce(receipt, receipt_no)) AS order_id,
        try_cast(coalesce(line, line_no) AS bigint) AS line,
        try_cast(coalesce(rev, revision) AS bigint) AS revision,
        lpad(trim(coalesce(sku, article)), 8, '0') AS sku,
        try_cast(coalesce(qty, quantity) AS bigint) AS quantity,
        try_cast(regexp_replace(unit_price, '[^0-9.-]', '', 'g') AS numeric(12, 2)) AS unit_price,
        -- Old tills leave the discount out where there is none.
        coalesce(
            try_cast(nullif(regexp_replace(coalesce(discount, line_discount), '[^0-9.-]', '', 'g'), '') AS numeric(12, 2)),
            0.00
        ) AS discount
    FROM bronze.store_sales
),
ranked_till_lines AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY order_id, line
            ORDER BY revision DESC NULLS LAST, sku, quantity, unit_price, discount
        ) AS place
    FROM till_lines
),
placed AS (
    SELECT
        order_id,
        items,
        row_number() OVER (PARTITION BY order_id ORDER BY sequence DESC NULLS LAST, event_at DESC NULLS LAST) AS place
    FROM bronze.online_orders
    WHERE event = 'placed' AND order_id IS NOT NULL
),
items AS (
    SELECT order_id, unnest(items) AS item
    FROM placed
    WHERE place = 1
),
basket_lines AS (
    SELECT
        order_id,
        CAST(item['line'] AS bigint) AS line,
        lpad(trim(item['sku']), 8, '0') AS sku,
        CAST(item['quantity'] AS bigint) AS quantity,
        try_cast(item['unit_price'] AS numeric(12, 2)) AS unit_price,
        try_cast(item['discount'] AS numeric(12, 2)) AS discount
    FROM items
),
ranked_basket_lines AS (
    -- A basket may name a line twice; as at the tills, one of them counts.
    SELECT
        *,
        row_number() OVER (PARTITION BY order_id, line ORDER BY sku, quantity, unit_price, discount) AS place
    FROM basket_lines
),
all_lines AS (
    SELECT order_id, line, sku, quantity, unit_price, discount
    FROM ranked_till_lines
    WHERE place = 1 OR line IS NULL
    UNION ALL
    SELECT order_id, line, sku, quantity, unit_price, discount
    FROM ranked_basket_lines
    WHERE place = 1 OR line IS NULL
)
SELECT
    lines.order_id,
    lines.line,
    orders.order_day,
    orders.order_month,
    orders.channel,
    orders.country,
    orders.status,
    lines.sku,
    products.name AS product_name,
    products.category,
    lines.quantity,
    orders.currency,
    lines.unit_price,
    lines.discount,
    -- What is too much for any amount is none.
    try_cast(round(try_cast(lines.quantity * lines.unit_price AS numeric(14, 2)) / orders.rate, 2) AS numeric(18, 2)) AS gross_eur,
    try_cast(round(lines.discount / orders.rate, 2) AS numeric(18, 2)) AS discount_eur,
    try_cast(
        round(
            try_cast((lines.quantity * lines.unit_price - lines.discount) * orders.tax_percent AS numeric(16, 2))
            / nullif(try_cast((100 + orders.tax_percent) * orders.rate AS numeric(16, 8)), 0),
            2
        )
        AS numeric(18, 2)
    ) AS tax_eur,
    try_cast(lines.quantity * products.unit_cost_eur AS numeric(18, 2)) AS cost_eur
FROM all_lines AS lines
INNER JOIN silver.orders AS orders ON orders.order_id = lines.order_id
LEFT JOIN silver.products AS products ON products.sku = lines.sku;
