-- One row per delivery, shape of dates in it and layout, with what speaks for that layout there and what against it.
-- For example: which deliveries write the day first? SELECT DISTINCT delivery, shape FROM silver.delivery_habits WHERE layout = 'dmy' AND confirmed > 0 AND contradicted = 0;
-- REFRESH POLICY AUTO: a delivery of other dates moves the counts of one delivery only.
CREATE MATERIALIZED VIEW silver.delivery_habits (
    delivery COMMENT 'The folder it came in.',
    shape COMMENT 'As in silver.written_dates.',
    layout COMMENT 'As in silver.written_dates.',
    unreadable COMMENT 'Dates of this shape, in any file of the delivery, that are no day in this layout.',
    confirmed COMMENT 'Order dates of the delivery that are, in this layout, the day the order''s number says.',
    contradicted COMMENT 'Order dates of the delivery that are not.',
    PRIMARY KEY (delivery, shape, layout)
)
COMMENT 'What order numbers and unmistakable dates say of the others: order 379000 of 1/13/2016 proves that months come first.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH orders AS (
    -- Order 366000 is the first of 2016-01-01, 367000 that of the day after.
    SELECT DISTINCT
        regexp_replace(_source_file, '/[^/]*$', '') AS delivery,
        trim(coalesce(order_date, orderdate)) AS written,
        try_cast(coalesce(order_number, ordernumber) AS bigint) / 1000 AS days
    FROM bronze.sales
),
votes AS (
    SELECT
        orders.delivery,
        dates.shape,
        dates.layout,
        count(CASE WHEN dates.day = DATE '2014-12-31' + CAST(orders.days AS integer) THEN 1 END) AS confirmed,
        count(*) AS votes
    FROM orders
    INNER JOIN silver.written_dates AS dates ON dates.written = orders.written
    WHERE orders.days BETWEEN 366 AND 3999
    GROUP BY orders.delivery, dates.shape, dates.layout
),
delivered AS (
    SELECT regexp_replace(_source_file, '/[^/]*$', '') AS delivery, trim(coalesce(order_date, orderdate)) AS written
    FROM bronze.sales
    UNION
    SELECT regexp_replace(_source_file, '/[^/]*$', ''), trim(coalesce(delivery_date, deliverydate))
    FROM bronze.sales
    UNION
    SELECT regexp_replace(_source_file, '/[^/]*$', ''), trim(birthday)
    FROM bronze.customers
    UNION
    SELECT regexp_replace(_source_file, '/[^/]*$', ''), trim(open_date)
    FROM bronze.stores
    UNION
    SELECT regexp_replace(e._source_file, '/[^/]*$', ''), trim(e.date)
    FROM bronze.exchange_rates AS e
),
read AS (
    SELECT
        delivered.delivery,
        dates.shape,
        dates.layout,
        count(*) - count(dates.day) AS unreadable
    FROM delivered
    INNER JOIN silver.written_dates AS dates ON dates.written = delivered.written
    GROUP BY delivered.delivery, dates.shape, dates.layout
)
SELECT
    read.delivery,
    read.shape,
    read.layout,
    read.unreadable,
    coalesce(votes.confirmed, 0) AS confirmed,
    coalesce(votes.votes - votes.confirmed, 0) AS contradicted
FROM read
LEFT JOIN votes
    ON votes.delivery = read.delivery AND votes.shape = read.shape AND votes.layout = read.layout;
