-- One row per delivery and date as it writes it, with the day it means there.
-- For example: what does 01-12-2016 mean? SELECT delivery, day FROM silver.read_dates WHERE written = '01-12-2016';
CREATE VIEW silver.read_dates AS
SELECT
    habits.delivery,
    dates.written,
    dates.month_first,
    dates.day_first,
    dates.short_year,
    -- Of two readings the delivery's own habit decides; where it has both, nothing does. Where it proves
    -- none, months come first, as they do with all this company's deliveries known so far.
    CASE
        WHEN dates.month_first = dates.day_first THEN dates.month_first
        WHEN dates.day_first IS NULL THEN dates.month_first
        WHEN dates.month_first IS NULL THEN dates.day_first
        WHEN habits.days_first = 0 THEN dates.month_first
        WHEN habits.months_first = 0 THEN dates.day_first
    END AS day
FROM silver.delivery_habits AS habits
CROSS JOIN silver.written_dates AS dates;
