//! Each file once, whatever happens in between.

use lakeport::ingest::{IngestReport, IngestRequest};

use super::{CSV, columns, deployment, ingest, one, query, states};
use crate::support::Deployment;

#[tokio::test(flavor = "multi_thread")]
async fn takes_each_file_once_also_after_a_restart() {
    let deployment = deployment("", CSV);
    deployment.landing("in/a.csv", "id,name\n1,x\n2,y\n");
    deployment.landing("in/b.csv", "id,name\n3,z\n");
    let services = deployment.apply().await;
    let report = ingest(&services).await;
    assert_eq!((report.tables[0].files, report.tables[0].rows), (2, 3));
    assert!(report.epoch.is_some());
    assert_eq!(ingest(&services).await.epoch, None);
    drop(services);

    let services = deployment.apply().await;
    assert_eq!(ingest(&services).await.epoch, None);
    deployment.landing("in/c.csv", "id,name\n1,x\n");
    assert_eq!(ingest(&services).await.tables[0].rows, 1);
    let rows = query(&services, "SELECT id, name, _source_file FROM bronze.t ORDER BY 3, 1").await;
    assert_eq!(rows, ["1|x|in/a.csv", "2|y|in/a.csv", "3|z|in/b.csv", "1|x|in/c.csv"]);
    let expected = ["in/a.csv|ingested|2|0", "in/b.csv|ingested|1|0", "in/c.csv|ingested|1|0"];
    assert_eq!(states(&services).await, expected);
    let runs = "SELECT table_name, batch, state, files, rows FROM lakeport.ingests ORDER BY batch";
    assert_eq!(query(&services, runs).await, ["t|1|succeeded|2|3", "t|2|succeeded|1|1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_over_one_lake_take_each_file_once() {
    let deployment = deployment("", "'in/*.csv', format => 'csv', maxFilesPerTrigger => 2");
    let (one_server, other) = (deployment.apply().await, deployment.apply().await);
    for round in 0..4 {
        for file in 0..5 {
            deployment.landing(&format!("in/{round}-{file}.csv"), "id\n1\n2\n3\n");
        }
        let request = IngestRequest::default();
        let (a, b) =
            tokio::join!(one_server.ingester.ingest(&request), other.ingester.ingest(&request));
        let failed = |report: &IngestReport| report.tables[0].error.clone();
        assert!(failed(a.as_ref().unwrap()).is_none(), "{:?}", a.unwrap());
        assert!(failed(b.as_ref().unwrap()).is_none(), "{:?}", b.unwrap());
    }
    ingest(&one_server).await;
    let sql = "SELECT count(*), count(DISTINCT _source_file) FROM bronze.t";
    assert_eq!(one(&one_server, sql).await, "60|20");
    let files = "SELECT count(*), count(DISTINCT path) FROM lakeport.files";
    assert_eq!(one(&one_server, files).await, "20|20");
}

/// A list that a process wrote before it died: that of batch 1 with other files.
fn leave_list(deployment: &Deployment, files: &[(&str, &[u8])]) {
    use sha2::Digest as _;
    let folder = deployment.path("lake/_lakeport/ingest");
    let table = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(table.join("000000000001.json")).unwrap();
    let mut list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let like = list["files"][0].clone();
    list["batch"] = 2.into();
    list["files"] = files
        .iter()
        .map(|(path, bytes)| {
            let mut file = like.clone();
            file["path"] = (*path).into();
            file["size"] = bytes.len().into();
            let hash = sha2::Sha256::digest(bytes);
            file["hash"] = hash.iter().map(|b| format!("{b:02x}")).collect::<String>().into();
            file
        })
        .collect();
    std::fs::write(table.join("000000000002.json"), list.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn finishes_the_list_a_dead_process_left_and_says_what_is_gone() {
    let deployment = deployment("", CSV);
    deployment.landing("in/a.csv", "id\n1\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    drop(services);
    let kept: &[u8] = b"id\n10\n11\n";
    leave_list(
        &deployment,
        &[("in/kept.csv", kept), ("in/gone.csv", b"id\n20\n"), ("in/other.csv", b"id\n30\n")],
    );
    deployment.landing("in/kept.csv", kept);
    deployment.landing("in/other.csv", "id\n31\n");
    deployment.landing("in/new.csv", "id\n40\n");

    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(
        one(&services, "SELECT string_agg(id::text, ',' ORDER BY id) FROM bronze.t").await,
        "1,10,11,40"
    );
    let expected = [
        "in/a.csv|ingested|1|0",
        "in/gone.csv|missing|0|0",
        "in/kept.csv|ingested|2|0",
        "in/new.csv|ingested|1|0",
        "in/other.csv|changed|0|0",
    ];
    assert_eq!(states(&services).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_the_history_a_dead_process_owed() {
    let deployment = deployment("", CSV);
    deployment.landing("in/a.csv", "id\n1\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    drop(services);
    std::fs::remove_dir_all(deployment.path("lake/_lakeport/files")).unwrap();
    let services = deployment.apply().await;
    ingest(&services).await;
    ingest(&services).await;
    assert_eq!(states(&services).await, ["in/a.csv|ingested|-|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_later_is_shown_once_and_not_read_again() {
    let deployment = deployment("", CSV);
    deployment.landing("in/a.csv", "id\n1\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    deployment.landing("in/a.csv", "id\n1\n2\n");
    assert_eq!(ingest(&services).await.tables[0].rows, 0);
    ingest(&services).await;
    drop(services);
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(one(&services, "SELECT count(*) FROM bronze.t").await, "1");
    assert_eq!(states(&services).await, ["in/a.csv|changed|0|0", "in/a.csv|ingested|1|0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_only_touched_has_not_changed() {
    let deployment = deployment("", CSV);
    deployment.landing("in/a.csv", "id\n1\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    let file =
        std::fs::File::options().append(true).open(deployment.path("landing/in/a.csv")).unwrap();
    let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(2_000_000_000);
    file.set_modified(later).unwrap();
    ingest(&services).await;
    assert_eq!(states(&services).await, ["in/a.csv|ingested|1|0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn allow_overwrites_reads_a_changed_file_again() {
    let deployment = deployment("", "'in/*.csv', format => 'csv', allowOverwrites => true");
    deployment.landing("in/a.csv", "id\n1\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    deployment.landing("in/a.csv", "id\n1\n2\n");
    ingest(&services).await;
    ingest(&services).await;
    assert_eq!(one(&services, "SELECT count(*) FROM bronze.t").await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_table_exists_before_its_first_file() {
    let deployment = deployment("id bigint, name text COMMENT 'Who.'", CSV);
    std::fs::create_dir_all(deployment.path("landing/in")).unwrap();
    let services = deployment.apply().await;
    ingest(&services).await;
    assert_eq!(one(&services, "SELECT count(*) FROM bronze.t").await, "0");
    assert_eq!(one(&services, "SELECT count(*) FROM quarantine.bronze__t").await, "0");
    deployment.landing("in/a.csv", "name,id\nx,1\n");
    ingest(&services).await;
    assert_eq!(columns(&services).await[..2], ["id Int64", "name Utf8"]);
    assert_eq!(one(&services, "SELECT id, name FROM bronze.t").await, "1|x");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_take_no_more_files_than_they_may() {
    let deployment = deployment("", "'in/*.csv', format => 'csv', maxFilesPerTrigger => 2");
    for file in 0..5 {
        deployment.landing(&format!("in/{file}.csv"), "id\n1\n");
    }
    let services = deployment.apply().await;
    ingest(&services).await;
    let batches = "SELECT batch, count(*) FROM lakeport.files GROUP BY 1 ORDER BY 1";
    assert_eq!(query(&services, batches).await, ["1|2", "2|2", "3|1"]);
    assert_eq!(one(&services, "SELECT count(*) FROM bronze.t").await, "5");
}
