-- One row per line of an order, in US dollars and in the order's currency.
-- For example: what did the web shop sell in 2020? SELECT sum(revenue_usd) FROM silver.order_lines WHERE store_key = 0 AND order_date >= DATE '2020-01-01' AND order_date < DATE '2021-01-01';
-- REFRESH POLICY AUTO: a delivery says all the ones before it said, so that following it may touch every row.
CREATE MATERIALIZED VIEW silver.order_lines (
    order_number COMMENT 'The company''s number of the order: thousands count the days from the end of 2014.',
    line_item COMMENT 'The line within the order.',
    order_date COMMENT 'The day of the order.',
    delivery_date COMMENT 'The day it was delivered; NULL in stores.',
    customer_key COMMENT 'Who bought.',
    store_key COMMENT 'Where; 0 is the web shop.',
    product_key COMMENT 'What.',
    quantity COMMENT 'Pieces.',
    currency COMMENT 'ISO 4217 code of what was paid in.',
    unit_price_usd COMMENT 'Price of one piece.',
    revenue_usd COMMENT 'quantity x unit_price_usd.',
    revenue_local COMMENT 'revenue_usd in the order''s currency, at the rate of the order day.',
    CONSTRAINT line_has_key EXPECT (order_number IS NOT NULL AND line_item IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT dates_are_certain EXPECT (order_date IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT quantity_is_positive EXPECT (quantity > 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT price_is_known EXPECT (unit_price_usd IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT rate_is_known EXPECT (revenue_local IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (order_number, line_item)
)
COMMENT 'Order lines, each once however often it was delivered.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT
        try_cast(coalesce(order_number, ordernumber) AS bigint) AS order_number,
        try_cast(coalesce(line_item, lineitem) AS bigint) AS line_item,
        trim(coalesce(order_date, orderdate)) AS order_text,
        coalesce(trim(delivery_date), trim(deliverydate), '') AS delivery_text,
        try_cast(coalesce(customerkey, customer_key) AS bigint) AS customer_key,
        try_cast(coalesce(storekey, store_key) AS bigint) AS store_key,
        try_cast(coalesce(productkey, product_key) AS bigint) AS product_key,
        try_cast(quantity AS bigint) AS quantity,
        upper(trim(coalesce(currency_code, currency))) AS currency,
        regexp_replace(_source_file, '/[^/]*$', '') AS delivery
    FROM bronze.sales
),
numbered AS (
    -- Order 366000 is the first of 2016-01-01, 367000 that of the day after: the number tells which of two
    -- readings of a date is the right one.
    SELECT
        *,
        CASE
            WHEN order_number BETWEEN 366000 AND 3999999
                THEN CAST(DATE '2014-12-31' + CAST(order_number / 1000 AS integer) AS date)
        END AS numbered_day
    FROM delivered
),
meanings AS (
    SELECT DISTINCT written, day
    FROM silver.written_dates
    WHERE day IS NOT NULL
),
ordered AS (
    SELECT
        numbered.*,
        CASE
            WHEN numbered.numbered_day IS NULL THEN dates.day
            ELSE meanings.day
        END AS order_date
    FROM numbered
    LEFT JOIN silver.read_dates AS dates
        ON dates.written = numbered.order_text AND dates.delivery = numbered.delivery
    LEFT JOIN meanings
        ON meanings.written = numbered.order_text AND meanings.day = numbered.numbered_day
),
near AS (
    SELECT orders.order_date, orders.delivery_text, min(meanings.day) AS nearest, max(meanings.day) AS farthest
    FROM (SELECT DISTINCT order_date, delivery_text FROM ordered) AS orders
    INNER JOIN meanings
        ON
            meanings.written = orders.delivery_text
            AND meanings.day BETWEEN orders.order_date AND orders.order_date + 26
    GROUP BY orders.order_date, orders.delivery_text
),
dated AS (
    -- Deliveries take days; where the delivery's habit is not known, one meaning that is within four weeks is the right one.
    SELECT
        ordered.*,
        CASE
            WHEN dates.day IS NOT NULL THEN
                CASE WHEN dates.day BETWEEN ordered.order_date AND ordered.order_date + 26 THEN dates.day END
            WHEN near.nearest = near.farthest THEN near.nearest
        END AS delivery_date
    FROM ordered
    LEFT JOIN silver.read_dates AS dates
        ON dates.written = ordered.delivery_text AND dates.delivery = ordered.delivery
    LEFT JOIN near ON near.order_date = ordered.order_date AND near.delivery_text = ordered.delivery_text
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY order_number, line_item
            ORDER BY
                order_date NULLS LAST,
                delivery_date NULLS LAST,
                quantity,
                product_key,
                customer_key,
                store_key,
                currency
        ) AS place
    FROM dated
)
SELECT
    lines.order_number,
    lines.line_item,
    -- An order whose delivery cannot be dated has no certain dates at all.
    CASE WHEN lines.delivery_text = '' OR lines.delivery_date IS NOT NULL THEN lines.order_date END AS order_date,
    lines.delivery_date,
    lines.customer_key,
    lines.store_key,
    lines.product_key,
    lines.quantity,
    lines.currency,
    products.unit_price_usd,
    CAST(lines.quantity * products.unit_price_usd AS numeric(18, 2)) AS revenue_usd,
    CAST(lines.quantity * products.unit_price_usd * rates.rate AS numeric(18, 6)) AS revenue_local
FROM ranked AS lines
LEFT JOIN silver.products AS products ON products.product_key = lines.product_key
LEFT JOIN silver.exchange_rates AS rates ON rates.day = lines.order_date AND rates.currency = lines.currency
WHERE lines.place = 1;
