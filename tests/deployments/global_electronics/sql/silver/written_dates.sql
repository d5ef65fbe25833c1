-- One row per date as some delivery writes it, with what it may mean: month first and day first.
-- For example: which dates can be read in two ways? SELECT written FROM silver.written_dates WHERE month_first <> day_first;
CREATE MATERIALIZED VIEW silver.written_dates (
    written COMMENT 'As it was delivered, without blanks around it.',
    month_first COMMENT 'The day it is, read month first; NULL where that is none.',
    day_first COMMENT 'The day it is, read day first; the same where it can be read in one way only.',
    short_year COMMENT 'Whether the year has two digits; then the century is taken for this one.',
    PRIMARY KEY (written)
)
COMMENT 'Every way a date is written, and what it can mean: 1/13/2016, 01-12-2016, 01-12-16, 2016-01-12, 12-Jan-2016, 42381.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
WITH delivered AS (
    SELECT trim(coalesce(order_date, orderdate)) AS written FROM bronze.sales
    UNION
    SELECT trim(coalesce(delivery_date, deliverydate)) FROM bronze.sales
    UNION
    SELECT trim(birthday) FROM bronze.customers
    UNION
    SELECT trim(open_date) FROM bronze.stores
    UNION
    SELECT trim(e.date) FROM bronze.exchange_rates AS e
),
dated AS (
    -- A time of day says nothing here.
    SELECT written, regexp_replace(written, '[ T][0-9]{1,2}:[0-9]{2}.*$', '') AS day_text
    FROM delivered
    WHERE written <> ''
),
shaped AS (
    SELECT
        written,
        day_text,
        CASE
            WHEN regexp_like(day_text, '^[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ]([0-9]{2}|[0-9]{4})$') THEN 'numbers'
            WHEN regexp_like(day_text, '^[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}$') THEN 'year first'
            WHEN regexp_like(day_text, '^[0-9]{1,2}[- /]?[A-Za-z]{3,9}[- /,]*([0-9]{2}|[0-9]{4})$') THEN 'day and word'
            WHEN regexp_like(day_text, '^[A-Za-z]{3,9}[- /]?[0-9]{1,2}[- /,]+([0-9]{2}|[0-9]{4})$') THEN 'word and day'
            WHEN regexp_like(day_text, '^[0-9]{8}$') THEN 'digits'
            WHEN regexp_like(day_text, '^[0-9]{5}$') THEN 'serial'
        END AS shape
    FROM dated
),
parts AS (
    SELECT
        written,
        day_text,
        shape,
        regexp_replace(day_text, '^([0-9]+)[^0-9].*$', '\1') AS first_part,
        regexp_replace(day_text, '^[0-9]+[^0-9]([0-9]+)[^0-9].*$', '\1') AS second_part,
        regexp_replace(day_text, '^.*[^0-9]([0-9]+)$', '\1') AS last_part,
        (strpos('janfebmaraprmayjunjulaugsepoctnovdec', lower(substr(regexp_replace(day_text, '[^A-Za-z]', '', 'g'), 1, 3))) + 2) / 3 AS month_word
    FROM shaped
),
years AS (
    SELECT
        *,
        CASE WHEN length(last_part) = 2 THEN '20' || last_part ELSE last_part END AS last_year,
        shape IN ('numbers', 'day and word', 'word and day') AND length(last_part) = 2 AS short_year,
        lpad(CAST(month_word AS text), 2, '0') AS word_month
    FROM parts
),
readings AS (
    SELECT
        written,
        short_year,
        CASE shape
            WHEN 'numbers' THEN try_cast(last_year || '-' || lpad(first_part, 2, '0') || '-' || lpad(second_part, 2, '0') AS date)
            WHEN 'year first' THEN try_cast(first_part || '-' || lpad(second_part, 2, '0') || '-' || lpad(last_part, 2, '0') AS date)
            WHEN 'day and word' THEN try_cast(last_year || '-' || word_month || '-' || lpad(regexp_replace(day_text, '^([0-9]+).*$', '\1'), 2, '0') AS date)
            WHEN 'word and day' THEN try_cast(last_year || '-' || word_month || '-' || lpad(regexp_replace(day_text, '^[^0-9]+([0-9]+).*$', '\1'), 2, '0') AS date)
            WHEN 'digits' THEN try_cast(substr(day_text, 1, 4) || '-' || substr(day_text, 5, 2) || '-' || substr(day_text, 7, 2) AS date)
            -- Days as spreadsheets count them.
            WHEN 'serial' THEN CAST(DATE '1899-12-30' + CAST(day_text AS integer) AS date)
        END AS month_first,
        CASE shape
            WHEN 'numbers' THEN try_cast(last_year || '-' || lpad(second_part, 2, '0') || '-' || lpad(first_part, 2, '0') AS date)
        END AS swapped,
        shape
    FROM years
)
SELECT
    written,
    month_first,
    CASE WHEN shape = 'numbers' THEN swapped ELSE month_first END AS day_first,
    short_year
FROM readings;
