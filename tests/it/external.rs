//! External tables over files: read where they lie, as DuckDB reads them, by those who may.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::support::{Deployment, TestServer, ended, python, text_rows};

const JANUARY: &str = "region,sold_on,quantity,price,note\n\
    north,2026-01-03,4,1.50,\"first, \"\"quoted\"\"\"\n\
    south,2026-01-04,,2.25,\n\
    north,2026-01-05,7,0.10,\"two\nlines\"\n";
const FEBRUARY: &str = "region,sold_on,quantity,price,note\n\
    west,2026-02-01,1,10,Zürich\n\
    ,2026-02-02,2,3.5,x\n";
const LINES: &str = "{\"id\":1,\"name\":\"a\",\"tags\":[\"x\",\"y\"],\"at\":{\"city\":\"Ulm\"}}\n\
    {\"id\":2,\"name\":null,\"tags\":[],\"at\":{\"city\":\"Rom\"}}\n\
    {\"id\":3,\"name\":\"c\",\"more\":1.5}\n";

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn land(deployment: &Deployment) {
    deployment.landing("sales/2026/01.csv", JANUARY);
    deployment.landing("sales/2026/02.csv", FEBRUARY);
    deployment.landing("sales/2026/_left_out.csv", "no,such,columns\n1,2,3\n");
    deployment.landing("people/lines.ndjson", LINES);
    let array = format!("[{}]", LINES.trim_end().replace('\n', ",\n"));
    deployment.landing("people_array/all.json", array);
    // One writer's numbers are narrower than the other's.
    let names = || Arc::new(StringArray::from(vec![Some("a"), None, Some("c")])) as ArrayRef;
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(40_000_000_000), None, Some(6)]));
    for (file, numbers) in [("parts/one.parquet", narrow), ("parts/two.parquet", wide)] {
        let batch = RecordBatch::try_from_iter([("n", numbers), ("name", names())]).unwrap();
        deployment.landing(file, parquet(&batch));
    }
}

const TABLES: &str = "-- Files that others write.
CREATE EXTERNAL TABLE bronze.sales STORED AS CSV LOCATION 'sales/*/*.csv' COMMENT 'What was sold.';
CREATE EXTERNAL TABLE bronze.typed (area text, day date, pieces smallint, price numeric(12, 2), remark text COMMENT 'Words.')
    STORED AS CSV LOCATION 'sales/2026';
CREATE EXTERNAL TABLE bronze.people STORED AS JSON LOCATION 'people/*.ndjson';
CREATE EXTERNAL TABLE bronze.people_array STORED AS JSON LOCATION 'people_array/all.json';
CREATE EXTERNAL TABLE bronze.parts STORED AS PARQUET LOCATION 'parts/*.parquet';
";

async fn served() -> (Deployment, TestServer) {
    let deployment = Deployment::new().catalog("files.sql", TABLES).catalog_append(
        "roles.sql",
        "CREATE ROLE buyer LOGIN;\nGRANT SELECT ON bronze.sales TO buyer;\n",
    );
    land(&deployment);
    let server = deployment.serve().await;
    (deployment, server)
}

