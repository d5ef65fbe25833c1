//! JSON arrays, Parquet, lines of text, zstd, and files that are not UTF-8.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::support::{Deployment, python};
use super::{columns, deployment, gzip, ingest, one, query, states};

const JSON: &str = "'in/*', format => 'json'";

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_lines_and_spread_objects_are_told_apart() {
    let deployment = deployment("", "'in/*', format => 'json', multiLine => true");
    deployment
        .landing("in/a.json", "[{\"id\":1,\"t\":\"x,]\\\"}\"},\n {\"id\":2,\n  \"t\":\"[\"}]");
    deployment.landing("in/b.json", "{\"id\":3,\"t\":\"a\"}\n{\"id\":4,\"t\":\"b\"}\n");
    deployment.landing("in/c.json", "{\n  \"id\": 5,\n  \"t\": \"{\"\n}\n\n{ \"id\": 6 }");
    deployment.landing("in/d.json", "[]");
    deployment
        .landing("in/e.json.zst", zstd::encode_all(&b"[{\"id\":7}]\n[{\"id\":8}]"[..], 1).unwrap());
    deployment.landing("in/f.json.gz", gzip(b"[\n{\"id\":9}\n]"));
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(
        query(&services, "SELECT id, t, _source_file FROM bronze.t ORDER BY id").await,
        [
            "1|x,]\"}|in/a.json",
            "2|[|in/a.json",
            "3|a|in/b.json",
            "4|b|in/b.json",
            "5|{|in/c.json",
            "6|-|in/c.json",
            "7|-|in/e.json.zst",
            "8|-|in/e.json.zst",
            "9|-|in/f.json.gz",
        ]
    );
    assert_eq!(one(&services, "SELECT count(*) FROM quarantine.bronze__t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_item_of_an_array_costs_itself_only() {
    let deployment = deployment("id bigint", JSON);
    deployment.landing(
        "in/a.json",
        "[{\"id\":1},\n{\"id\":},\n7,\"x\",[1],{\"id\":2},\n{\"id\":\"z\"},null]",
    );
    // Nothing closes the second object: the third, laid out like it, is still found.
    deployment.landing("in/b.json", "[\n  {\"id\":3},\n  {\"id\":4,\"o\":{\"a\":\"\n  {\"id\":5},\n  {\"id\":6,\n    \"o\":[\n      {\"id\":66}]}\n]");
    deployment.landing("in/c.json", "[{\"id\":8},{\"id\":9");
    deployment.landing("in/d.json", "[{\"id\":10},");
    deployment
        .landing("in/e.json", [&b"[{\"id\":11},{\"t\":\"\xff\"},"[..], b"{\"id\":12}]"].concat());
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(
        one(&services, "SELECT string_agg(cast(id AS text), ' ' ORDER BY id) FROM bronze.t").await,
        "1 2 3 5 6 8 10 11 12"
    );
    assert_eq!(
        query(
            &services,
            "SELECT file_path, line, reason FROM quarantine.bronze__t ORDER BY 1, 2, 3"
        )
        .await,
        [
            "in/a.json|2|not JSON: expected value (character 7)",
            "in/a.json|3|not a JSON object",
            "in/a.json|3|not a JSON object",
            "in/a.json|3|not a JSON object",
            "in/a.json|4|not a JSON object",
            "in/b.json|3|the JSON object is cut",
            "in/c.json|1|the JSON object is cut; the rest of the file is not read",
            "in/d.json|1|the JSON array is not closed",
            "in/e.json|1|not UTF-8 from byte 7 of the line",
        ]
    );
    assert_eq!(
        one(&services, "SELECT _rescued_data FROM bronze.t WHERE id IS NULL").await,
        "{\"id\":\"z\",\"_file_path\":\"in/a.json\"}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_longer_than_any_may_be_is_refused_unread() {
    let deployment = deployment("id bigint", JSON)
        .catalog_append("lakeport.toml", "\n[limits]\nline_bytes_max = 1024\n");
    let long =
        format!("[\n{{\"id\":1}},\n{{\"id\":2,\"t\":\"{}\"}},\n{{\"id\":3}}\n]", "x".repeat(2000));
    deployment.landing("in/a.json", long);
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(query(&services, "SELECT id FROM bronze.t ORDER BY id").await, ["1", "3"]);
    assert_eq!(
        query(&services, "SELECT line, reason FROM quarantine.bronze__t").await,
        ["3|the JSON object is longer than 1024 bytes"]
    );
}

#[test]
fn an_array_reads_as_its_items_do_line_by_line() {
    let value = prop_oneof![
        "[ -~]{0,12}".prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        Just(serde_json::json!({"a": [1, {"b": "]}"}], "c": null})),
        "[\\[\\]{}\",\\\\\n]{0,6}".prop_map(serde_json::Value::from),
    ];
    let objects = prop::collection::vec((value, any::<bool>()), 0..12);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    let outcome = runner.run(&objects, |objects| {
        let deployment = deployment("n bigint, v text", "'in/*', format => 'json'");
        let mut array = Vec::new();
        let mut lines = String::new();
        for (at, (value, pretty)) in objects.iter().enumerate() {
            let object = serde_json::json!({"n": at, "v": value.to_string()});
            lines.push_str(&format!("{object}\n"));
            array.push(match pretty {
                true => serde_json::to_string_pretty(&object).unwrap(),
                false => object.to_string(),
            });
        }
        deployment.landing("in/lines.json", lines);
        deployment.landing("in/array.json", format!("[{}]", array.join(",\n")));
        let rows = runtime.block_on(async {
            let services = deployment.apply().await;
            ingest(&services).await;
            query(
                &services,
                "SELECT n, v, count(*), count(DISTINCT _source_file), count(_rescued_data) \
                 FROM bronze.t GROUP BY n, v ORDER BY n",
            )
            .await
        });
        let expected: Vec<String> = objects
            .iter()
            .enumerate()
            .map(|(at, (value, _))| format!("{at}|{value}|2|2|0"))
            .collect();
        prop_assert_eq!(rows, expected);
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_encodings_are_read_and_what_has_no_character_is_refused() {
    let deployment = deployment("", "'in/*', format => 'csv', encoding => 'cp1252'");
    deployment.landing("in/a.csv", b"name,n\nM\xfcnchen,1\n\x80uro,2\nbad \x81,3\n");
    // A byte order mark goes before the option.
    deployment
        .landing("in/b.csv", [b"\xff\xfe".to_vec(), utf16("name,n\nŁódź,4\n", false)].concat());
    deployment
        .landing("in/c.csv", [b"\xfe\xff".to_vec(), utf16("name,n\n東京,5\n", true)].concat());
    deployment.landing("in/d.csv", "\u{feff}name,n\nZürich,6\n");
    let mut lone = [b"\xff\xfe".to_vec(), utf16("name,n\nA", false)].concat();
    lone.extend([0x00, 0xd8]);
    lone.extend(utf16(",7\nB,8\n", false));
    deployment.landing("in/e.csv", &lone);
    deployment.landing("in/f.csv.zst", zstd::encode_all(&b"name,n\nS\xe3o,9\n"[..], 1).unwrap());
    deployment.landing("in/g.csv.zst", b"name,n\nx,10\n");
    let cut = zstd::encode_all(&b"name,n\nx,11\n".repeat(20_000)[..], 1).unwrap();
    deployment.landing("in/h.csv.zst", &cut[..cut.len() / 2]);
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(
        query(&services, "SELECT name, n FROM bronze.t WHERE n < 10 ORDER BY n").await,
        ["München|1", "€uro|2", "Łódź|4", "東京|5", "Zürich|6", "B|8", "São|9"]
    );
    assert_eq!(
        query(&services, "SELECT file_path, line, reason FROM quarantine.bronze__t WHERE file_path < 'in/h' ORDER BY 1").await,
        [
            "in/a.csv|4|not windows-1252 from byte 5 of the line",
            "in/e.csv|2|not UTF-16LE from byte 2 of the line",
            "in/g.csv.zst|-|the file is damaged: the file is not zstd",
        ]
    );
    let states = states(&services).await;
    assert!(states.iter().any(|state| state.starts_with("in/h.csv.zst|failed")), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn utf_16_without_a_mark_and_lines_of_text() {
    let deployment = deployment("", "'in/*.log', format => 'text', encoding => 'UTF-16'");
    deployment.landing("in/a.log", utf16("one, \"two\"\n\nthree", false));
    deployment.landing("in/b.log", utf16("fôur\r\n", true));
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(
        query(&services, "SELECT value FROM bronze.t ORDER BY _source_file, value").await,
        ["", "one, \"two\"", "three", "fôur"]
    );
    assert_eq!(columns(&services).await[0], "value Utf8");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_either_encoding_are_read() {
    let deployment = deployment("", "'in/*.csv', format => 'csv', encoding => 'utf-8, cp1252'");
    deployment.landing("in/a.csv", b"name,n\nM\xfcnchen,1\nK\xc3\xb6ln,2\nbad \x81\xff,3\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(query(&services, "SELECT name FROM bronze.t ORDER BY n").await, ["München", "Köln"]);
    assert_eq!(
        query(&services, "SELECT line, reason FROM quarantine.bronze__t").await,
        ["4|not UTF-8 from byte 5 of the line"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_encoding_is_refused_by_name() {
    let deployment = deployment("", "'in/*.csv', format => 'csv', encoding => 'klingon'");
    let services = deployment.apply().await;
    let error = super::failure(&services).await;
    assert!(
        error.to_string().contains("option encoding of read_files: encoding \"klingon\""),
        "{error}"
    );
}

/// Files as pyarrow writes them: types of all kinds, a schema that differs and grows.
const PARQUET: &str = r#"
import sys, datetime as d, decimal, pyarrow as pa, pyarrow.parquet as pq
out = sys.argv[1]
def write(file, **columns):
    pq.write_table(pa.table(columns), f"{out}/{file}.parquet", **OPTIONS)
OPTIONS = {"compression": "zstd"}
write("a", id=pa.array([1, 2, None], pa.int32()), price=pa.array([1.5, None, 2.25]),
      name=pa.array(["x", "ü", None]).dictionary_encode(), ok=pa.array([True, None, False]),
      day=pa.array([d.date(2026, 10, 1), None, d.date(1999, 1, 1)]),
      at=pa.array([d.datetime(2026, 10, 1, 12, 30), None, None], pa.timestamp("ns")),
      amount=pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-9.99")], pa.decimal128(9, 2)),
      tags=pa.array([["a", "b"], [], None]), Geo=pa.array([{"Lat": 1.5, "lon": 2}, None, {"Lat": None, "lon": 3}]))
OPTIONS = {"compression": "snappy", "version": "1.0", "use_deprecated_int96_timestamps": True}
write("b", ID=pa.array([5, 6], pa.int64()), price=pa.array([3, 4], pa.int64()),
      at=pa.array([d.datetime(2026, 10, 2), None], pa.timestamp("us")),
      extra=pa.array([d.datetime(2026, 1, 1, tzinfo=d.timezone.utc)] * 2, pa.timestamp("ms", "UTC")),
      amount=pa.array([decimal.Decimal("12345.678"), None], pa.decimal128(12, 3)),
      codes=pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())), raw=pa.array([b"abc", b"\xff"]))
"#;

const LATER: &str = r#"
import sys, pyarrow as pa, pyarrow.parquet as pq
out = sys.argv[1]
pq.write_table(pa.table({"id": pa.array(["7", "seven", None]), "price": pa.array(["8.5", "n/a", None]),
                         "day": pa.array(["2026-10-03", "tomorrow", None]), "ok": pa.array([1, 0, None]),
                         "amount": pa.array([1.5, 0.12345, None]), "fresh": pa.array([1, 2, 3], pa.uint64())}), f"{out}/c.parquet")
pq.write_table(pa.table({"id": pa.array([8.0, 8.5, float("nan")])}), f"{out}/d.parquet")
whole = open(f"{out}/a.parquet", "rb").read()
open(f"{out}/e.parquet", "wb").write(whole[:len(whole) // 2])
open(f"{out}/f.parquet", "wb").write(b"id,price\n1,2\n")
"#;

fn run(python: &Path, script: &str, deployment: &Deployment) {
    let folder = deployment.path("landing/in");
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new(python).arg("-c").arg(script).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_files_differ_and_grow_and_lose_nothing() {
    let Some(python) = python(&["pyarrow"]) else { return };
    let deployment = deployment("", "'in/*.parquet', format => 'parquet'");
    run(&python, PARQUET, &deployment);
    let services = deployment.apply().await;
    ingest(&services).await;
    let types = columns(&services).await;
    assert_eq!(
        types[..7],
        [
            "id Int64",
            "price Float64",
            "name Utf8",
            "ok Boolean",
            "day Date32",
            "at Timestamp(µs)",
            "amount Decimal128(12, 3)"
        ]
    );
    let rows = "SELECT id, price, name, ok, day, at, amount, tags, geo['lat'], extra, codes, raw, _rescued_data \
                FROM bronze.t WHERE _source_file = $1 ORDER BY coalesce(id, 99)";
    let of = async |file: &str| query(&services, &rows.replace("$1", &format!("'{file}'"))).await;
    assert_eq!(
        of("in/a.parquet").await,
        [
            "1|1.5|x|true|2026-10-01|2026-10-01T12:30:00|1.250|[a, b]|1.5|-|-|-|-",
            "2|-|ü|-|-|-|-|[]|-|-|-|-|-",
            "-|2.25|-|false|1999-01-01|-|-9.990|-|-|-|-|-|-",
        ]
    );
    assert_eq!(
        of("in/b.parquet").await,
        [
            "5|3.0|-|-|-|2026-10-02T00:00:00|12345.678|-|-|2026-01-01T00:00:00|[{key: k, value: 1}]|abc|-",
            "6|4.0|-|-|-|-|-|-|-|2026-01-01T00:00:00|-|-|{\"raw\":\"ff\",\"_file_path\":\"in/b.parquet\"}",
        ]
    );
    run(&python, LATER, &deployment);
    ingest(&services).await;
    let later = "SELECT id, price, day, ok, amount, fresh, _rescued_data FROM bronze.t \
                 WHERE _source_file > 'in/c' ORDER BY _source_file, fresh, coalesce(id, 99), _rescued_data";
    assert_eq!(
        query(&services, later).await,
        [
            "7|8.5|2026-10-03|-|1.500|1|{\"ok\":1,\"_file_path\":\"in/c.parquet\"}",
            "-|-|-|-|-|2|{\"id\":\"seven\",\"price\":\"n/a\",\"day\":\"tomorrow\",\"ok\":0,\"amount\":0.12345,\"_file_path\":\"in/c.parquet\"}",
            "-|-|-|-|-|3|-",
            "8|-|-|-|-|-|-",
            "-|-|-|-|-|-|{\"id\":\"NaN\",\"_file_path\":\"in/d.parquet\"}",
            "-|-|-|-|-|-|{\"id\":8.5,\"_file_path\":\"in/d.parquet\"}",
        ]
    );
    let states = states(&services).await;
    assert_eq!(states[4..], ["in/e.parquet|failed|0|0", "in/f.parquet|failed|0|0"]);
}

/// Parquet of random tables, compared with what DuckDB reads from the same files.
const COMPARED: &str = r#"
import sys, random, duckdb
out = sys.argv[1]
duckdb.sql(f"""COPY (SELECT i AS id, CASE WHEN i % 7 <> 0 THEN i * 1.25 END AS price, 'n' || i AS name,
    DATE '2020-01-01' + (i % 3000)::int AS day, TIMESTAMP '2020-01-01' + i * INTERVAL 1 SECOND AS moment,
    (i * 17 % 1000)::decimal(9,2) AS amount, [i, i + 1] AS pair FROM range(50000) AS t(i))
    TO '{out}/big.parquet' (ROW_GROUP_SIZE 7000)""")
for row in duckdb.sql(f"""SELECT count(*), sum(id), sum(price), count(price), max(name), min(day), max(moment), sum(amount),
    sum(pair[2]) FROM '{out}/*.parquet'""").fetchall():
    print("|".join(str(value) for value in row))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn parquet_totals_are_duckdbs() {
    let Some(python) = python(&["duckdb"]) else { return };
    let deployment = deployment("", "'in/*.parquet'");
    let folder = deployment.path("landing/in");
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new(python).arg("-c").arg(COMPARED).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected =
        String::from_utf8_lossy(&output.stdout).trim().replace("2020-01-01 13", "2020-01-01T13");
    let services = deployment.apply().await;
    ingest(&services).await;
    let ours = one(
        &services,
        "SELECT count(*), sum(id), sum(price), count(price), max(name), min(day), max(moment), sum(amount), \
         sum(pair[2]) FROM bronze.t",
    )
    .await;
    assert_eq!(ours, expected);
}
