-- One row per purchase order as it stands now: what was ordered, promised and received.
-- For example: what is overdue? SELECT po_number, vendor_id, promised_on FROM silver.purchase_orders WHERE status <> 'received' AND promised_on < DATE '2026-10-31';
CREATE MATERIALIZED VIEW silver.purchase_orders (
    po_number COMMENT 'Procurement''s number.',
    vendor_id COMMENT 'The vendor, as in silver.vendors.',
    sku COMMENT 'The product, eight digits.',
    ordered_on COMMENT 'The day of the order.',
    ordered_month COMMENT 'The first day of that month.',
    promised_on COMMENT 'The day by which the vendor promised delivery.',
    ordered COMMENT 'Pieces ordered.',
    received COMMENT 'Pieces received so far.',
    unit_cost COMMENT 'Price of one piece.',
    currency COMMENT 'ISO 4217 code of unit_cost.',
    ordered_eur COMMENT 'ordered x unit_cost in euro, at the rate of ordered_on.',
    received_eur COMMENT 'received x unit_cost in euro, at the rate of last_received_on; 0 before.',
    first_received_on COMMENT 'When the first pieces came.',
    last_received_on COMMENT 'When the newest pieces came.',
    status COMMENT 'open, partial or received.',
    days_late COMMENT 'From promised_on to last_received_on; below zero when early, NULL before all pieces came.',
    CONSTRAINT order_has_number EXPECT (po_number IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT order_has_date EXPECT (ordered_on IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT quantities_are_known EXPECT (ordered > 0 AND received >= 0) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT cost_is_known EXPECT (ordered_eur IS NOT NULL AND received_eur IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT promise_is_known EXPECT (promised_on IS NOT NULL),
    CONSTRAINT no_more_than_ordered EXPECT (received <= ordered),
    PRIMARY KEY (po_number)
)
PARTITIONED BY (ordered_month)
COMMENT 'Purchase orders, the newest revision of each, dates in words made into dates.'
TRIGGER ON UPDATE AT MOST EVERY INTERVAL 1 MINUTE
REFRESH POLICY INCREMENTAL
AS
WITH words AS (
    -- 13-OCT-2026, 13 October 2026, October 13th, 2026: a month's name, a number of one or two digits, a year.
    SELECT
        nullif(trim(po_number), '') AS po_number,
        upper(trim(supplier)) AS vendor_id,
        lpad(trim(item), 8, '0') AS sku,
        try_cast(revision AS bigint) AS revision,
        try_cast(split_part(ordered_qty, ' ', 1) AS bigint) AS ordered,
        try_cast(split_part(received_qty, ' ', 1) AS bigint) AS received,
        try_cast(replace(unit_cost, ',', '') AS numeric(12, 2)) AS unit_cost,
        upper(trim(currency)) AS currency,
        order_date,
        promised_date,
        last_receipt,
        status,
        'JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC' AS months
    FROM bronze.purchase_orders
),
received AS (
    -- Of all revisions it counts when pieces came; what else they say, of the newest one only.
    SELECT
        *,
        try_cast(
            concat(
                (regexp_match(last_receipt, '([0-9]{4})'))[1], '-',
                CAST((strpos(months, upper((regexp_match(last_receipt, '([A-Za-z]{3})'))[1])) + 2) / 3 AS text), '-',
                (regexp_match(last_receipt, '(^|[^0-9])([0-9]{1,2})([^0-9]|$)'))[2]
            ) AS date
        ) AS last_received_on
    FROM words
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY po_number
            ORDER BY revision DESC NULLS LAST, received DESC NULLS LAST, ordered, unit_cost, promised_date
        ) AS place,
        min(last_received_on) OVER (PARTITION BY po_number) AS first_received_on
    FROM received
),
parsed AS (
    SELECT
        po_number,
        vendor_id,
        sku,
        ordered,
        received,
        unit_cost,
        currency,
        promised_date,
        first_received_on,
        last_received_on,
        CASE upper(trim(status))
            WHEN 'OPEN' THEN 'open'
            WHEN 'PARTIALLY RECEIVED' THEN 'partial'
            WHEN 'RECEIVED' THEN 'received'
        END AS status,
        try_cast(
            concat(
                (regexp_match(order_date, '([0-9]{4})'))[1], '-',
                CAST((strpos(months, upper((regexp_match(order_date, '([A-Za-z]{3})'))[1])) + 2) / 3 AS text), '-',
                (regexp_match(order_date, '(^|[^0-9])([0-9]{1,2})([^0-9]|$)'))[2]
            ) AS date
        ) AS ordered_on,
        try_cast(
            concat(
                (regexp_match(promised_date, '([0-9]{4})'))[1], '-',
                CAST((strpos(months, upper((regexp_match(replace(promised_date, 'end of ', ''), '([A-Za-z]{3})'))[1])) + 2) / 3 AS text), '-',
                CASE
                    WHEN promised_date LIKE 'end of %' THEN '1'
                    ELSE (regexp_match(promised_date, '(^|[^0-9])([0-9]{1,2})([^0-9]|$)'))[2]
                END
            ) AS date
        ) AS promised_day,
        try_cast((regexp_match(promised_date, 'in ([0-9]{1,3}) (day|week)'))[1] AS bigint) AS promised_after,
        CASE (regexp_match(promised_date, 'in ([0-9]{1,3}) (day|week)'))[2] WHEN 'week' THEN 7 ELSE 1 END AS promised_unit
    FROM ranked
    WHERE place = 1 OR po_number IS NULL
),
current_orders AS (
    SELECT
        *,
        CASE
            WHEN promised_after IS NOT NULL THEN ordered_on + CAST(promised_after * promised_unit AS integer)
            WHEN promised_date LIKE 'end of %' THEN CAST(promised_day + INTERVAL '1 month' - INTERVAL '1 day' AS date)
            ELSE promised_day
        END AS promised_on
    FROM parsed
)
SELECT
    orders.po_number,
    orders.vendor_id,
    orders.sku,
    orders.ordered_on,
    CAST(date_trunc('month', orders.ordered_on) AS date) AS ordered_month,
    orders.promised_on,
    orders.ordered,
    orders.received,
    orders.unit_cost,
    orders.currency,
    try_cast(round(try_cast(orders.ordered * orders.unit_cost AS numeric(18, 2)) / order_rates.rate, 2) AS numeric(18, 2)) AS ordered_eur,
    CASE
        WHEN orders.received = 0 THEN CAST(0 AS numeric(18, 2))
        ELSE try_cast(round(try_cast(orders.received * orders.unit_cost AS numeric(18, 2)) / receipt_rates.rate, 2) AS numeric(18, 2))
    END AS received_eur,
    orders.first_received_on,
    orders.last_received_on,
    orders.status,
    CASE WHEN orders.status = 'received' THEN orders.last_received_on - orders.promised_on END AS days_late
FROM current_orders AS orders
LEFT JOIN silver.currency_rates AS order_rates
    ON order_rates.currency = orders.currency AND order_rates.day = orders.ordered_on
LEFT JOIN silver.currency_rates AS receipt_rates
    ON receipt_rates.currency = orders.currency AND receipt_rates.day = orders.last_received_on;
