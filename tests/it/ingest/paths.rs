//! Which files are read, and which never.

use lakeport::error::ErrorKind;
use lakeport::ingest::IngestRequest;

use super::{CSV, deployment, failure, gzip, ingest, one, query};

#[tokio::test(flavor = "multi_thread")]
async fn reads_gzip_and_tells_delimiters() {
    let deployment = deployment("", "'in/*', format => 'csv', delimiter => 'auto'");
    deployment.landing("in/comma.csv", "a,b\n1,\"x;y\"\n");
    deployment.landing("in/semicolon.csv.gz", gzip(b"a;b\r\n2;\"x,y;z\"\r\n"));
    deployment.landing("in/tab.csv", "\u{feff}a\tb\n3\tt\n");
    let mut cut = gzip("a,b\n4,u\n".repeat(1000).as_bytes());
    cut.truncate(cut.len() - 12);
    deployment.landing("in/torn.csv.gz", &cut);
    let services = deployment.apply().await;
    ingest(&services).await;
    let rows = query(
        &services,
        "SELECT a, b FROM bronze.t WHERE _source_file NOT LIKE '%torn%' ORDER BY a",
    )
    .await;
    assert_eq!(rows, ["1|x;y", "2|x,y;z", "3|t"]);
    let torn =
        query(&services, "SELECT state, error FROM lakeport.files WHERE path LIKE '%torn%'").await;
    assert!(torn[0].starts_with("failed|the file is damaged"), "{torn:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_choose_files_and_unfinished_ones_are_passed_over() {
    let deployment = deployment("", "'in/{a,b}/**/[0-9]?.csv', format => 'csv'");
    for path in [
        "a/11.csv",
        "b/x/y/2z.csv",
        "a/_12.csv",
        "a/.13.csv",
        "a/14.csv.tmp",
        "c/15.csv",
        "a/x1.csv",
        "a/_x/16.csv",
        "a/1.csv",
    ] {
        deployment.landing(&format!("in/{path}"), "id\n1\n");
    }
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(
        query(&services, "SELECT path FROM lakeport.files ORDER BY 1").await,
        ["in/a/11.csv", "in/b/x/y/2z.csv"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_outside_the_roots_are_refused() {
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("x.csv"), "id\n1\n").unwrap();
    let absolute = format!("'{}/*.csv', format => 'csv'", elsewhere.path().display());
    for source in
        ["'../../etc/*.csv', format => 'csv'", "'/etc/passwd', format => 'csv'", absolute.as_str()]
    {
        let services = deployment("", source).apply().await;
        let error = failure(&services).await;
        assert_eq!(error.kind(), ErrorKind::InvalidParameterValue, "{source}: {error}");
        assert!(error.to_string().contains("lies outside"), "{error}");
    }
    let linked = deployment("", CSV);
    std::fs::create_dir_all(linked.path("landing/in")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("x.csv"), linked.path("landing/in/x.csv"))
        .unwrap();
    let error = failure(&*linked.apply().await).await;
    assert!(error.to_string().contains("lies outside"), "{error}");
    let allowed = deployment("", &absolute).catalog_append(
        "lakeport.toml",
        &format!("\n[storage]\nallowed = [\"{}\"]\n", elsewhere.path().display()),
    );
    let services = allowed.apply().await;
    assert_eq!(ingest(&services).await.tables[0].rows, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_does_not_exist_fails_its_table_alone() {
    let deployment = deployment("", CSV).catalog(
        "other.sql",
        "-- Two.\nCREATE STREAMING TABLE bronze.u AS SELECT * FROM STREAM read_files('there/*.csv', format => 'csv');\n",
    );
    deployment.landing("there/a.csv", "id\n1\n");
    let services = deployment.apply().await;
    let report = services.ingester.ingest(&IngestRequest::default()).await.unwrap();
    let error = report.tables[0].error.clone().unwrap();
    assert_eq!(error.kind(), ErrorKind::UndefinedFile);
    assert!(error.to_string().contains("in\" does not exist"), "{error}");
    assert!(report.tables[1].error.is_none());
    assert_eq!(one(&services, "SELECT id FROM bronze.u").await, "1");
    let failed = "SELECT table_name, state FROM lakeport.ingests ORDER BY 1";
    assert_eq!(query(&services, failed).await, ["t|failed", "u|succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_binary_files_harm_nobody() {
    let deployment = deployment("id bigint", CSV);
    deployment.landing("in/a.csv", "id\n1\n");
    deployment.landing("in/empty.csv", "");
    deployment.landing("in/header.csv", "id\n");
    let noise: Vec<u8> =
        (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    deployment.landing("in/noise.csv", &noise);
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(one(&services, "SELECT id FROM bronze.t").await, "1");
    let states = query(&services, "SELECT path, state FROM lakeport.files ORDER BY 1").await;
    assert_eq!(
        states,
        [
            "in/a.csv|ingested",
            "in/empty.csv|ingested",
            "in/header.csv|ingested",
            "in/noise.csv|failed"
        ]
    );
    assert_eq!(one(&services, "SELECT count(*) <= 1001 FROM quarantine.bronze__t").await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_file_streams_through() {
    let deployment = deployment("", CSV);
    let mut text = String::from("id,code,price,name,at\n");
    for id in 0..200_000 {
        let _ = std::fmt::Write::write_fmt(
            &mut text,
            format_args!(
                "{id},{:05},{}.25,\"name, {id}\",2024-01-01 00:00:00\n",
                id % 1000,
                id % 97
            ),
        );
    }
    deployment.landing("in/big.csv", &text);
    let services = deployment.apply().await;
    let report = ingest(&services).await;
    assert_eq!(report.tables[0].rows, 200_000);
    let sql = "SELECT count(*), sum(id), count(DISTINCT code), sum(price) FROM bronze.t WHERE name = 'name, ' || id";
    let sum: f64 = (0..200_000).map(|id| f64::from(id % 97) + 0.25).sum();
    assert_eq!(one(&services, sql).await, format!("200000|19999900000|1000|{sum:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_make_no_sense_are_named() {
    for (source, expected) in [
        ("'in/*.csv', format => 'csv', delimeter => ';'", "delimeter"),
        ("'in/*.csv', format => 'csv', header => 'perhaps'", "header"),
        ("'in/*.csv', format => 'csv', encoding => 'klingon'", "klingon"),
        ("'in/*.avro', format => 'avro'", "avro"),
        ("'in/*.csv', format => 'csv', dateFormat => 'QQ'", "Q"),
    ] {
        let deployment = deployment("", source);
        deployment.landing("in/a.csv", "id\n1\n");
        let services = deployment.apply().await;
        let error = failure(&services).await;
        assert!(error.to_string().contains(expected), "{source}: {error}");
    }
}
