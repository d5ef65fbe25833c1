"""What DuckDB makes of the clean tables of finance and operations; shop.py adds it to its own.

It builds on shop.py's tables: euro_lines (lines with their amounts in euro) and sold (those paid for).
"""

from compare import cents, ratio

TABLES = (
    "payments",
    "shipments",
    "vendors",
    "vendor_offers",
    "purchase_orders",
    "inventory",
)


def euro(amount, rate):
    """SQL for an amount of cents in a currency, in euro."""
    return cents(f"CAST(({amount}) * 100 AS HUGEINT) * 10000", f"CAST({rate} * 10000 AS HUGEINT)")


def month(day):
    return f"date_trunc('month', {day})::DATE"


def prepare(connection, truth):
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS FROM '{truth}/{table}.parquet'")
    connection.execute(f"CREATE VIEW refund_facts AS FROM '{truth}/refunds.parquet'")
    connection.execute(
        f"""
        CREATE TABLE settled AS
        SELECT p.*, {euro("p.amount", "r.rate")} AS amount_eur, {euro("p.fee", "r.rate")} AS fee_eur
        FROM payments p
        JOIN currency_rates r ON r.day = p.settled_on AND r.currency = p.currency;

        CREATE TABLE given_back AS
        SELECT f.order_id, f.refunded_at, f.refunded_at::DATE AS refund_day, o.ordered_at::DATE AS order_day,
               o.channel, o.country, f.reason, o.currency, f.amount,
               {euro("f.amount", "r.rate")} AS amount_eur, s.settled_on, -s.amount AS settled_amount
        FROM refund_facts f
        JOIN orders o USING (order_id)
        JOIN currency_rates r ON r.day = f.refunded_at::DATE AND r.currency = o.currency
        LEFT JOIN payments s ON s.order_id = f.order_id AND s.kind = 'refund';

        CREATE TABLE parcels AS
        SELECT s.*, o.country, o.ordered_at, o.paid_at,
               date_diff('second', o.ordered_at, s.shipped_at) AS ship_seconds,
               date_diff('second', o.ordered_at, s.delivered_at) AS deliver_seconds,
               s.delivered_at::DATE > s.promised_on AS is_late
        FROM shipments s JOIN orders o USING (order_id);

        CREATE TABLE hours AS
        SELECT *, {month("shipped_at")} AS month,
               {ratio("ship_seconds", "3600", 2)} AS hours_to_ship,
               CASE WHEN deliver_seconds IS NOT NULL THEN {ratio("deliver_seconds", "3600", 2)} END
                   AS hours_to_deliver
        FROM parcels;

        CREATE TABLE bought AS
        SELECT p.*, p.last_received_at::DATE AS last_received_on,
               {euro("p.ordered * p.unit_cost", "o.rate")} AS ordered_eur,
               coalesce({euro("p.received * p.unit_cost", "l.rate")}, 0) AS received_eur,
               CASE WHEN received = 0 THEN 'open' WHEN received < ordered THEN 'partial' ELSE 'received' END
                   AS status,
               CASE WHEN received = ordered
                    THEN date_diff('day', p.promised_on, p.last_received_at::DATE) END AS days_late
        FROM purchase_orders p
        JOIN currency_rates o ON o.day = p.ordered_on AND o.currency = p.currency
        LEFT JOIN currency_rates l ON l.day = p.last_received_at::DATE AND l.currency = p.currency;

        CREATE TABLE stock AS
        WITH places AS (SELECT location_id, max(day) AS as_of FROM inventory GROUP BY ALL),
        waiting AS (
            SELECT sku, sum(quantity) AS pieces
            FROM order_lines SEMI JOIN (
                SELECT order_id FROM orders WHERE channel != 'store' AND paid_at IS NOT NULL
                EXCEPT SELECT order_id FROM shipments
            ) USING (order_id)
            GROUP BY sku
        )
        SELECT i.location_id, i.sku, any_value(p.as_of) AS as_of, max(i.day) AS counted_on,
               arg_max(i.on_hand, i.day) AS on_hand, arg_max(i.status, i.day) AS status,
               CASE WHEN i.location_id = '900' THEN coalesce(any_value(w.pieces), 0) ELSE 0 END AS reserved,
               coalesce(sum(i.issued) FILTER (i.day + 28 > p.as_of), 0) AS issued_28_days,
               count(*) FILTER (i.day + 28 > p.as_of AND i.on_hand = 0) AS stockout_days
        FROM inventory i JOIN places p USING (location_id) LEFT JOIN waiting w USING (sku)
        GROUP BY i.location_id, i.sku;

        CREATE TABLE offers AS
        SELECT v.*, {euro("v.unit_price", "r.rate")} AS unit_price_eur
        FROM vendor_offers v
        JOIN currency_rates r ON r.day = v.as_of AND r.currency = v.currency;
        """
    )


