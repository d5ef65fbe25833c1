//! COPY both ways, in all formats, against what PostgreSQL's manual says of each.

use bytes::{BufMut, Bytes, BytesMut};
use futures::{SinkExt, StreamExt, pin_mut};
use tokio_postgres::Client;

use crate::support::{Deployment, TestServer, text_rows};

const VALUES: &str = "(VALUES (1, 'plain', 1.5, true), (2, 'a,b \"c\"\td\\e', NULL, false), \
                      (3, '', -2.25, NULL), (4, E'two\\nlines', 0, true)) AS v (a, b, c, d)";

async fn served() -> (Deployment, TestServer) {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    (deployment, server)
}

async fn out(client: &Client, sql: &str) -> Result<Vec<u8>, tokio_postgres::Error> {
    let stream = client.copy_out(sql).await?;
    pin_mut!(stream);
    let mut all = Vec::new();
    while let Some(bytes) = stream.next().await {
        all.extend(bytes?);
    }
    Ok(all)
}

async fn text(client: &Client, options: &str) -> String {
    let sql = format!(
        "COPY (SELECT a, b, c::float8 AS c, d FROM {VALUES} ORDER BY a) TO STDOUT {options}"
    );
    String::from_utf8(out(client, &sql).await.unwrap()).unwrap()
}

