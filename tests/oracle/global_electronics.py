"""The Global Electronics views, worked out by DuckDB from the delivery whose form is known to be the original.

FACTS is that delivery's folder: dates as m/d/yyyy, Customers.csv in cp1252, the others in UTF-8.
"""

import tempfile
from pathlib import Path

from compare import main, ratio


def prepare(connection, delivery):
    customers = Path(tempfile.mkdtemp()) / "customers.csv"
    customers.write_bytes((delivery / "Customers.csv").read_bytes().decode("cp1252").encode())
    for table, path in [
        ("sales", delivery / "Sales.csv"),
        ("customers", customers),
        ("products", delivery / "Products.csv"),
        ("stores", delivery / "Stores.csv"),
        ("rates", delivery / "Exchange_Rates.csv"),
    ]:
        connection.execute(
            f"CREATE TABLE raw_{table} AS FROM read_csv('{path}', header = true, all_varchar = true, delim = ',', quote = '\"')"
        )
    day = lambda column: f"strptime({column}, '%-m/%-d/%Y')::DATE"
    money = lambda column: f"replace(replace(trim({column}), '$', ''), ',', '')::DECIMAL(12, 2)"
    connection.execute(
        f"""
        CREATE TABLE products AS
        SELECT ProductKey::BIGINT AS product_key, "Product Name" AS product_name, Brand AS brand, Color AS color,
               {money('"Unit Cost USD"')} AS unit_cost_usd, {money('"Unit Price USD"')} AS unit_price_usd,
               SubcategoryKey AS subcategory_key, Subcategory AS subcategory, CategoryKey AS category_key,
               Category AS category
        FROM raw_products;
        CREATE TABLE rates AS
        SELECT {day('Date')} AS day, "Currency Code" AS currency, Exchange::DECIMAL(12, 6) AS rate FROM raw_rates;
        CREATE TABLE lines AS
        SELECT "Order Number"::BIGINT AS order_number, "Line Item"::BIGINT AS line_item, {day('"Order Date"')} AS order_date,
               {day('"Delivery Date"')} AS delivery_date, CustomerKey::BIGINT AS customer_key,
               StoreKey::BIGINT AS store_key, s.ProductKey::BIGINT AS product_key, Quantity::BIGINT AS quantity,
               "Currency Code" AS currency, p.unit_price_usd,
               (Quantity::BIGINT * p.unit_price_usd)::DECIMAL(18, 2) AS revenue_usd,
               (Quantity::BIGINT * p.unit_price_usd * r.rate)::DECIMAL(18, 6) AS revenue_local,
               p.category, p.product_name, (Quantity::BIGINT * p.unit_cost_usd)::DECIMAL(18, 2) AS cost_usd
        FROM raw_sales s
        JOIN products p ON p.product_key = s.ProductKey::BIGINT
        JOIN rates r ON r.day = {day('"Order Date"')} AND r.currency = "Currency Code";
        """
    )


SALES = """
    sum(quantity)::BIGINT AS quantity, sum(revenue_usd)::DECIMAL(18, 2) AS revenue_usd,
    sum(cost_usd)::DECIMAL(18, 2) AS cost_usd, sum(revenue_usd - cost_usd)::DECIMAL(18, 2) AS margin_usd
"""

main(
    prepare,
    {
        "silver.products": "FROM products",
        "silver.exchange_rates": "FROM rates",
        "silver.order_lines": "SELECT * EXCLUDE (category, product_name, cost_usd) FROM lines",
        "silver.stores": """
            SELECT StoreKey::BIGINT AS store_key, Country AS country, State AS state,
                   "Square Meters"::BIGINT AS square_meters, strptime("Open Date", '%-m/%-d/%Y')::DATE AS opened_on
            FROM raw_stores""",
        "silver.customers": """
            SELECT CustomerKey::BIGINT AS customer_key, Gender AS gender, trim(Name) AS name, trim(City) AS city,
                   "State Code" AS state_code, State AS state, "Zip Code" AS zip_code, Country AS country,
                   Continent AS continent, strptime(Birthday, '%-m/%-d/%Y')::DATE AS born_on
            FROM raw_customers""",
        "gold_finance.daily_revenue": f"""
            SELECT order_date AS day, currency, store_key, category, count(*) AS order_lines,
                   sum(revenue_local)::DECIMAL(18, 6) AS revenue_local, {SALES}
            FROM lines GROUP BY ALL""",
        "gold_finance.gross_margin": f"""
            SELECT date_trunc('month', order_date)::DATE AS month, product_key, max(product_name) AS product_name,
                   max(category) AS category, {SALES}
            FROM lines GROUP BY 1, 2""",
        "gold_operations.delivery_days": f"""
            SELECT date_trunc('month', order_date)::DATE AS month, currency, count(*) AS orders,
                   sum(days)::BIGINT AS days, {ratio('sum(days)', 'count(*)', 2)} AS average_days, max(days) AS longest_days
            FROM (SELECT order_number, max(currency) AS currency, max(order_date) AS order_date,
                         max(delivery_date - order_date) AS days
                  FROM lines WHERE delivery_date IS NOT NULL GROUP BY order_number)
            GROUP BY ALL""",
    },
)
