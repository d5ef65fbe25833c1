//! Names, types and values of columns.

use super::{CSV, columns, deployment, ingest, one, query};

#[tokio::test(flavor = "multi_thread")]
async fn names_are_cleaned_and_kept_as_comments() {
    let deployment = deployment("", CSV);
    deployment.landing(
        "in/a.csv",
        "Invoice No,unit price (£),,Unit-Price (€),x,X,_rescued_data\n1,2,3,4,5,6,7\n",
    );
    let services = deployment.apply().await;
    ingest(&services).await;
    let names: Vec<String> =
        columns(&services).await.iter().map(|c| c.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(
        names,
        [
            "invoice_no",
            "unit_price_",
            "_c2",
            "unit_price__2",
            "x",
            "x_2",
            "_rescued_data_2",
            "_rescued_data",
            "_source_file",
            "_ingested_at"
        ]
    );
    let name = lakeport::name::RelationName::new("bronze", "t");
    let table = services.lake.newest(&services.lake.location(&name)).await.unwrap().unwrap();
    let comment = |name: &str| {
        let schema = table.schema();
        schema.field_with_name(name).unwrap().metadata().get("comment").cloned()
    };
    assert_eq!(comment("invoice_no").as_deref(), Some("Invoice No"));
    assert_eq!(comment("unit_price__2").as_deref(), Some("Unit-Price (€)"));
    assert_eq!(comment("x"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn types_lose_nothing() {
    let deployment = deployment("", CSV);
    deployment.landing(
        "in/a.csv",
        "i,zeros,price,long,big,day,at,flag,mixed,code,empty\n\
         1,007,2.50,0.12345678901234567890,12345678901234567890,2024-02-29,2024-02-29 12:30:00,true,1,1E5,\n\
         -2,010,17850.0,1.5,1,2024-03-01,2024-03-01 00:00:00.25,FALSE,x,2E5,\n",
    );
    let services = deployment.apply().await;
    ingest(&services).await;
    let columns = columns(&services).await;
    assert_eq!(
        columns[..11],
        [
            "i Int64",
            "zeros Utf8",
            "price Float64",
            "long Utf8",
            "big Utf8",
            "day Date32",
            "at Timestamp(µs)",
            "flag Boolean",
            "mixed Utf8",
            "code Utf8",
            "empty Utf8"
        ]
    );
    assert_eq!(
        query(&services, "SELECT i, zeros, price, long, big, day, at, flag, mixed, code, empty FROM bronze.t ORDER BY i DESC").await,
        [
            "1|007|2.5|0.12345678901234567890|12345678901234567890|2024-02-29|2024-02-29T12:30:00|true|1|1E5|-",
            "-2|010|17850.0|1.5|1|2024-03-01|2024-03-01T00:00:00.250|false|x|2E5|-",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decimals_text_and_hints_when_asked_for() {
    let text = deployment(
        "",
        "'in/*.csv', format => 'csv', inferColumnTypes => false, schemaHints => 'n bigint'",
    );
    let decimal = deployment("", "'in/*.csv', format => 'csv', prefersDecimal => true");
    for deployment in [&text, &decimal] {
        deployment.landing("in/a.csv", "n,price\n1,2.50\n2,1234.125\n");
    }
    let services = text.apply().await;
    ingest(&services).await;
    assert_eq!(columns(&services).await[..2], ["n Int64", "price Utf8"]);
    let services = decimal.apply().await;
    ingest(&services).await;
    assert_eq!(columns(&services).await[..2], ["n Int64", "price Decimal128(18, 3)"]);
    assert_eq!(one(&services, "SELECT sum(price) FROM bronze.t").await, "1236.625");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_drift_and_new_columns_are_added() {
    let deployment = deployment("", CSV);
    deployment.landing("in/1.csv", "id,name\n1,a\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    deployment.landing("in/2.csv", "Name,tax,ID\nb,0.19,2\n");
    ingest(&services).await;
    deployment.landing("in/3.csv", "id\n3\n");
    ingest(&services).await;
    let rows = query(&services, "SELECT id, name, tax FROM bronze.t ORDER BY id").await;
    assert_eq!(rows, ["1|a|-", "2|b|0.19", "3|-|-"]);
    let names: Vec<String> = columns(&services).await;
    assert_eq!(names.last().unwrap(), "tax Float64");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_dates_by_pattern() {
    let deployment = deployment(
        "day date, at timestamptz",
        "'in/*.csv', format => 'csv', dateFormat => 'dd/MM/yyyy', timestampFormat => 'dd.MM.yy HH:mm:ss.SSS XXX'",
    );
    deployment
        .landing("in/a.csv", "day,at\n31/12/2023,01.02.24 13:14:15.250 +01:00\n2023-12-31,x\n");
    let services = deployment.apply().await;
    ingest(&services).await;
    let rows = query(
        &services,
        "SELECT day, at, _rescued_data IS NULL FROM bronze.t ORDER BY day NULLS LAST",
    )
    .await;
    assert_eq!(rows, ["2023-12-31|2024-02-01T12:14:15.250Z|true", "-|-|false"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_keeps_structure_digits_and_what_does_not_fit() {
    let deployment = deployment("", "'in/*.ndjson', format => 'json'");
    deployment.landing(
        "in/a.ndjson",
        concat!(
            r#"{"orderId":"o1","total":12.34,"items":[{"sku":"a","qty":1},{"sku":"b","qty":2}],"at":"2024-01-01T00:00:00Z"}"#, "\n",
            r#"{"orderId":"o2","total":7,"items":[],"flag":true,"big":9007199254740993}"#, "\n",
            "\n", "[1]\n", r#"{"orderId":"o3""#, "\n", r#"{"orderId":"o4","total":1}"#
        ),
    );
    let services = deployment.apply().await;
    let report = ingest(&services).await;
    assert_eq!((report.tables[0].rows, report.tables[0].quarantined), (3, 2));
    let rows =
        query(&services, "SELECT orderid, total, items, at, flag, big FROM bronze.t ORDER BY 1")
            .await;
    assert_eq!(
        rows,
        [
            "o1|12.34|[{sku: a, qty: 1}, {sku: b, qty: 2}]|2024-01-01T00:00:00Z|-|-",
            "o2|7.0|[]|-|true|9007199254740993",
            "o4|1.0|-|-|-|-",
        ]
    );
    let bad = query(&services, "SELECT line, reason FROM quarantine.bronze__t ORDER BY 1").await;
    assert_eq!(bad, ["4|not a JSON object", "5|the JSON object is cut"]);

    deployment.landing(
        "in/b.ndjson",
        concat!(
            r#"{"orderId":"o5","total":"x","items":[{"sku":"c","qty":1.5,"note":1}],"channel":"app"}"#, "\n",
            r#"{"ORDERID":"o6","big":1.5}"#, "\n"
        ),
    );
    ingest(&services).await;
    let rows = query(&services, "SELECT orderid, total, items, channel, _rescued_data FROM bronze.t WHERE orderid > 'o4' ORDER BY 1").await;
    assert_eq!(
        rows,
        [
            r#"o5|-|[{sku: c, qty: }]|app|{"total":"x","items":[{"sku":"c","qty":1.5,"note":1}],"_file_path":"in/b.ndjson"}"#.replace("qty: }", "qty: -}"),
            r#"o6|-|-|-|{"big":1.5,"_file_path":"in/b.ndjson"}"#.to_owned(),
        ]
    );
}
