//! Shares: the rows over all endpoints are exactly the table's, whoever fetches them.

use std::process::Command;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_flight::FlightInfo;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::support::{Deployment, FlightClient, Process, TestServer};

/// Every row as text, in order.
fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let options = FormatOptions::default().with_null("NULL");
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let texts: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(texts.join("|"));
        }
    }
    rows.sort();
    rows
}

/// A Delta table as another engine writes it: one file of 57 row groups, and two small ones.
fn plant(deployment: &Deployment) -> String {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ]));
    let mut log = vec![
        r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#.to_owned(),
        r#"{"metaData":{"id":"5fba94ed-9794-4965-ba6e-6ee3c0d22af9","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"name\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":1}}"#.to_owned(),
    ];
    for (file, ids) in
        [("a b.parquet", 0..5_650_i64), ("b.parquet", 5_650..5_700), ("c.parquet", 5_700..5_701)]
    {
        let ids: Vec<i64> = ids.collect();
        let names = ids.iter().map(|id| (id % 7 != 0).then(|| format!("name {id}")));
        let columns: Vec<Arc<dyn arrow::array::Array>> =
            vec![Arc::new(Int64Array::from(ids.clone())), Arc::new(StringArray::from_iter(names))];
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(100)).build();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, schema.clone(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        deployment.landing(&format!("many/{file}"), &bytes);
        log.push(format!(
            r#"{{"add":{{"path":"{}","partitionValues":{{}},"size":{},"modificationTime":1,"dataChange":true,"stats":"{{\"numRecords\":{}}}"}}}}"#,
            file.replace(' ', "%20"), bytes.len(), ids.len(),
        ));
    }
    deployment.landing("many/_delta_log/00000000000000000000.json", log.join("\n"));
    format!("file://{}", deployment.path("landing/many").display())
}

async fn served() -> (Deployment, TestServer) {
    let deployment = Deployment::new();
    let place = plant(&deployment);
    let server = deployment.serve().await;
    let mut client = server.flight().await;
    let external = format!("CREATE EXTERNAL TABLE sandbox.many STORED AS DELTA LOCATION '{place}'");
    client.update(&external).await.unwrap();
    client
        .update("CREATE TABLE sandbox.parts (part text, n bigint) PARTITIONED BY (part)")
        .await
        .unwrap();
    for (part, count) in [("a", 1000), ("b c", 1), ("ä%", 20_000), ("a", 17)] {
        let insert = format!(
            "INSERT INTO sandbox.parts SELECT '{part}', n FROM generate_series(1, {count}) AS t(n)"
        );
        client.update(&insert).await.unwrap();
    }
    (deployment, server)
}

const DIVISIBLE: &[&str] = &[
    "SELECT * FROM sandbox.many",
    "SELECT id FROM sandbox.many WHERE id % 3 = 0 OR name IS NULL",
    "SELECT id * 2 AS twice, upper(name) FROM sandbox.many AS m WHERE m.id BETWEEN 50 AND 5660",
    "SELECT 1 AS one FROM sandbox.many",
    "SELECT * FROM sandbox.many WHERE false",
    "SELECT id FROM (SELECT id, name FROM sandbox.many) AS inside WHERE name LIKE '%9'",
    "SELECT * FROM sandbox.parts",
    "SELECT part FROM sandbox.parts",
    "SELECT n, part FROM sandbox.parts WHERE part <> 'a'",
    "SELECT 'x' AS x FROM sandbox.parts WHERE part = 'a'",
];

const WHOLE: &[&str] = &[
    "SELECT count(*) FROM sandbox.many",
    "SELECT DISTINCT name FROM sandbox.many",
    "SELECT * FROM sandbox.many ORDER BY id",
    "SELECT * FROM sandbox.many LIMIT 10",
    "SELECT random() AS r, id FROM sandbox.many",
    "SELECT id FROM sandbox.many UNION ALL SELECT n FROM sandbox.parts",
    "SELECT m.id FROM sandbox.many m JOIN sandbox.parts p ON p.n = m.id",
    "SELECT id FROM sandbox.many WHERE id IN (SELECT n FROM sandbox.parts)",
    "SELECT row_number() OVER () FROM sandbox.many",
    "SELECT n FROM generate_series(1, 10) AS t(n)",
    "SELECT * FROM sandbox.parts VERSION AS OF 1",
];

async fn asked(client: &mut FlightClient, sql: &str, endpoints: usize) -> FlightInfo {
    client.update(&format!("SET lakeport.flight_endpoints = {endpoints}")).await.unwrap();
    client.inner.execute(sql.to_owned(), None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoints_together_are_the_table_at_any_two_servers() {
    let (deployment, server) = served().await;
    let second = TestServer::start(deployment.open().await, &deployment.paths()).await;
    let mut clients = [server.flight().await, second.flight().await];
    for sql in DIVISIBLE {
        let one = asked(&mut clients[0], sql, 1).await;
        assert_eq!(one.endpoint.len(), 1, "{sql}");
        let all = rows(&clients[0].fetch(one).await.unwrap());
        for count in [2, 3, 7, 64] {
            let info = asked(&mut clients[0], sql, count).await;
            assert_eq!(info.endpoint.len(), count, "{sql}");
            let mut together = Vec::new();
            for (index, endpoint) in info.endpoint.into_iter().enumerate() {
                let client = &mut clients[index % 2];
                together.extend(client.get(endpoint.ticket.unwrap()).await.unwrap());
            }
            assert_eq!(rows(&together), all, "{sql} over {count} endpoints");
        }
    }
    assert_eq!(rows(&clients[1].query("SELECT * FROM sandbox.many").await.unwrap()).len(), 5701);
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_but_filters_and_projections_is_one_endpoint() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    for sql in WHOLE {
        let info = asked(&mut client, sql, 8).await;
        assert_eq!(info.endpoint.len(), 1, "{sql}");
        client.fetch(info).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    // Small tables are not worth it unless somebody asks.
    assert_eq!(asked(&mut client, DIVISIBLE[0], 0).await.endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_the_same_rows_in_a_process_with_one_core() {
    let (deployment, server) = served().await;
    let mut client = server.flight().await;
    let mut one_core = Command::new("taskset");
    let serve = deployment.command(&["serve", "--pg-port=0", "--flight-port=0", "--http-port=0"]);
    one_core.args(["-c", "0"]).arg(serve.get_program()).args(serve.get_args());
    let other = Process::start(&mut one_core);
    let mut elsewhere = FlightClient::connect(other.flight, "lakeport").await.unwrap();
    for sql in DIVISIBLE {
        let all = rows(&client.query(sql).await.unwrap());
        let info = asked(&mut client, sql, 5).await;
        assert_eq!(rows(&elsewhere.fetch(info).await.unwrap()), all, "{sql}");
        client.update("RESET lakeport.flight_endpoints").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_stay_those_of_the_version_that_was_asked_for() {
    let (_deployment, server) = served().await;
    let mut client = server.flight().await;
    let sql = "SELECT * FROM sandbox.parts";
    let all = rows(&client.query(sql).await.unwrap());
    let info = asked(&mut client, sql, 6).await;
    client.update("INSERT INTO sandbox.parts SELECT 'new', 1").await.unwrap();
    assert_eq!(rows(&client.fetch(info).await.unwrap()), all);
    assert_eq!(rows(&client.query(sql).await.unwrap()).len(), all.len() + 1);
}
