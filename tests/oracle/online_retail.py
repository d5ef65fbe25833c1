"""The Online Retail views, worked out by DuckDB from the raw files.

FACTS is a landing folder: online_retail/by-day/*.csv and ecb_fx/*.csv.
"""

from compare import cents, main, ratio


def prepare(connection, landing):
    connection.execute(
        f"""
        CREATE TABLE raw AS
        FROM read_csv('{landing}/online_retail/by-day/*.csv', header = true, all_varchar = true,
                      delim = ',', quote = '"', union_by_name = true);
        CREATE TABLE lines AS
        SELECT InvoiceNo AS invoice_no, StockCode AS stock_code, Description AS description,
               Quantity::BIGINT AS quantity, InvoiceDate::TIMESTAMP AS invoiced_at,
               UnitPrice::DECIMAL(18, 6) AS unit_price_gbp,
               CASE WHEN CustomerID LIKE '%.0' THEN left(CustomerID, length(CustomerID) - 2)
                    ELSE CustomerID END AS customer_id,
               Country AS country,
               CASE WHEN left(InvoiceNo, 1) = 'C' THEN 'return'
                    WHEN Quantity::BIGINT > 0 AND UnitPrice::DECIMAL(18, 6) > 0 THEN 'sale'
                    ELSE 'other' END AS kind
        FROM (SELECT DISTINCT InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice,
                     CustomerID, Country FROM raw);
        CREATE TABLE sales AS
        SELECT *, invoiced_at::DATE AS day, quantity * unit_price_gbp AS amount
        FROM lines WHERE kind = 'sale';

        CREATE TABLE wide AS
        FROM read_csv('{landing}/ecb_fx/*.csv', header = true, all_varchar = true, delim = ',',
                      null_padding = true, union_by_name = true);
        """
    )
    currencies = [
        row[0]
        for row in connection.execute("DESCRIBE wide").fetchall()
        if len(row[0]) == 3 and row[0].isupper()
    ]
    connection.execute(
        f"""
        CREATE TABLE quotes AS
        SELECT DISTINCT Date::DATE AS day, currency, rate::DECIMAL(18, 8) AS rate
        FROM (UNPIVOT wide ON {', '.join(f'"{currency}"' for currency in currencies)}
              INTO NAME currency VALUE rate)
        WHERE rate NOT IN ('N/A', '');
        CREATE TABLE spans AS
        SELECT currency, min(day) AS first_day, max(day) AS last_day FROM quotes GROUP BY currency;
        CREATE TABLE days AS
        SELECT currency, unnest(range(first_day, last_day + INTERVAL 1 DAY, INTERVAL 1 DAY))::DATE AS day
        FROM spans;
        CREATE TABLE rates AS
        SELECT d.day, d.currency, q.rate
        FROM days d ASOF JOIN quotes q ON d.currency = q.currency AND d.day >= q.day;
        """
    )


POUNDS = "CAST(net_gbp * 1000000 AS HUGEINT)"
POUND = "CAST(gbp.rate * 100000000 AS HUGEINT)"
DOLLAR = "CAST(usd.rate * 100000000 AS HUGEINT)"

