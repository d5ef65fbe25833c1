//! Every record is a row or a refused line.

use std::collections::BTreeMap;

use lakeport::error::ErrorKind;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::{CSV, deployment, failure, ingest, one, query, states};
use crate::support::Deployment;

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_rescued_with_its_row() {
    let deployment = deployment("id bigint, price numeric(8,2), day date, note text", CSV);
    deployment.landing(
        "in/a.csv",
        "id,price,day,note,extra\n1,2.50,2024-01-01,fine,e1\nx2,2.555,2024-13-01,\"a \"\"b\"\"\",\n3,9999999.00\n4,1,2024-01-04,n,e4,more\n",
    );
    let services = deployment.apply().await;
    let report = ingest(&services).await;
    assert_eq!((report.tables[0].rows, report.tables[0].quarantined), (4, 0));
    let rows = query(
        &services,
        "SELECT id, price, day, note, extra, _rescued_data FROM bronze.t ORDER BY note NULLS FIRST",
    )
    .await;
    assert_eq!(
        rows,
        [
            r#"3|-|-|-|-|{"price":"9999999.00","_file_path":"in/a.csv"}"#,
            r#"-|-|-|a "b"|-|{"id":"x2","price":"2.555","day":"2024-13-01","_file_path":"in/a.csv"}"#,
            "1|2.50|2024-01-01|fine|e1|-",
            r#"4|1.00|2024-01-04|n|e4|{"_c5":"more","_file_path":"in/a.csv"}"#,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_do_not_parse_go_to_quarantine() {
    let deployment = deployment("id text, name text, n text", CSV);
    deployment.landing(
        "in/a.csv",
        b"id,name,n\n1,\"open,1\n2,\xff\xfe,2\n3,fine,3\n\n4,\"x\"y,4\n5,nul\0,5\n6,cut".as_slice(),
    );
    let services = deployment.apply().await;
    let report = ingest(&services).await;
    assert_eq!((report.tables[0].rows, report.tables[0].quarantined), (1, 5));
    let rows =
        query(&services, "SELECT line, raw, reason, batch FROM quarantine.bronze__t ORDER BY line")
            .await;
    assert_eq!(
        rows,
        [
            "2|1,\"open,1|a quote is not closed|1",
            "3|2,\u{fffd}\u{fffd},2|not UTF-8 from byte 3 of the line|1",
            "6|4,\"x\"y,4|text follows a closing quote|1",
            "7|5,nul\u{fffd},5|the line holds a NUL byte|1",
            "8|6,cut|the file ends within this line|1",
        ]
    );
    assert_eq!(states(&services).await, ["in/a.csv|ingested|1|5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations_keep_drop_quarantine_and_fail() {
    let sql = |action: &str| {
        format!(
            "-- One.\nCREATE STREAMING TABLE bronze.t (id bigint, n bigint, CONSTRAINT n_is_positive EXPECT (n > 0) {action})
             AS SELECT *, _metadata.file_path AS _source_file FROM STREAM read_files({CSV});\n"
        )
    };
    let expected = BTreeMap::from([
        ("", ("3", "0")),
        ("ON VIOLATION DROP ROW", ("1", "0")),
        ("ON VIOLATION QUARANTINE ROW", ("1", "2")),
    ]);
    for (action, (kept, refused)) in expected {
        let deployment = Deployment::new().catalog("bronze.sql", &sql(action));
        deployment.landing("in/a.csv", "id,n\n1,5\n2,-5\n3,\n");
        let services = deployment.apply().await;
        ingest(&services).await;
        assert_eq!(one(&services, "SELECT count(*) FROM bronze.t").await, kept, "{action}");
        let count = "SELECT count(*) FROM quarantine.bronze__t";
        assert_eq!(one(&services, count).await, refused, "{action}");
        if refused == "2" {
            let rows = query(
                &services,
                "SELECT file_path, raw, reason FROM quarantine.bronze__t ORDER BY raw",
            )
            .await;
            assert_eq!(
                rows[0],
                r#"in/a.csv|{"id":2,"n":-5,"_source_file":"in/a.csv"}|violates n_is_positive"#
            );
        }
    }
    let deployment = Deployment::new().catalog("bronze.sql", &sql("ON VIOLATION FAIL UPDATE"));
    deployment.landing("in/a.csv", "id,n\n1,5\n2,-5\n3,\n");
    let services = deployment.apply().await;
    assert_eq!(failure(&services).await.kind(), ErrorKind::CheckViolation);
    // Corrected, the same files go in.
    let deployment = deployment.catalog("bronze.sql", &sql(""));
    drop(services);
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(one(&services, "SELECT count(*) FROM bronze.t").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn quoted_fields_may_span_lines_when_told() {
    let deployment = deployment("", "'in/*.csv', format => 'csv', multiLine => true");
    deployment.landing(
        "in/a.csv",
        "id,note\n1,\"two\nlines, \"\"quoted\"\"\"\n2,plain\n3,\"never closed\n4,after\n",
    );
    let services = deployment.apply().await;
    let report = ingest(&services).await;
    assert_eq!((report.tables[0].rows, report.tables[0].quarantined), (3, 1));
    let rows =
        query(&services, "SELECT id, replace(note, chr(10), '/') FROM bronze.t ORDER BY 1").await;
    assert_eq!(rows, ["1|two/lines, \"quoted\"", "2|plain", "4|after"]);
    assert_eq!(
        one(&services, "SELECT line, raw FROM quarantine.bronze__t").await,
        "5|3,\"never closed"
    );
}

/// Whatever bytes a file has: each record is a row or a refused line.
#[tokio::test(flavor = "multi_thread")]
async fn no_record_of_any_bytes_is_lost() {
    let deployment = deployment("a text, b bigint", "'in/*.csv', format => 'csv'")
        .catalog_append("lakeport.toml", "\n[limits]\nline_bytes_max = 200\n");
    let piece = proptest::sample::select(vec![
        "a",
        "b",
        ",",
        "\"",
        "\n",
        "\r\n",
        "1",
        "2.5",
        "é",
        " ",
        ";",
        "\\",
        "\"\"",
        "x,1\n",
        "y,\"q\"\n",
    ]);
    let pieces = proptest::collection::vec(
        proptest::prop_oneof![
            8 => piece.prop_map(|text| text.as_bytes().to_vec()),
            1 => proptest::collection::vec(0_u8.., 0..6),
            1 => proptest::strategy::Just(vec![b'z'; 300]),
        ],
        0..60,
    );
    let mut runner = TestRunner::deterministic();
    let mut expected = BTreeMap::new();
    for number in 0..300 {
        let body: Vec<u8> = pieces.new_tree(&mut runner).unwrap().current().concat();
        let file = [b"a,b\n".as_slice(), &body].concat();
        let mut lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        let records = lines.iter().filter(|line| !matches!(**line, b"" | b"\r")).count();
        let name = format!("in/{number:03}.csv");
        deployment.landing(&name, &file);
        expected.insert(name, (records, file));
    }
    let services = deployment.apply().await;
    ingest(&services).await;
    let counted =
        query(&services, "SELECT path, rows + quarantined FROM lakeport.files ORDER BY 1").await;
    for (line, (name, (records, file))) in counted.iter().zip(&expected) {
        assert_eq!(line, &format!("{name}|{records}"), "{:?}", String::from_utf8_lossy(file));
    }
    let sql = "SELECT (SELECT count(*) FROM bronze.t) = (SELECT sum(rows) FROM lakeport.files), \
               (SELECT count(*) FROM quarantine.bronze__t) = (SELECT sum(quarantined) FROM lakeport.files)";
    assert_eq!(one(&services, sql).await, "true|true");
}
