//! The smallest deployment with all three layers: files, a view, a mart.

use super::Deployment;

impl Deployment {
    /// `bronze.orders` over `orders/*.csv`, `silver.orders` typed, `gold_finance.revenue` a day;
    /// the role `finance` reads the mart.
    pub fn small_shop() -> Self {
        Self::new()
            .catalog(
                "bronze.sql",
                "CREATE STREAMING TABLE bronze.orders (order_id text, day text, amount text)\n\
                 AS SELECT *, _metadata.file_path AS _source_file\n\
                 FROM STREAM read_files('orders/*.csv', format => 'csv');\n",
            )
            .catalog_append(
                "roles.sql",
                "CREATE ROLE finance LOGIN;\nGRANT USAGE ON SCHEMA gold_finance TO finance;\n\
                 GRANT SELECT ON SCHEMA gold_finance TO finance;\n",
            )
            .sql(
                "silver/orders.sql",
                "CREATE MATERIALIZED VIEW silver.orders AS\n\
                 SELECT CAST(order_id AS bigint) AS order_id, CAST(day AS date) AS day,\n\
                 CAST(amount AS numeric(10, 2)) AS amount\nFROM bronze.orders;\n",
            )
            .sql(
                "gold/finance/revenue.sql",
                "CREATE MATERIALIZED VIEW gold_finance.revenue AS\n\
                 SELECT day, count(*) AS orders, sum(amount) AS amount\n\
                 FROM silver.orders GROUP BY day;\n",
            )
    }

    /// Delivers `orders/<day>.csv` with orders numbered from `first`, each worth 10.50.
    pub fn deliver(&self, day: &str, first: u32, count: u32) {
        let mut text = "order_id,day,amount\n".to_owned();
        for order in first..first + count {
            text.push_str(&format!("{order},{day},10.50\n"));
        }
        self.landing(&format!("orders/{day}.csv"), text);
    }
}