EXPECTED = {
    "silver.invoice_lines": "SELECT * FROM lines",
    "silver.currency_rates": "SELECT day, currency, rate FROM rates",
    "silver.customers": """
        SELECT customer_id,
               first(country ORDER BY invoiced_at DESC, country) AS country,
               min(invoiced_at)::DATE AS first_seen_on,
               max(invoiced_at)::DATE AS last_seen_on,
               count(DISTINCT invoice_no) FILTER (kind = 'sale') AS invoices,
               coalesce(sum(quantity * unit_price_gbp) FILTER (kind IN ('sale', 'return')), 0) AS net_gbp
        FROM lines WHERE customer_id IS NOT NULL GROUP BY customer_id
        """,
    "gold_finance.daily_revenue": f"""
        WITH totals AS (
            SELECT invoiced_at::DATE AS day,
                   coalesce(sum(quantity * unit_price_gbp) FILTER (kind = 'sale'), 0) AS gross_gbp,
                   coalesce(sum(quantity * unit_price_gbp) FILTER (kind = 'return'), 0) AS returns_gbp,
                   gross_gbp + returns_gbp AS net_gbp
            FROM lines WHERE kind IN ('sale', 'return') GROUP BY ALL
        )
        SELECT totals.*,
               {cents(f"{POUNDS} * 10000", POUND)} AS net_eur,
               {cents(f"{POUNDS} * {DOLLAR}", f"{POUND} * 10000")} AS net_usd
        FROM totals
        LEFT JOIN rates gbp ON gbp.day = totals.day AND gbp.currency = 'GBP'
        LEFT JOIN rates usd ON usd.day = totals.day AND usd.currency = 'USD'
        """,
    "gold_marketing.cohort_retention": """
        WITH firsts AS (
            SELECT customer_id, date_trunc('month', min(day))::DATE AS cohort_month
            FROM sales WHERE customer_id IS NOT NULL GROUP BY ALL
        ),
        counted AS (
            SELECT cohort_month, datediff('month', cohort_month, day) AS months_since,
                   count(DISTINCT customer_id) AS customers
            FROM sales JOIN firsts USING (customer_id) GROUP BY ALL
        ),
        sizes AS (SELECT cohort_month, count(*) AS cohort_size FROM firsts GROUP BY cohort_month)
        SELECT cohort_month, months_since, cohort_size, customers,
               ((2 * customers * 10000 + cohort_size) // (2 * cohort_size))::DECIMAL(18, 0)
                   * 0.0001::DECIMAL(5, 4) AS retention
        FROM counted JOIN sizes USING (cohort_month)
        """,
    "gold_marketing.customer_segments": """
        WITH totals AS (
            SELECT customer_id, max(day) AS last_day, count(DISTINCT invoice_no) AS frequency,
                   sum(amount) AS monetary_gbp
            FROM sales WHERE customer_id IS NOT NULL GROUP BY customer_id
        )
        SELECT customer_id,
               datediff('day', last_day,
                        (SELECT max(day) FROM sales WHERE customer_id IS NOT NULL)) AS recency_days,
               frequency, monetary_gbp,
               ntile(5) OVER (ORDER BY last_day, customer_id) AS recency_score,
               ntile(5) OVER (ORDER BY frequency, customer_id) AS frequency_score,
               ntile(5) OVER (ORDER BY monetary_gbp, customer_id) AS monetary_score,
               CASE WHEN least(recency_score, frequency_score, monetary_score) >= 4 THEN 'champion'
                    WHEN frequency_score >= 4 AND recency_score > 2 THEN 'loyal'
                    WHEN frequency_score < 3 AND recency_score > 3 THEN 'new'
                    WHEN frequency_score > 2 AND recency_score < 3 THEN 'at risk'
                    WHEN recency_score = 1 THEN 'lost' ELSE 'regular' END AS segment
        FROM totals
        """,
    "gold_operations.returns_by_product": f"""
        SELECT stock_code,
               coalesce(sum(quantity) FILTER (kind = 'sale'), 0) AS sold_quantity,
               -coalesce(sum(quantity) FILTER (kind = 'return'), 0) AS returned_quantity,
               coalesce(sum(quantity * unit_price_gbp) FILTER (kind = 'sale'), 0) AS gross_gbp,
               coalesce(sum(quantity * unit_price_gbp) FILTER (kind = 'return'), 0) AS returns_gbp,
               count(*) FILTER (kind = 'return') AS return_lines,
               first(description ORDER BY invoiced_at DESC, invoice_no DESC, description)
                   FILTER (description IS NOT NULL) AS description,
               {ratio("-coalesce(sum(quantity) FILTER (kind = 'return'), 0)",
                      "coalesce(sum(quantity) FILTER (kind = 'sale'), 0)", 4)} AS return_rate
        FROM lines WHERE kind IN ('sale', 'return') AND stock_code IS NOT NULL
        GROUP BY stock_code
        """,
}

if __name__ == "__main__":
    main(prepare, EXPECTED)
