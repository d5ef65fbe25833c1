//! Small prepared queries, mixed, by several clients at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error, NoTls};

const QUERIES: [&str; 3] = [
    "SELECT c_name, c_acctbal FROM public.customer WHERE c_custkey = $1",
    "SELECT c_mktsegment, count(*), sum(c_acctbal) FROM public.customer WHERE c_nationkey = $1 \
     GROUP BY c_mktsegment",
    "SELECT count(*), avg(c_acctbal), max(c_acctbal) FROM public.customer WHERE c_custkey < $1",
];
const SECONDS: f64 = 5.0;

pub(crate) async fn connect(
    address: SocketAddr,
    database: &str,
) -> (Client, JoinHandle<Result<(), Error>>) {
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(address.port())
        .user("lakeport")
        .dbname(database)
        .connect(NoTls)
        .await
        .unwrap();
    (client, tokio::spawn(connection))
}

/// One client's questions until the time is over: how many, how many failed, milliseconds in all by
/// query.
async fn ask(address: SocketAddr, database: &str, seed: i64) -> (u64, u64, [(f64, u64); 3]) {
    let (client, _connection) = connect(address, database).await;
    let mut statements = Vec::new();
    for query in QUERIES {
        statements.push(client.prepare(query).await.unwrap());
    }
    let (mut asked, mut failed, mut times) = (0, 0, [(0.0, 0); 3]);
    let until = Instant::now() + Duration::from_secs_f64(SECONDS);
    let mut number = seed;
    while Instant::now() < until {
        // Mostly points, as in dashboards with filters.
        let kind = [0, 0, 1, 2][asked as usize % 4];
        number = (number * 7919 + 104_729) % 150_000;
        let key = if kind == 1 { number % 25 } else { number };
        let started = Instant::now();
        match client.query(&statements[kind], &[&key]).await {
            Ok(_) => {
                times[kind].0 += started.elapsed().as_secs_f64() * 1000.0;
                times[kind].1 += 1;
            }
            Err(_) => failed += 1,
        }
        asked += 1;
    }
    (asked, failed, times)
}

pub(crate) async fn measure(name: &str, address: SocketAddr, database: &'static str) {
    for clients in [1, 8, 32] {
        let asking: Vec<_> =
            (0..clients).map(|seed| tokio::spawn(ask(address, database, seed))).collect();
        let (mut asked, mut failed, mut times) = (0, 0, [(0.0, 0); 3]);
        for one in asking {
            let (more_asked, more_failed, more) = one.await.unwrap();
            asked += more_asked;
            failed += more_failed;
            for (sum, more) in times.iter_mut().zip(more) {
                *sum = (sum.0 + more.0, sum.1 + more.1);
            }
        }
        let each = times.map(|(sum, count)| sum / count.max(1) as f64);
        println!(
            "{name:<10} {clients:>2} clients {:>6.0} queries a second, {failed} errors; point \
             {:.2} ms, group {:.2} ms, KPI {:.2} ms",
            asked as f64 / SECONDS,
            each[0],
            each[1],
            each[2]
        );
    }
}
