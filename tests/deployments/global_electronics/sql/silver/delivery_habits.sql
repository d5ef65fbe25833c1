-- One row per delivery with which part of a date it writes first, as far as its own dates prove it.
-- For example: which deliveries write the day first? SELECT delivery FROM silver.delivery_habits WHERE days_first > 0;
CREATE MATERIALIZED VIEW silver.delivery_habits (
    delivery COMMENT 'The folder it came in.',
    months_first COMMENT 'Dates that can only be read month first.',
    days_first COMMENT 'Dates that can only be read day first.',
    PRIMARY KEY (delivery)
)
COMMENT 'What a delivery''s unmistakable dates say of the others: 1/13/2016 proves that months come first.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT _source_file, trim(coalesce(order_date, orderdate)) AS written FROM bronze.sales
    UNION ALL
    SELECT _source_file, trim(coalesce(delivery_date, deliverydate)) FROM bronze.sales
    UNION ALL
    SELECT _source_file, trim(birthday) FROM bronze.customers
    UNION ALL
    SELECT _source_file, trim(open_date) FROM bronze.stores
    UNION ALL
    SELECT _source_file, trim(e.date) FROM bronze.exchange_rates AS e
)
SELECT
    regexp_replace(delivered._source_file, '/[^/]*$', '') AS delivery,
    count(CASE WHEN dates.day_first IS NULL THEN dates.month_first END) AS months_first,
    count(CASE WHEN dates.month_first IS NULL THEN dates.day_first END) AS days_first
FROM delivered
INNER JOIN silver.written_dates AS dates ON dates.written = delivered.written
GROUP BY 1;