/// What DuckDB answers, NULL as it prints it; `None` where there is none.
fn duckdb(sql: &str) -> Option<Vec<String>> {
    let python = python(&["duckdb"])?;
    let script = "import duckdb, sys\n\
        for row in duckdb.sql(sys.argv[1]).fetchall():\n    print('|'.join('NULL' if v is None else str(v) for v in row).replace('\\n', '^'))";
    let mut command = std::process::Command::new(python);
    command.args(["-c", script, sql]);
    let ended = ended(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    Some(ended.stdout.lines().map(str::to_owned).collect())
}

fn joined(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    let cell = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".to_owned());
    let row = |row: Vec<Option<String>>| row.into_iter().map(cell).collect::<Vec<_>>().join("|");
    rows.into_iter().map(|cells| row(cells).replace('\n', "^")).collect()
}

async fn code(server: &TestServer, role: &str, sql: &str) -> (String, String) {
    let error = text_rows(&server.client_as(role).await, sql).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    (error.code().code().to_owned(), error.message().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_read_in_place_are_what_duckdb_reads() {
    let (deployment, server) = served().await;
    let at = |path: &str| Path::new(&deployment.path("landing")).join(path).display().to_string();
    let csv = format!("read_csv('{}', header = true)", at("sales/*/0*.csv"));
    let typed = format!(
        "(SELECT region AS area, sold_on AS day, quantity AS pieces, price::DECIMAL(12, 2) AS price, note AS remark FROM {csv})"
    );
    let lines = format!("read_json('{}', format = 'newline_delimited')", at("people/*.ndjson"));
    let array = format!("read_json('{}', format = 'array')", at("people_array/all.json"));
    let parts = format!("read_parquet('{}', union_by_name = true)", at("parts/*.parquet"));
    for (table, theirs, query) in [
        (
            "bronze.sales",
            &csv,
            "SELECT region, sold_on, quantity, price::numeric(12, 2), note FROM {} ORDER BY sold_on",
        ),
        (
            "bronze.sales",
            &csv,
            "SELECT count(*), sum(quantity), min(sold_on), max(note) FROM {} WHERE sold_on < '2026-02-02'",
        ),
        ("bronze.typed", &typed, "SELECT area, day, pieces, price, remark FROM {} ORDER BY day"),
        (
            "bronze.typed",
            &typed,
            "SELECT area, sum(price) FROM {} WHERE pieces > 1 GROUP BY area ORDER BY 2",
        ),
        (
            "bronze.people",
            &lines,
            "SELECT id, name, more, cardinality(tags) FROM {} WHERE id < 3 ORDER BY id",
        ),
        ("bronze.people_array", &array, "SELECT count(*), sum(id), max(more) FROM {}"),
        (
            "bronze.parts",
            &parts,
            "SELECT count(*), sum(n)::bigint, count(n), count(DISTINCT name) FROM {}",
        ),
        ("bronze.parts", &parts, "SELECT n, name FROM {} WHERE n > 2 ORDER BY n"),
    ] {
        let ours = joined(server.rows(&query.replace("{}", table)).await);
        assert!(!ours.is_empty(), "{query}");
        // DuckDB counts a list's items by another name.
        let query = query.replace("{}", theirs).replace("cardinality(", "len(");
        let Some(theirs) = duckdb(&query) else { return };
        assert_eq!(ours, theirs, "{query}");
    }
    let city = "SELECT (at)['city'] FROM bronze.people WHERE id = 1";
    assert_eq!(joined(server.rows(city).await), ["Ulm"]);

    // A file more is read by the next statement, one less too.
    let count = "SELECT count(*) FROM bronze.sales";
    deployment.landing("sales/2027/01.csv", FEBRUARY);
    assert_eq!(joined(server.rows(count).await), ["7"]);
    deployment.remove("landing/sales/2026/01.csv");
    assert_eq!(joined(server.rows(count).await), ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogs_show_them_and_privileges_hold() {
    let (_deployment, server) = served().await;
    let columns = "SELECT column_name, data_type FROM information_schema.columns \
        WHERE table_name = 'typed' ORDER BY ordinal_position";
    assert_eq!(
        joined(server.rows(columns).await),
        ["area|text", "day|date", "pieces|smallint", "price|numeric", "remark|text"]
    );
    let shown = "SELECT c.relname, count(a.attname), obj_description(c.oid) FROM pg_class c \
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
        WHERE c.relname = 'sales' GROUP BY 1, 3";
    assert_eq!(joined(server.rows(shown).await), ["sales|5|What was sold."]);

    let batches =
        server.flight_as("buyer").await.query("SELECT * FROM bronze.sales").await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
    let (state, message) = code(&server, "buyer", "SELECT * FROM bronze.parts").await;
    assert_eq!(
        (state.as_str(), message.as_str()),
        ("42P01", "relation \"bronze.parts\" does not exist")
    );

    for (sql, state) in [
        ("INSERT INTO bronze.sales SELECT * FROM bronze.sales", "42809"),
        ("SELECT * FROM bronze.sales VERSION AS OF 1", "0A000"),
        ("SELECT * FROM table_changes('bronze.sales', 0, 1)", "0A000"),
        ("OPTIMIZE bronze.sales", "42809"),
        ("DESCRIBE HISTORY bronze.sales", "42809"),
    ] {
        assert_eq!(code(&server, "lakeport", sql).await.0, state, "{sql}");
    }
    let create = "CREATE EXTERNAL TABLE sandbox.mine STORED AS CSV LOCATION 'sales/2026'";
    assert_eq!(code(&server, "buyer", create).await.0, "42501");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_says_why() {
    let (deployment, server) = served().await;
    deployment.landing("wrong/a.csv", "a,b\n1,2\n");
    deployment.landing("wrong/b.csv", "a,b\nx,y\n");
    deployment.landing("uneven/a.csv", "a,b\n1,2\n1,2,3\n");
    deployment.landing("broken/a.json", "{\"a\":1}\n{\"a\":\n");
    deployment.landing("broken/a.parquet", "PAR1 and nothing more");
    deployment.landing("packed/a.csv.gz", [0x1f, 0x8b, 8, 0]);
    deployment.write("outside/secret.csv", "a\n1\n");
    std::os::unix::fs::symlink(deployment.path("outside"), deployment.path("landing/way_out"))
        .unwrap();
    std::fs::create_dir_all(deployment.path("landing/empty")).unwrap();
    let outside = deployment.path("outside").display().to_string();

    let create = |more: &str| format!("CREATE EXTERNAL TABLE sandbox.t {more}");
    for (more, state, says) in [
        ("STORED AS CSV LOCATION 'nowhere/*.csv'", "58P01", "does not exist"),
        ("STORED AS CSV LOCATION 'empty/*.csv'", "58P01", "no file matches \"empty/*.csv\""),
        (&*format!("STORED AS CSV LOCATION '{outside}/*.csv'"), "22023", "outside the folders"),
        ("STORED AS CSV LOCATION '../outside/*.csv'", "22023", "outside the folders"),
        ("STORED AS CSV LOCATION 'way_out/*.csv'", "22023", "outside the folders"),
        ("STORED AS CSV LOCATION 's3://bucket/x.csv'", "0A000", "s3://"),
        ("STORED AS ORC LOCATION 'sales'", "0A000", "STORED AS ORC"),
        ("STORED AS CSV LOCATION 'packed'", "0A000", "compressed"),
        (
            "STORED AS CSV LOCATION 'sales/2026' OPTIONS (colour 'red')",
            "22023",
            "unrecognized option",
        ),
        ("STORED AS CSV LOCATION 'sales/2026' OPTIONS (delimiter '--')", "22023", "one character"),
        ("STORED AS JSON LOCATION 'people' OPTIONS (header true)", "0A000", "OPTIONS"),
        ("(a bigint NOT NULL) STORED AS CSV LOCATION 'wrong'", "0A000", "NOT NULL"),
        ("(a shade) STORED AS CSV LOCATION 'wrong'", "42704", "shade"),
    ] {
        let (found, message) = code(&server, "lakeport", &create(more)).await;
        assert_eq!(found, state, "{more}: {message}");
        assert!(message.contains(says), "{more}: {message}");
    }
    for (name, more, state) in [
        ("wrong", "(a bigint, b bigint) STORED AS CSV LOCATION 'wrong'", "22P02"),
        ("uneven", "(a bigint, b bigint) STORED AS CSV LOCATION 'uneven'", "22P02"),
        ("broken_json", "(a bigint) STORED AS JSON LOCATION 'broken/*.json'", "22P02"),
        ("broken_parquet", "(a bigint) STORED AS PARQUET LOCATION 'broken/*.parquet'", "XX001"),
    ] {
        let sql = format!("CREATE EXTERNAL TABLE sandbox.{name} {more}");
        server.rows(&sql).await;
        let (found, message) =
            code(&server, "lakeport", &format!("SELECT * FROM sandbox.{name}")).await;
        assert_eq!(found, state, "{name}: {message}");
    }
    server.rows("CREATE EXTERNAL TABLE sandbox.piped STORED AS CSV LOCATION 'wrong/a.csv' OPTIONS (header false, 'delimiter' = ',')").await;
    assert_eq!(joined(server.rows("SELECT count(*) FROM sandbox.piped").await), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_over_files_are_computed_in_full_each_time() {
    let deployment = Deployment::new().catalog("files.sql", TABLES).sql(
        "silver/by_region.sql",
        "-- One row per region.\nCREATE MATERIALIZED VIEW silver.by_region SCHEDULE EVERY 1 HOURS AS\n\
         SELECT region, sum(quantity) AS pieces FROM bronze.sales GROUP BY region;\n",
    );
    land(&deployment);
    let server = deployment.serve().await;
    let rows = "SELECT region, pieces FROM silver.by_region ORDER BY region";
    server.rows("REFRESH MATERIALIZED VIEW silver.by_region").await;
    let first = joined(server.rows(rows).await);
    assert_eq!(first, ["north|11", "south|NULL", "west|1", "NULL|2"]);
    deployment.landing("sales/2026/03.csv", JANUARY);
    server.rows("REFRESH MATERIALIZED VIEW silver.by_region").await;
    assert_eq!(joined(server.rows(rows).await)[0], "north|22");
    let how = "SELECT strategy, reason FROM lakeport.refreshes WHERE view_name = 'by_region' ORDER BY started_at DESC LIMIT 1";
    assert_eq!(joined(server.rows(how).await), ["full|it reads relations without versions"]);
}