def percentile(column, share):
    """SQL for the first value that so much of a group does not exceed, worked out by counting."""
    return (
        f"list_sort(list({column}) FILTER ({column} IS NOT NULL))"
        f"[CAST(ceil(count({column}) * {share}) AS BIGINT)]"
    )


ON_TIME = ratio("count(delivered_at) - count(*) FILTER (is_late)", "count(delivered_at)", 4)

EXPECTED = {
    "silver.payments": f"""
        SELECT payment_id, kind, order_id, reference, settled_on, {month("settled_on")} AS settled_month,
               booked_at, currency, amount, fee, amount_eur, fee_eur
        FROM settled
        """,
    "silver.refunds": f"""
        SELECT *, {month("refund_day")} AS refund_month FROM given_back
        """,
    "silver.shipments": f"""
        SELECT shipment_id, order_id, order_id AS reference, carrier, country, weight_g, ordered_at, paid_at, shipped_at, in_transit_at,
               delivered_at, promised_on, month AS shipped_month, hours_to_ship, hours_to_deliver, is_late,
               CASE WHEN delivered_at IS NOT NULL THEN 'delivered'
                    WHEN in_transit_at IS NOT NULL THEN 'in transit' ELSE 'picked up' END AS status
        FROM hours
        """,
    "silver.inventory_daily": f"""
        SELECT location_id, sku, day, {month("day")} AS month, on_hand, received, issued, status,
               counted AS is_count
        FROM inventory
        """,
    "silver.purchase_orders": f"""
        SELECT po_number, vendor_id, sku, ordered_on, {month("ordered_on")} AS ordered_month, promised_on,
               ordered, received, unit_cost, currency, ordered_eur, received_eur,
               first_received_at::DATE AS first_received_on, last_received_on, status, days_late
        FROM bought
        """,
    "silver.vendors": """
        SELECT vendor_id, name, country, terms_days, max(as_of) AS offered_on
        FROM vendors JOIN vendor_offers USING (vendor_id) GROUP BY ALL
        """,
    "silver.vendor_offers": """
        SELECT vendor_id, sku, as_of, unit_price, currency, unit_price_eur, available, lead_days, discontinued
        FROM offers
        """,
    "gold_finance.payment_reconciliation": """
        WITH charged AS (
            SELECT order_id, sum(quantity * unit_price - discount) AS charged
            FROM order_lines GROUP BY order_id
        ),
        provider AS (
            SELECT reference, any_value(currency) AS currency,
                   coalesce(sum(amount) FILTER (kind = 'capture'), 0) AS captured,
                   coalesce(-sum(amount) FILTER (kind = 'refund'), 0) AS refunds_settled,
                   coalesce(-sum(amount) FILTER (kind = 'chargeback'), 0) AS charged_back,
                   sum(fee) AS fees
            FROM payments GROUP BY reference
        ),
        paid AS (
            SELECT order_id, ordered_at::DATE AS order_day, currency, charged,
                   coalesce(refund_amount, 0) AS refunded
            FROM orders JOIN charged USING (order_id)
            WHERE channel <> 'store' AND paid_at IS NOT NULL
        )
        SELECT coalesce(order_id, reference) AS reference, coalesce(paid.currency, provider.currency) AS currency,
               order_day, coalesce(charged, 0) AS charged, coalesce(refunded, 0) AS refunded,
               coalesce(captured, 0) AS captured, coalesce(refunds_settled, 0) AS refunds_settled,
               coalesce(charged_back, 0) AS charged_back, coalesce(fees, 0) AS fees,
               coalesce(captured - refunds_settled - charged_back - fees, 0) AS payout,
               coalesce(charged - refunded, 0)
                   - coalesce(captured - refunds_settled - charged_back, 0) AS difference,
               CASE WHEN order_id IS NULL THEN 'not an order of ours'
                    WHEN provider.reference IS NULL THEN 'capture to come'
                    WHEN charged_back > 0 THEN 'charged back'
                    WHEN refunded > 0 AND refunds_settled = 0 THEN 'refund to come'
                    ELSE 'matched' END AS explanation
        FROM paid FULL JOIN provider ON provider.reference = paid.order_id
        """,
    "gold_finance.refunds_and_chargebacks": f"""
        SELECT {month("refund_day")} AS month, 'refund' AS kind, country, reason, count(*) AS cases,
               sum(amount_eur) AS amount_eur, count(settled_on) AS settled_cases, 0.00 AS fees_eur
        FROM given_back GROUP BY ALL
        UNION ALL
        SELECT {month("settled_on")}, 'chargeback', country, 'disputed', count(*), -sum(amount_eur),
               count(*), sum(fee_eur)
        FROM settled JOIN orders USING (order_id) WHERE kind = 'chargeback' GROUP BY ALL
        """,
    "gold_finance.vendor_payables": f"""
        SELECT vendor_id, any_value(name) AS vendor_name,
               {month("last_received_on + terms_days")} AS due_month, bought.currency, count(*) AS invoices,
               sum(received) AS pieces, sum(received * unit_cost) AS payable, sum(received_eur) AS payable_eur,
               min(last_received_on + terms_days) AS first_due_on,
               max(last_received_on + terms_days) AS last_due_on
        FROM bought JOIN vendors USING (vendor_id)
        WHERE received > 0
        GROUP BY vendor_id, due_month, bought.currency
        """,
    "gold_finance.currency_exposure": f"""
        WITH sales AS (
            SELECT order_month AS month, currency, sum(quantity * unit_price - discount) AS sales,
                   sum(gross_eur - discount_eur) AS sales_eur
            FROM sold GROUP BY ALL
        ),
        refunded AS (
            SELECT {month("refund_day")} AS month, currency, sum(amount) AS refunds, sum(amount_eur) AS refunds_eur
            FROM given_back GROUP BY ALL
        ),
        provider AS (
            SELECT {month("settled_on")} AS month, currency,
                   coalesce(-sum(amount) FILTER (kind = 'chargeback'), 0) AS chargebacks,
                   coalesce(-sum(amount_eur) FILTER (kind = 'chargeback'), 0) AS chargebacks_eur,
                   sum(fee) AS fees, sum(fee_eur) AS fees_eur
            FROM settled GROUP BY ALL
        ),
        goods AS (
            SELECT {month("last_received_on")} AS month, currency, sum(received * unit_cost) AS purchases,
                   sum(received_eur) AS purchases_eur
            FROM bought WHERE received > 0 GROUP BY ALL
        )
        SELECT month, currency, coalesce(sales, 0) AS sales, coalesce(refunds, 0) AS refunds,
               coalesce(chargebacks, 0) AS chargebacks, coalesce(fees, 0) AS fees,
               coalesce(purchases, 0) AS purchases,
               coalesce(sales, 0) - coalesce(refunds, 0) - coalesce(chargebacks, 0) - coalesce(fees, 0)
                   - coalesce(purchases, 0) AS net,
               coalesce(sales_eur, 0) - coalesce(refunds_eur, 0) - coalesce(chargebacks_eur, 0)
                   - coalesce(fees_eur, 0) - coalesce(purchases_eur, 0) AS net_eur
        FROM sales FULL JOIN refunded USING (month, currency) FULL JOIN provider USING (month, currency)
             FULL JOIN goods USING (month, currency)
        WHERE currency <> 'EUR'
        """,
    "gold_finance.monthly_close": f"""
        WITH months AS (
            SELECT order_month AS month FROM sold
            UNION SELECT {month("refund_day")} FROM given_back
            UNION SELECT {month("settled_on")} FROM settled
            UNION SELECT {month("last_received_on")} FROM bought WHERE received > 0
        ),
        sales AS (
            SELECT order_month AS month, count(DISTINCT order_id) AS orders, sum(gross_eur) AS gross,
                   sum(discount_eur) AS discounts, sum(tax_eur) AS tax, sum(cost_eur) AS cost
            FROM sold GROUP BY ALL
        ),
        refunded AS (
            SELECT {month("refund_day")} AS month, sum(amount_eur) AS refunds FROM given_back GROUP BY ALL
        ),
        provider AS (
            SELECT {month("settled_on")} AS month, sum(fee_eur) AS fees,
                   coalesce(-sum(amount_eur) FILTER (kind = 'chargeback'), 0) AS chargebacks
            FROM settled GROUP BY ALL
        ),
        goods AS (
            SELECT {month("last_received_on")} AS month, sum(received_eur) AS purchases
            FROM bought WHERE received > 0 GROUP BY ALL
        ),
        filled AS (
            SELECT month, coalesce(orders, 0) AS orders, coalesce(gross, 0) AS gross_eur,
                   coalesce(discounts, 0) AS discounts_eur, coalesce(refunds, 0) AS refunds_eur,
                   coalesce(tax, 0) AS tax_eur, coalesce(cost, 0) AS cost_eur, coalesce(fees, 0) AS fees_eur,
                   coalesce(chargebacks, 0) AS chargebacks_eur, coalesce(purchases, 0) AS purchases_eur
            FROM months LEFT JOIN sales USING (month) LEFT JOIN refunded USING (month)
                 LEFT JOIN provider USING (month) LEFT JOIN goods USING (month)
        )
        SELECT *, gross_eur - discounts_eur - refunds_eur AS net_eur,
               gross_eur - discounts_eur - refunds_eur - tax_eur - cost_eur - fees_eur - chargebacks_eur
                   AS result_eur
        FROM filled
        """,
    "gold_operations.fulfilment_sla": f"""
        SELECT month, country, count(*) AS shipments, count(delivered_at) AS delivered,
               count(*) FILTER (is_late) AS late, {ON_TIME} AS on_time_rate,
               {percentile("hours_to_ship", 0.5)} AS ship_hours_p50,
               {percentile("hours_to_ship", 0.9)} AS ship_hours_p90,
               {percentile("hours_to_deliver", 0.5)} AS deliver_hours_p50,
               {percentile("hours_to_deliver", 0.9)} AS deliver_hours_p90
        FROM hours GROUP BY month, country
        """,
    "gold_operations.carrier_performance": f"""
        SELECT month, carrier, count(*) AS shipments, count(delivered_at) AS delivered,
               count(*) FILTER (is_late) AS late, {ON_TIME} AS on_time_rate,
               {ratio("coalesce(sum(CAST((hours_to_deliver - hours_to_ship) * 100 AS HUGEINT)), 0)",
                      "count(delivered_at) * 100", 2)} AS hours_on_the_way,
               count(weight_g) AS weighed, sum(weight_g) * 0.001 AS weight_kg
        FROM hours GROUP BY month, carrier
        """,
    "gold_operations.returns_by_reason": f"""
        SELECT {month("refund_day")} AS month, country, reason, count(*) AS refunds,
               sum(amount_eur) AS refunded_eur,
               {ratio("sum(date_diff('day', order_day, refund_day))", "count(*)", 2)} AS days_to_refund
        FROM given_back GROUP BY ALL
        """,
    "gold_operations.demand_daily": """
        SELECT order_day AS day, order_month AS month, sku, channel,
               count(*) FILTER (status <> 'cancelled') AS orders,
               coalesce(sum(quantity) FILTER (status <> 'cancelled'), 0) AS pieces,
               coalesce(sum(quantity) FILTER (status = 'cancelled'), 0) AS cancelled_pieces,
               coalesce(sum(gross_eur - discount_eur - tax_eur) FILTER (status IN ('paid', 'refunded')), 0)
                   AS revenue_eur
        FROM euro_lines GROUP BY ALL
        """,
    "gold_operations.store_performance": f"""
        WITH receipts AS (
            SELECT o.store_id, l.order_month AS month, count(DISTINCT o.order_id) AS receipts,
                   count(DISTINCT CASE WHEN o.customer_id IS NOT NULL THEN o.order_id END) AS loyal_receipts,
                   sum(l.quantity) AS pieces, sum(l.gross_eur - l.discount_eur - l.tax_eur) AS revenue_eur
            FROM orders o JOIN euro_lines l USING (order_id) WHERE o.channel = 'store' GROUP BY ALL
        )
        SELECT month, r.store_id, s.name AS store_name, s.country, receipts, pieces, revenue_eur,
               {ratio("CAST(revenue_eur * 100 AS HUGEINT)", "receipts * 100", 2)} AS basket_eur,
               loyal_receipts, {ratio("loyal_receipts", "receipts", 4)} AS loyal_rate,
               1 + (SELECT count(*) FROM receipts better
                    WHERE better.month = r.month AND better.revenue_eur > r.revenue_eur) AS place
        FROM receipts r JOIN stores s USING (store_id)
        """,
    "gold_operations.vendor_performance": f"""
        SELECT {month("ordered_on")} AS month, vendor_id, any_value(name) AS vendor_name, count(*) AS orders,
               sum(ordered) AS ordered, sum(received) AS received,
               {ratio("sum(received)", "sum(ordered)", 4)} AS fill_rate,
               count(*) FILTER (status = 'received') AS complete,
               count(*) FILTER (days_late > 0) AS late,
               {ratio("count(*) FILTER (status = 'received') - count(*) FILTER (days_late > 0)",
                      "count(*) FILTER (status = 'received')", 4)} AS on_time_rate,
               {ratio("coalesce(sum(days_late), 0)", "count(days_late)", 2)} AS days_late,
               sum(ordered_eur) AS ordered_eur, sum(received_eur) AS received_eur
        FROM bought JOIN vendors USING (vendor_id)
        GROUP BY 1, vendor_id
        """,
    "gold_operations.stock_position": f"""
        SELECT *, CASE WHEN status = 'available' THEN on_hand ELSE 0 END - reserved AS available,
               {ratio("on_hand * 28", "issued_28_days", 1)} AS days_of_cover, on_hand = 0 AS is_stockout
        FROM stock
        """,
    "gold_operations.reorder_proposals": """
        WITH coming AS (
            SELECT sku, sum(ordered - received) AS on_order FROM bought WHERE received < ordered GROUP BY sku
        ),
        best AS (
            SELECT sku, min((unit_price_eur, vendor_id, lead_days)) AS offer
            FROM offers WHERE NOT discontinued AND available > 0 GROUP BY sku
        ),
        needs AS (
            SELECT s.sku, p.name AS product_name,
                   CASE WHEN s.status = 'available' THEN s.on_hand ELSE 0 END - s.reserved AS available,
                   coalesce(on_order, 0) AS on_order, s.issued_28_days, coalesce(offer[3], 7) AS lead_days,
                   offer[2] AS vendor_id, offer[1] AS unit_price_eur
            FROM stock s JOIN products p USING (sku) LEFT JOIN coming USING (sku) LEFT JOIN best USING (sku)
            WHERE s.location_id = '900'
        ),
        levels AS (
            SELECT *, CAST(ceil(issued_28_days * (lead_days + 7) / 28.0) AS BIGINT) AS reorder_level FROM needs
        )
        SELECT *, reorder_level + issued_28_days - available - on_order AS quantity,
               (reorder_level + issued_28_days - available - on_order) * unit_price_eur AS value_eur
        FROM levels WHERE available + on_order < reorder_level
        """,
}
