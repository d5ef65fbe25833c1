-- One row per month and kind of visitor with how many sessions ended in a purchase.
-- For example: do new visitors buy? SELECT visitor_type, sum(purchases) * 1.0 / sum(sessions) FROM gold_marketing.session_conversion GROUP BY 1;
-- REFRESH POLICY AUTO: the export comes whole, so that following it touches every group.
CREATE MATERIALIZED VIEW gold_marketing.session_conversion (
    month COMMENT '1 to 12; the export spells June in two ways.',
    visitor_type COMMENT 'Returning_Visitor, New_Visitor or Other.',
    sessions COMMENT 'Sessions, as delivered: without an id none can be told to be a repetition.',
    purchases COMMENT 'Those with a purchase.',
    page_value COMMENT 'The average value of their pages.',
    CONSTRAINT month_is_known EXPECT (month BETWEEN 1 AND 12) ON VIOLATION QUARANTINE ROW,
    CONSTRAINT values_are_readable EXPECT (page_value IS NOT NULL) ON VIOLATION QUARANTINE ROW,
    PRIMARY KEY (month, visitor_type)
)
COMMENT 'Conversion of the shop''s sessions.'
SCHEDULE EVERY 1 HOURS
REFRESH POLICY AUTO
AS
SELECT
    CAST((strpos('janfebmaraprmayjunjulaugsepoctnovdec', lower(substr(month, 1, 3))) + 2) / 3 AS bigint) AS month,
    visitortype AS visitor_type,
    count(*) AS sessions,
    count(CASE WHEN upper(revenue) = 'TRUE' THEN 1 END) AS purchases,
    CASE
        WHEN count(try_cast(pagevalues AS numeric(30, 12))) = count(*) THEN
            CAST(round(CAST(sum(try_cast(pagevalues AS numeric(30, 12))) AS numeric(30, 12)) / count(*), 4) AS numeric(18, 4))
    END AS page_value
FROM bronze.shop_sessions
GROUP BY 1, 2;
