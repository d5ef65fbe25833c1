-- One row per delivery and date as it may write it, with the day it means there, where that is proven.
-- For example: what does 01-12-2016 mean? SELECT delivery, day FROM silver.read_dates WHERE written = '01-12-2016';
CREATE VIEW silver.read_dates AS
WITH understood AS (
    -- A layout is proven by the delivery's order numbers, none of which may contradict it, nor may any of its dates.
    SELECT
        *,
        confirmed > 0 AND contradicted = 0 AND unreadable = 0 AS is_proven,
        max(confirmed + contradicted) OVER (PARTITION BY delivery, shape) AS votes,
        bool_or(confirmed > 0 AND contradicted = 0) OVER (PARTITION BY delivery, shape) AS has_layout
    FROM silver.delivery_habits
),
meant AS (
    SELECT
        habits.delivery,
        dates.written,
        dates.short_year,
        count(CASE WHEN habits.is_proven THEN 1 END) AS proven,
        min(CASE WHEN habits.is_proven THEN dates.day END) AS proven_day,
        max(CASE WHEN habits.is_proven THEN dates.day END) AS other_proven_day,
        -- Where nobody votes, or the votes agree, a date of one meaning only is that day. Serials have two always.
        min(CASE WHEN habits.has_layout OR habits.votes = 0 THEN dates.day END) AS first_day,
        max(CASE WHEN habits.has_layout OR habits.votes = 0 THEN dates.day END) AS last_day
    FROM understood AS habits
    INNER JOIN silver.written_dates AS dates ON dates.shape = habits.shape AND dates.layout = habits.layout
    GROUP BY habits.delivery, dates.written, dates.short_year
)
SELECT
    delivery,
    written,
    short_year,
    CASE
        WHEN proven > 0 AND proven_day = other_proven_day THEN proven_day
        WHEN proven = 0 AND first_day = last_day THEN first_day
    END AS day
FROM meant;
