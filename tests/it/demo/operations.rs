//! Finance and operations: the dirt of their sources was met, and the layers agree with each other.

use lakeport::session::Services;

use crate::oracle;

/// What must be there, and how often: never 0.
const DIRT: &[(&str, &str)] = &[
    (
        "lost references",
        "SELECT count(*) FROM bronze.payments WHERE coalesce(merchant_reference, '') = ''",
    ),
    (
        "captures without a gross",
        "SELECT count(*) FROM bronze.payments WHERE coalesce(gross, '') = ''",
    ),
    ("refunds in brackets", "SELECT count(*) FROM bronze.payments WHERE gross LIKE '(%'"),
    (
        "amounts off by the fee",
        "SELECT count(*) FROM bronze.payments AS a JOIN bronze.payments AS b ON a.transaction_id = b.transaction_id AND a.version = '1' AND b.version = '2' AND a.fee <> b.fee",
    ),
    ("payments of nobody", "SELECT count(*) FROM silver.payments WHERE order_id IS NULL"),
    ("chargebacks", "SELECT count(*) FROM silver.payments WHERE kind = 'chargeback'"),
    ("weights that are none", "SELECT count(*) FROM bronze.shipments WHERE weight LIKE 'Weight%'"),
    ("weights in sentences", "SELECT count(*) FROM bronze.shipments WHERE weight LIKE 'weighs %'"),
    ("German times", "SELECT count(*) FROM bronze.shipments WHERE eventtime LIKE '__.__.____ %'"),
    ("American times", "SELECT count(*) FROM bronze.shipments WHERE eventtime LIKE '%PM'"),
    (
        "impossible times",
        "SELECT count(*) FROM bronze.shipments WHERE eventtime LIKE '31.02.%' OR eventtime LIKE '2099%'",
    ),
    ("corrected events", "SELECT count(*) FROM bronze.shipments WHERE sequence % 10 = 1"),
    ("parcels of nobody", "SELECT count(*) FROM quarantine.silver__shipments"),
    ("stock below zero", "SELECT count(*) FROM bronze.inventory WHERE stock LIKE '%-'"),
    ("stock that stays below zero", "SELECT count(*) FROM quarantine.silver__inventory_daily"),
    ("statuses in German", "SELECT count(*) FROM bronze.inventory WHERE status = 'gesperrt'"),
    ("statuses in English", "SELECT count(*) FROM bronze.inventory WHERE status = 'BLOCKED'"),
    ("materials without zeros", "SELECT count(*) FROM bronze.inventory WHERE length(material) < 8"),
    (
        "order dates that are none",
        "SELECT count(*) FROM bronze.purchase_orders WHERE order_date = 'as discussed'",
    ),
    (
        "promises in days",
        "SELECT count(*) FROM bronze.purchase_orders WHERE promised_date LIKE 'in %'",
    ),
    (
        "promises by the month",
        "SELECT count(*) FROM bronze.purchase_orders WHERE promised_date LIKE 'end of %'",
    ),
    ("partial receipts", "SELECT count(*) FROM silver.purchase_orders WHERE status = 'partial'"),
    (
        "catalogues that grew",
        "SELECT count(*) FROM bronze.vendor_catalog WHERE item IS NOT NULL AND lead_days IS NOT NULL",
    ),
    (
        "catalogues before they grew",
        "SELECT count(*) FROM bronze.vendor_catalog WHERE item IS NOT NULL AND lead_days IS NULL",
    ),
    ("packs", "SELECT count(*) FROM bronze.vendor_catalog_json WHERE unit LIKE 'pack%'"),
    ("discontinued codes", "SELECT count(*) FROM silver.vendor_offers WHERE discontinued"),
    (
        "differences with the provider",
        "SELECT count(*) FROM gold_finance.payment_reconciliation WHERE difference <> 0",
    ),
    ("stock-outs", "SELECT count(*) FROM gold_operations.stock_position WHERE is_stockout"),
    (
        "proposals",
        "SELECT count(*) FROM gold_operations.reorder_proposals WHERE vendor_id IS NOT NULL",
    ),
];

