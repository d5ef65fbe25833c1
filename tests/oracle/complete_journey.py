"""The Complete Journey's views, worked out by DuckDB from the same Parquet files.

FACTS is the folder with them.
"""

from compare import main


def prepare(connection, facts):
    for file in sorted(facts.glob("*.parquet")):
        connection.execute(f"CREATE VIEW raw_{file.stem} AS FROM '{file}'")
    connection.execute(
        """
        CREATE TABLE lines AS
        SELECT basket_id, product_id, household_id, store_id, week, transaction_timestamp AS sold_at, quantity,
               round(sales_value, 2)::DECIMAL(12, 2) AS sales_usd, round(retail_disc, 2)::DECIMAL(12, 2) AS retail_discount_usd,
               round(coupon_disc + coupon_match_disc, 2)::DECIMAL(12, 2) AS coupon_discount_usd, department
        FROM raw_transactions LEFT JOIN raw_products USING (product_id)
        WHERE quantity > 0 AND sales_value >= 0;
        """
    )


main(
    prepare,
    {
        "silver.basket_lines": "FROM lines",
        "gold_marketing.campaign_performance": """
            SELECT campaign_id, campaign_type, date_diff('day', start_date, end_date) + 1 AS days,
                   (SELECT count(DISTINCT household_id) FROM raw_campaigns c WHERE c.campaign_id = d.campaign_id) AS households,
                   (SELECT count(DISTINCT household_id) FROM raw_coupon_redemptions c WHERE c.campaign_id = d.campaign_id)
                       AS redeemers,
                   (SELECT count(*) FROM raw_coupon_redemptions c WHERE c.campaign_id = d.campaign_id) AS redemptions,
                   coalesce((SELECT sum(sales_usd) FROM lines
                             WHERE sold_at BETWEEN d.start_date AND d.end_date + INTERVAL 86399 SECOND
                               AND household_id IN (SELECT household_id FROM raw_campaigns c
                                                    WHERE c.campaign_id = d.campaign_id)), 0)::DECIMAL(18, 2) AS sales_usd
            FROM raw_campaign_descriptions d""",
        "gold_marketing.promotion_lift": """
            WITH flagged AS (
                SELECT *, EXISTS (SELECT 1 FROM raw_promotions p
                                  WHERE p.product_id = l.product_id AND p.store_id = l.store_id AND p.week = l.week
                                    AND NOT (display_location = '0' AND mailer_location = '0')) AS promoted
                FROM lines l)
            SELECT coalesce(department, 'UNKNOWN') AS department, count(*) AS lines,
                   count(*) FILTER (promoted) AS promoted_lines, sum(sales_usd)::DECIMAL(18, 2) AS sales_usd,
                   coalesce(sum(sales_usd) FILTER (promoted), 0)::DECIMAL(18, 2) AS promoted_sales_usd
            FROM flagged GROUP BY ALL""",
    },
)
