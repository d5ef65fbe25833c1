"""The shop's views, worked out by DuckDB from the clean tables the generator wrote.

FACTS is the truth folder: <landing>/truth/*.parquet. Euro amounts are worked out in whole numbers:
cents times ten-thousandths, divided by the rate in ten-thousandths.
"""

import shop_operations
from compare import cents, main, ratio


def prepare(connection, truth):
    for table in ("stores", "products", "currency_rates", "orders", "order_lines"):
        connection.execute(f"CREATE VIEW {table} AS FROM '{truth}/{table}.parquet'")
    rate = "CAST({}.rate * 10000 AS HUGEINT)"
    connection.execute(
        f"""
        CREATE TABLE euro_lines AS
        SELECT o.order_id, l.line, o.ordered_at::DATE AS order_day,
               date_trunc('month', o.ordered_at)::DATE AS order_month, o.channel, o.country, o.status,
               l.sku, p.name AS product_name, p.category, l.quantity, o.currency, l.unit_price,
               l.discount,
               {cents("l.quantity * CAST(l.unit_price * 100 AS HUGEINT) * 10000", rate.format("r"))}
                   AS gross_eur,
               {cents("CAST(l.discount * 100 AS HUGEINT) * 10000", rate.format("r"))} AS discount_eur,
               {cents(
                   "(l.quantity * CAST(l.unit_price * 100 AS HUGEINT) - CAST(l.discount * 100 AS HUGEINT))"
                   " * o.tax_percent * 10000",
                   f"(100 + o.tax_percent) * {rate.format('r')}",
               )} AS tax_eur,
               l.quantity * p.unit_cost_eur AS cost_eur
        FROM order_lines l
        JOIN orders o USING (order_id)
        JOIN products p USING (sku)
        JOIN currency_rates r ON r.day = o.ordered_at::DATE AND r.currency = o.currency;

        CREATE TABLE refunds AS
        SELECT o.order_id, o.refunded_at::DATE AS day, o.channel, o.country,
               {cents("CAST(o.refund_amount * 100 AS HUGEINT) * 10000", rate.format("r"))} AS refund_eur
        FROM orders o
        JOIN currency_rates r ON r.day = o.refunded_at::DATE AND r.currency = o.currency;

        CREATE TABLE sold AS FROM euro_lines WHERE status IN ('paid', 'refunded');
        """
    )
    shop_operations.prepare(connection, truth)


EXPECTED = {
    "silver.stores": "SELECT store_id, name, city, country, currency, opened_on FROM stores",
    "silver.products": """
        SELECT sku, name, brand, category, list_price_eur, unit_cost_eur FROM products
        """,
    "silver.orders": """
        SELECT order_id, channel, store_id, customer_id, country, orders.currency, tax_percent, ordered_at,
               ordered_at::DATE AS order_day, date_trunc('month', ordered_at)::DATE AS order_month,
               status, paid_at, cancelled_at, refunded_at, refund_amount, refund_eur, r.rate, 0 AS unread_events
        FROM orders LEFT JOIN (SELECT order_id, refund_eur FROM refunds) USING (order_id)
        JOIN currency_rates r ON r.day = ordered_at::DATE AND r.currency = orders.currency
        """,
    "silver.order_lines": "SELECT * FROM euro_lines",
    "gold_finance.daily_revenue": """
        WITH sales AS (
            SELECT order_day AS day, channel, country, count(DISTINCT order_id) AS orders,
                   sum(gross_eur) AS gross_eur, sum(discount_eur) AS discounts_eur,
                   sum(tax_eur) AS tax_eur
            FROM sold GROUP BY ALL
        ),
        given_back AS (
            SELECT day, channel, country, sum(refund_eur) AS refunds_eur FROM refunds GROUP BY ALL
        )
        SELECT day, channel, country, coalesce(orders, 0) AS orders,
               coalesce(gross_eur, 0) AS gross_eur, coalesce(discounts_eur, 0) AS discounts_eur,
               coalesce(refunds_eur, 0) AS refunds_eur,
               coalesce(gross_eur, 0) - coalesce(discounts_eur, 0) - coalesce(refunds_eur, 0) AS net_eur,
               coalesce(tax_eur, 0) AS tax_eur
        FROM sales FULL JOIN given_back USING (day, channel, country)
        """,
    "gold_finance.gross_margin": f"""
        SELECT order_month AS month, sku, any_value(product_name) AS product_name,
               any_value(category) AS category, sum(quantity) AS quantity,
               sum(gross_eur) - sum(discount_eur) - sum(tax_eur) AS revenue_eur,
               sum(cost_eur) AS cost_eur,
               sum(gross_eur) - sum(discount_eur) - sum(tax_eur) - sum(cost_eur) AS margin_eur,
               {ratio("CAST(100 * (sum(gross_eur) - sum(discount_eur) - sum(tax_eur) - sum(cost_eur)) AS HUGEINT)",
                      "CAST(100 * (sum(gross_eur) - sum(discount_eur) - sum(tax_eur)) AS HUGEINT)", 4)} AS margin_rate
        FROM sold GROUP BY order_month, sku
        """,
}

# Days after the last one are what the newest rate promises; no truth holds them yet.
EXPECTED["silver.currency_rates"] = (
    "SELECT day, currency, rate FROM currency_rates",
    "day <= (SELECT max(day) FROM currency_rates)",
)

EXPECTED |= shop_operations.EXPECTED

OMITTED = {
    "silver.stores": {
        "updated_at": "when the master data was written, no fact of the store",
        "time_zone": "shop_experiments.py has the moments it leads to",
    },
    "silver.orders": {"placed_at": "shop_experiments.py compares it"},
    "silver.products": {"updated_at": "when the master data was written, no fact of the product"},
    "silver.currency_rates": {"published_on": "the facts have a rate a day, not whence it is carried"},
    "silver.vendor_offers": {"vendor_code": "the vendor's spelling of the number"},
}

if __name__ == "__main__":
    main(prepare, EXPECTED, OMITTED)
