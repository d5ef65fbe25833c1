-- One row per date as some delivery writes it and order of day, month and year, with the day it is in that order.
-- For example: what can 01-12-2016 mean? SELECT layout, day FROM silver.written_dates WHERE written = '01-12-2016';
-- REFRESH POLICY AUTO: a delivery brings few dates that none before it wrote.
CREATE MATERIALIZED VIEW silver.written_dates (
    written COMMENT 'As it was delivered, without blanks around it.',
    layout COMMENT 'mdy, dmy, ymd or ydm; words for dates whose month is one; 1900 or 1904 for days counted from then.',
    shape COMMENT 'What kind of numbers and words it is made of, and what is between them: only dates of one shape tell of one another.',
    short_year COMMENT 'Whether the year has two digits; then the century is taken for this one.',
    day COMMENT 'The day it is in this layout; NULL where that is none.',
    PRIMARY KEY (written, layout)
)
COMMENT 'Every way a date is written, and all it can mean: 1/13/2016, 01-12-16, 2016-01-12, 12-Jan-2016, 20160112, 120116, 42381.'
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
timed AS (
    SELECT
        written,
        regexp_replace(lower(written), '[ t][0-9]{1,2}:[0-9]{2}.*$', '') AS day_text,
        coalesce((regexp_match(lower(written), '[ t]([0-9]{1,2}:[0-9]{2}.*)$'))[1], '') AS time_text
    FROM delivered
    WHERE written <> ''
),
cleaned AS (
    SELECT
        written,
        -- Of what weekday it was, and 13th, and 42381.0, nothing is learned.
        regexp_replace(
            regexp_replace(
                regexp_replace(day_text, '^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +', ''),
                '([0-9])(st|nd|rd|th)([^a-z]|$)', '\1\3'
            ),
            '^([0-9]{5})\.0+$', '\1'
        ) AS day_text,
        -- Midnight says nothing; any other time may be another day's midnight elsewhere.
        CASE
            WHEN time_text ~ '^(0?0:00(:00(\.0+)?)?|12:00(:00)? ?am)( ?(z|utc|[+-][0-9:]+))?$' THEN ''
            ELSE time_text
        END AS time_text
    FROM timed
),
kinds AS (
    SELECT
        written,
        day_text,
        time_text,
        CASE
            WHEN day_text ~ '^[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ][0-9]{4}$' THEN 'n n yyyy'
            WHEN day_text ~ '^[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ][0-9]{2}$' THEN 'n n n'
            WHEN day_text ~ '^[0-9]{4}[-/. ][0-9]{1,2}[-/. ][0-9]{1,2}$' THEN 'yyyy n n'
            WHEN day_text ~ '^[0-9]{1,2}[-/. ]*[a-z]{3,9}[-/., ]*([0-9]{2}|[0-9]{4})$' THEN 'n word'
            WHEN day_text ~ '^[a-z]{3,9}[-/. ]*[0-9]{1,2}[-/., ]+([0-9]{2}|[0-9]{4})$' THEN 'word n'
            WHEN day_text ~ '^[0-9]{4}[-/. ]*[a-z]{3,9}[-/. ]*[0-9]{1,2}$' THEN 'yyyy word'
            WHEN day_text ~ '^[0-9]{8}$' THEN 'eight digits'
            WHEN day_text ~ '^[0-9]{6}$' THEN 'six digits'
            WHEN day_text ~ '^[0-9]{5}$' THEN 'serial'
        END AS kind
    FROM cleaned
),
readings AS (
    SELECT
        kinds.*,
        layouts.layout,
        concat(
            kinds.kind, ' ', translate(kinds.day_text, '0123456789abcdefghijklmnopqrstuvwxyz', ''), ' ', kinds.time_text
        ) AS shape,
        regexp_match(
            CASE
                WHEN kinds.kind = 'six digits'
                    THEN concat(substr(kinds.day_text, 1, 2), '-', substr(kinds.day_text, 3, 2), '-', substr(kinds.day_text, 5, 2))
                WHEN kinds.kind <> 'eight digits' THEN kinds.day_text
                WHEN layouts.layout IN ('ymd', 'ydm')
                    THEN concat(substr(kinds.day_text, 1, 4), '-', substr(kinds.day_text, 5, 2), '-', substr(kinds.day_text, 7, 2))
                ELSE concat(substr(kinds.day_text, 1, 2), '-', substr(kinds.day_text, 3, 2), '-', substr(kinds.day_text, 5, 4))
            END,
            '^[^0-9]*([0-9]+)([^0-9]+([0-9]+))??([^0-9]+([0-9]+))?$'
        ) AS numbers,
        -- A month is what an English name of one begins with, in twelve places of ten letters.
        (
            strpos(
                '|january  |february |march    |april    |may      |june     |july     |august   |september|october  |november |december ',
                '|' || (regexp_match(kinds.day_text, '([a-z]+)'))[1]
            ) + 9
        ) / 10 AS word_month
    FROM kinds
    INNER JOIN (
        VALUES
            ('n n yyyy', 'mdy'), ('n n yyyy', 'dmy'),
            ('n n n', 'mdy'), ('n n n', 'dmy'), ('n n n', 'ymd'), ('n n n', 'ydm'),
            ('yyyy n n', 'ymd'), ('yyyy n n', 'ydm'),
            ('n word', 'words'), ('word n', 'words'), ('yyyy word', 'words'),
            ('eight digits', 'mdy'), ('eight digits', 'dmy'), ('eight digits', 'ymd'), ('eight digits', 'ydm'),
            ('six digits', 'mdy'), ('six digits', 'dmy'), ('six digits', 'ymd'), ('six digits', 'ydm'),
            ('serial', '1900'), ('serial', '1904')
    ) AS layouts (kind, layout)
        ON layouts.kind = kinds.kind
),
parts AS (
    -- Of two numbers and a word the second is in the third place.
    SELECT
        written,
        layout,
        shape,
        day_text,
        kind IN ('n n n', 'six digits') OR (kind IN ('n word', 'word n') AND length(numbers[5]) = 2) AS short_year,
        CASE
            WHEN layout IN ('ymd', 'ydm') OR kind = 'yyyy word' THEN numbers[1]
            ELSE numbers[5]
        END AS year_text,
        CASE
            WHEN layout = 'mdy' THEN numbers[1]
            WHEN layout IN ('dmy', 'ymd') THEN numbers[3]
            WHEN layout = 'ydm' THEN numbers[5]
            WHEN layout = 'words' THEN CAST(word_month AS text)
        END AS month_text,
        CASE
            WHEN layout = 'dmy' OR kind IN ('n word', 'word n') THEN numbers[1]
            WHEN layout IN ('mdy', 'ydm') THEN numbers[3]
            ELSE numbers[5]
        END AS day_of_month
    FROM readings
),
dated AS (
    SELECT
        written,
        layout,
        shape,
        short_year,
        CASE layout
            WHEN '1900' THEN CAST(DATE '1899-12-30' + CAST(day_text AS integer) AS date)
            WHEN '1904' THEN CAST(DATE '1904-01-01' + CAST(day_text AS integer) AS date)
            ELSE try_cast(
                concat(
                    CASE length(year_text) WHEN 2 THEN '20' || year_text WHEN 4 THEN year_text END, '-',
                    lpad(month_text, 2, '0'), '-', lpad(day_of_month, 2, '0')
                ) AS date
            )
        END AS day
    FROM parts
)
SELECT
    written,
    layout,
    shape,
    short_year,
    CASE WHEN day BETWEEN DATE '1900-01-01' AND DATE '2099-12-31' THEN day END AS day
FROM dated;