async fn into(client: &Client, sql: &str, chunks: &[&[u8]]) -> Result<u64, tokio_postgres::Error> {
    let sink = client.copy_in(sql).await?;
    pin_mut!(sink);
    for chunk in chunks {
        sink.send(Bytes::copy_from_slice(chunk)).await?;
    }
    sink.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_out_as_text_and_csv() {
    let (_deployment, server) = served().await;
    let client = server.client().await;
    assert_eq!(
        text(&client, "").await,
        "1\tplain\t1.5\tt\n2\ta,b \"c\"\\td\\\\e\t\\N\tf\n3\t\t-2.25\t\\N\n4\ttwo\\nlines\t0\tt\n"
    );
    assert_eq!(
        text(&client, "WITH (FORMAT csv, HEADER)").await,
        "a,b,c,d\n1,plain,1.5,t\n2,\"a,b \"\"c\"\"\td\\e\",,f\n3,\"\",-2.25,\n4,\"two\nlines\",0,t\n"
    );
    assert_eq!(
        text(
            &client,
            "WITH (FORMAT csv, DELIMITER ';', NULL 'nil', QUOTE '''', ESCAPE '\\', FORCE_QUOTE (b))"
        )
        .await,
        "1;'plain';1.5;t\n2;'a,b \"c\"\td\\\\e';nil;f\n3;'';-2.25;nil\n4;'two\nlines';0;t\n"
    );
    assert_eq!(text(&client, "CSV HEADER").await, text(&client, "(FORMAT csv, HEADER true)").await);
    assert_eq!(
        text(&client, "DELIMITER '|' NULL 'x'").await,
        "1|plain|1.5|t\n2|a,b \"c\"\\td\\\\e|x|f\n3||-2.25|x\n4|two\\nlines|0|t\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_out_and_in_again() {
    let (_deployment, server) = served().await;
    let client = server.client().await;
    let types = "(a int, b text, c numeric(10,2), d boolean, e timestamptz, f date)";
    client.batch_execute(&format!("CREATE TABLE public.source {types}")).await.unwrap();
    client
        .batch_execute(
            "INSERT INTO public.source SELECT a, b, c, d, \
             TIMESTAMPTZ '2024-02-29 12:00:00.5+01', DATE '2024-02-29' FROM (VALUES (1, 'plain', 1.5, \
             true), (2, E'a,b \"c\"\\td\\\\e', NULL, false), (3, '', -2.25, NULL), (4, E'x\\ny', 0, \
             true)) AS v (a, b, c, d)",
        )
        .await
        .unwrap();
    let all = |table: &str| format!("SELECT * FROM public.{table} ORDER BY a");
    let source = text_rows(&client, &all("source")).await.unwrap();
    for (number, options) in
        ["", "(FORMAT csv, HEADER match)", "(FORMAT binary)", "(DELIMITER '|')"].iter().enumerate()
    {
        let table = format!("copied{number}");
        client.batch_execute(&format!("CREATE TABLE public.{table} {types}")).await.unwrap();
        let to = options.replace("match", "true");
        let bytes = out(&client, &format!("COPY public.source TO STDOUT {to}")).await.unwrap();
        // Cut anywhere.
        let chunks: Vec<&[u8]> = bytes.chunks(7).collect();
        let copy = format!("COPY public.{table} FROM STDIN {options}");
        assert_eq!(into(&client, &copy, &chunks).await.unwrap(), 4, "{options}");
        assert_eq!(text_rows(&client, &all(&table)).await.unwrap(), source, "{options}");
    }
    // Some columns, in another order; the others are NULL.
    client.batch_execute(&format!("CREATE TABLE public.some {types}")).await.unwrap();
    let copied = into(&client, "COPY public.some (b, a) FROM STDIN CSV", &[b"x,7\n\"\",8"]).await;
    assert_eq!(copied.unwrap(), 2);
    let rows = text_rows(&client, "SELECT a, b, c FROM public.some ORDER BY a").await.unwrap();
    let row = |a: &str, b: &str| vec![Some(a.to_owned()), Some(b.to_owned()), None];
    assert_eq!(rows, [row("7", "x"), row("8", "")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_adds_nothing() {
    let (_deployment, server) = served().await;
    let client = server.client().await;
    client.batch_execute("CREATE TABLE public.t (a int NOT NULL, b text)").await.unwrap();
    let mut foreign = BytesMut::new();
    foreign.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x03");
    for (options, bytes, code) in [
        ("", &b"1\tx\nfive\ty\n"[..], "22P02"),
        ("", b"1\n", "22P04"),
        ("", b"1\tx\ty\n", "22P04"),
        ("", b"\\N\tx\n", "23502"),
        ("", b"1\t\xff\n", "22021"),
        ("CSV", b"1,\"open\n", "22P04"),
        ("(FORMAT csv, HEADER match)", b"a,c\n1,x\n", "22P04"),
        ("BINARY", b"no signature at all", "22P04"),
        ("BINARY", &foreign, "22P04"),
        ("BINARY", b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0", "22P04"),
    ] {
        let sql = format!("COPY public.t FROM STDIN {options}");
        let error = into(&client, &sql, &[b"", bytes]).await.unwrap_err();
        assert_eq!(
            error.code().map(|code| code.code().to_owned()),
            Some(code.to_owned()),
            "{sql} {bytes:?}"
        );
    }
    // Given up by the client.
    {
        let sink = client.copy_in::<_, Bytes>("COPY public.t FROM STDIN").await.unwrap();
        pin_mut!(sink);
        sink.send(Bytes::from_static(b"1\tx\n")).await.unwrap();
    }
    let rows = text_rows(&client, "SELECT count(*) FROM public.t").await.unwrap();
    assert_eq!(rows, [[Some("0".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_make_no_sense_are_refused() {
    let (_deployment, server) = served().await;
    let client = server.client().await;
    for (options, code, message) in [
        ("(FORMAT json)", "22023", "COPY format \"json\" not recognized"),
        ("(FORMAT csv, FORMAT csv)", "42601", "conflicting or redundant options"),
        ("(FORMAT binary, NULL 'x')", "42601", "cannot specify NULL in BINARY mode"),
        ("(FORMAT binary, HEADER)", "0A000", "cannot specify HEADER in BINARY mode"),
        ("(DELIMITER 'ab')", "0A000", "COPY delimiter must be a single one-byte character"),
        ("(DELIMITER 'a')", "22023", "COPY delimiter cannot be \"a\""),
        ("(QUOTE '\"')", "0A000", "COPY quote available only in CSV mode"),
        ("(FORMAT csv, QUOTE ',')", "22023", "COPY delimiter and quote must be different"),
        ("(FORMAT csv, FORCE_NULL (a))", "0A000", "COPY force null only available using COPY FROM"),
        (
            "(FORMAT csv, FORCE_QUOTE (z))",
            "42P10",
            "FORCE_QUOTE column \"z\" not referenced by COPY",
        ),
        ("(HEADER match)", "0A000", "cannot use \"match\" with HEADER in COPY TO"),
        ("(NONSENSE)", "42601", "option \"nonsense\" not recognized"),
    ] {
        let sql = format!("COPY (SELECT 1 AS a) TO STDOUT WITH {options}");
        let error = client.simple_query(&sql).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!((error.code().code(), error.message()), (code, message), "{options}");
    }
    for (sql, code) in [
        ("COPY missing TO STDOUT", "42P01"),
        ("COPY public.missing FROM STDIN", "42P01"),
        ("COPY (SELECT 1) TO '/x'", "42501"),
        ("COPY (SELECT 1) TO PROGRAM 'cat'", "42501"),
        ("COPY (SELECT 1) FROM STDIN", "42601"),
    ] {
        let error = client.simple_query(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), code, "{sql}");
    }
}
