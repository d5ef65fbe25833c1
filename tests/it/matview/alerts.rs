//! Alerts: one log line each, whose words stay, beside the rows of `lakeport.refreshes`.

use std::fmt;
use std::sync::{Arc, Mutex};

use lakeport::matview::RefreshRequest;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use super::world::{World, name, orders};

/// Keeps what is no debugging as `LEVEL field=value ...`.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn with(&self, words: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(words)).cloned().collect()
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

const ORDERS: &str = "CREATE MATERIALIZED VIEW silver.orders REFRESH POLICY FULL
AS SELECT order_id, amount FROM bronze.orders";
const BELOW: &str =
    "CREATE MATERIALIZED VIEW gold_finance.total AS SELECT sum(amount) AS total FROM silver.orders";

async fn world() -> World {
    let world = World::new(&[("silver/orders", ORDERS), ("gold/finance/total", BELOW)]).await;
    world.arrive("bronze.orders", orders(&[(Some(1), "EUR", Some(1.0))])).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_cannot_be_read_is_tried_so_often_and_then_is_an_alert() {
    let world = world().await;
    world.refresh().await;
    world.arrive("bronze.orders", orders(&[(Some(2), "EUR", Some(1.0))])).await;
    // A file where the folder of its quarantine would be: what looks there fails, each time.
    std::fs::create_dir_all(world.path("lake/quarantine")).unwrap();
    std::fs::write(world.path("lake/quarantine/silver__orders"), "").unwrap();
    let heard = Heard::default();
    let request = RefreshRequest::default();
    let refresh = world.refresher.refresh_with_retries(&request);
    let report = refresh.with_subscriber(heard.clone()).await.unwrap();
    assert!(!report.views[0].state.is_current());
    let alerts = heard.with("a view could not be refreshed");
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert!(alerts[0].starts_with("ERROR "), "{alerts:#?}");
    for part in ["view=silver.orders", "attempts=5", "sqlstate=", "condition="] {
        assert!(alerts[0].contains(part), "{alerts:#?}");
    }
    let rows = world
        .rows("SELECT view_name, state, attempt FROM lakeport.refreshes WHERE attempt > 0 AND state IN ('failed', 'skipped')")
        .await;
    let tried = |view: &str, state: &str| (1..=5).map(|n| format!("{view}|{state}|{n}")).collect();
    let expected: Vec<Vec<String>> = vec![tried("orders", "failed"), tried("total", "skipped")];
    assert_eq!(rows, expected.concat());
    // The last good version is served all the while.
    assert_eq!(world.rows("SELECT total FROM gold_finance.total").await, ["1.0"]);
}

const FOLLOWED: &str = "CREATE MATERIALIZED VIEW silver.orders
AS SELECT order_id, amount FROM bronze.orders";

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_strategy_by_cost_is_no_alert_and_one_against_the_rules_is_one_for_each_reason()
{
    let world = World::new(&[("silver/orders", FOLLOWED)]).await;
    let arrive = async |ids: std::ops::Range<i64>| {
        let rows: Vec<_> = ids.map(|id| (Some(id), "EUR", Some(1.0))).collect();
        world.arrive("bronze.orders", orders(&rows)).await;
        refreshed(&world).await.with("a view changed its strategy")
    };
    let is_alert = |told: &[String]| told.iter().any(|line| line.starts_with("WARN "));
    let stranger = async || {
        let location = world.lake.location(&name("silver.orders"));
        let table = world.lake.newest(&location).await.unwrap().unwrap();
        let row = table.read().await.unwrap().remove(0).slice(0, 1);
        world.append("silver.orders", row, None).await;
    };
    assert!(arrive(0..1000).await.is_empty(), "the first build");
    let told = arrive(1000..1010).await;
    assert!(told[0].starts_with("INFO "), "{told:#?}");
    for part in ["view=silver.orders", "from=\"full\"", "to=\"incremental\"", "bronze.orders"] {
        assert!(told[0].contains(part), "{told:#?}");
    }
    // Seven times as many rows as there were are not worth following, and which way is cheaper for the
    // few after that is a question of time: neither is an alert.
    let told = arrive(2000..9000).await;
    assert!(told[0].starts_with("INFO ") && told[0].contains("bytes of its sources changed"));
    assert!(!is_alert(&arrive(9000..9010).await));
    for (round, wanted) in [true, false, false].into_iter().enumerate() {
        stranger().await;
        let told = arrive(9010..9020).await;
        assert_eq!(is_alert(&told), wanted, "{round}: {told:#?}");
        let says = |line: &String| line.contains("the table was changed from outside");
        assert!(!wanted || told.iter().all(says), "{told:#?}");
    }
    // It keeps its promise again, and then breaks it again.
    assert!(!is_alert(&arrive(9020..9030).await));
    stranger().await;
    assert!(is_alert(&arrive(9030..9040).await));
    // Another definition promises another thing.
    world.define("silver/orders", &FOLLOWED.replace("amount FROM", "amount + 1 AS amount FROM"));
    world.apply().await;
    assert!(arrive(9040..9050).await.is_empty());
}

async fn refreshed(world: &World) -> Heard {
    let heard = Heard::default();
    let request = RefreshRequest::default();
    let refresh = world.refresher.refresh(&request);
    let report = refresh.with_subscriber(heard.clone()).await.unwrap();
    assert!(report.views.iter().all(|view| view.state.is_current()), "{report:?}");
    heard
}