/// What two layers say of the same thing: equal, both above 0.
const AGREED: &[(&str, &str, &str)] = &[
    (
        "orders and their lines",
        "SELECT count(*) FROM silver.orders",
        "SELECT count(DISTINCT order_id) FROM silver.order_lines",
    ),
    (
        "lines and revenue",
        "SELECT sum(gross_eur - discount_eur) FROM silver.order_lines WHERE status IN ('paid', 'refunded')",
        "SELECT sum(gross_eur - discounts_eur) FROM gold_finance.daily_revenue",
    ),
    (
        "lines and captures, but for what is to come",
        "SELECT sum(quantity * unit_price - discount) FROM silver.order_lines WHERE channel <> 'store' AND status IN ('paid', 'refunded') AND currency = 'EUR'",
        "SELECT sum(captured + CASE explanation WHEN 'capture to come' THEN charged WHEN 'not an order of ours' THEN -captured ELSE 0 END) FROM gold_finance.payment_reconciliation WHERE currency = 'EUR'",
    ),
    (
        "settlements and payouts",
        "SELECT sum(amount - fee) FROM silver.payments",
        "SELECT sum(payout) FROM gold_finance.payment_reconciliation",
    ),
    (
        "refunds and revenue",
        "SELECT sum(amount_eur) FROM silver.refunds",
        "SELECT sum(refunds_eur) FROM gold_finance.daily_revenue",
    ),
    (
        "refunds and their reasons",
        "SELECT sum(amount_eur) FROM silver.refunds",
        "SELECT sum(refunded_eur) FROM gold_operations.returns_by_reason",
    ),
    (
        "revenue and the close",
        "SELECT sum(net_eur - tax_eur) FROM gold_finance.daily_revenue",
        "SELECT sum(result_eur + cost_eur + fees_eur + chargebacks_eur) FROM gold_finance.monthly_close",
    ),
    (
        "margin and demand",
        "SELECT sum(revenue_eur) FROM gold_finance.gross_margin",
        "SELECT sum(revenue_eur) FROM gold_operations.demand_daily",
    ),
    (
        "stores and revenue",
        "SELECT sum(revenue_eur) FROM gold_operations.store_performance",
        "SELECT sum(gross_eur - discounts_eur - tax_eur) FROM gold_finance.daily_revenue WHERE channel = 'store'",
    ),
    (
        "parcels and carriers",
        "SELECT count(*) FROM silver.shipments",
        "SELECT sum(shipments) FROM gold_operations.carrier_performance",
    ),
    (
        "goods received and what they cost",
        "SELECT sum(received_eur) FROM silver.purchase_orders",
        "SELECT sum(payable_eur) FROM gold_finance.vendor_payables",
    ),
    (
        "stock in the morning, what moved, and stock in the evening",
        "SELECT count(*) FROM silver.inventory_daily WHERE NOT is_count",
        "WITH days AS (SELECT *, lag(on_hand) OVER (PARTITION BY location_id, sku ORDER BY day) AS before FROM silver.inventory_daily) SELECT count(*) FROM days WHERE NOT is_count AND before + received - issued = on_hand",
    ),
    (
        "what is kept and its health",
        "SELECT count(*) FROM lakeport.matviews",
        "SELECT count(*) FROM gold_operations.pipeline_health WHERE kind = 'view' AND state = 'succeeded'",
    ),
];

/// Looks at a lake that holds the whole default demo.
pub(super) async fn check(services: &Services) {
    for (dirt, count) in DIRT {
        assert_ne!(oracle::rows(services, count).await, ["0"], "{dirt}");
    }
    for (what, one, other) in AGREED {
        let (one, other) = (oracle::rows(services, one).await, oracle::rows(services, other).await);
        let number = |rows: &[String]| rows[0].parse::<f64>().unwrap();
        assert!(number(&one) > 0.0, "{what}: {one:?}");
        // Decimals of different scales are written differently, and are exact.
        let plain = |rows: &[String]| match rows[0].split_once('.') {
            Some((whole, part)) => format!("{whole}.{}", part.trim_end_matches('0')),
            None => format!("{}.", rows[0]),
        };
        assert_eq!(plain(&one), plain(&other), "{what}");
    }
}
