//! Npgsql, old (in Power BI and Excel) and new, byte by byte: how it loads types, resets a pooled connection,
//! sends batches, reads binary values and cancels. Where there is PostgreSQL, it answers beside.

use std::collections::{BTreeMap, HashSet};

use bytes::{BufMut, BytesMut};

use super::messages::{Answer, Wire};
use super::replay::Both;
use super::replay_wire::{Outcome, Socket, Value, outcomes, put, put_statement};

const TYPES: &str = include_str!("../../replay/npgsql_types.sql");
const TYPES_4: &str = include_str!("../../replay/npgsql_4_types.sql");

const STARTUP: [(&str, &str); 3] =
    [("user", "lakeport"), ("client_encoding", "UTF8"), ("database", "test")];
const STARTUP_4: [(&str, &str); 4] = [
    ("user", "lakeport"),
    ("ssl_renegotiation_limit", "0"),
    ("client_encoding", "UTF8"),
    ("database", "test"),
];

/// Types a RowDescription of Lakeport's may have: a reader that has not loaded one refuses the column.
const SENT: &[u32] = &[
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 30, 114, 650, 700, 701, 829, 869, 1000, 1001,
    1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1042, 1043, 1082, 1083, 1114,
    1115, 1182, 1183, 1184, 1185, 1186, 1187, 1231, 1266, 1700, 2205, 2206, 2249, 2278, 2287, 2950,
    2951, 3220, 3802, 3807, 3904, 3906, 3908, 3910, 3912, 3926, 4451, 4532,
];

/// Kinds of messages, runs of rows as one `D`, settings left out.
fn kinds(answers: &[Answer]) -> String {
    let mut kinds = String::new();
    for answer in answers.iter().filter(|answer| answer.kind != 'S') {
        if answer.kind != 'D' || !kinds.ends_with('D') {
            kinds.push(answer.kind);
        }
    }
    kinds
}

fn rows(outcome: &Outcome) -> &[Vec<Value>] {
    match outcome {
        Outcome::Rows(_, rows, _) => rows,
        other => panic!("{other:?}"),
    }
}

fn word(value: &Value) -> String {
    value
        .as_ref()
        .map_or_else(|| "NULL".to_owned(), |value| String::from_utf8(value.clone()).unwrap())
}

/// Rows by a type's number.
fn by_oid(rows: &[Vec<Value>], at: usize) -> BTreeMap<u32, Vec<String>> {
    let row = |row: &Vec<Value>| (word(&row[at]).parse().unwrap(), row.iter().map(word).collect());
    rows.iter().map(row).collect()
}

/// Every type both know is told alike, and every one that may be sent is there.
fn same_types(theirs: &BTreeMap<u32, Vec<String>>, ours: &BTreeMap<u32, Vec<String>>) {
    for oid in SENT {
        assert!(
            ours.contains_key(oid) == theirs.contains_key(oid),
            "type {oid}: {:?}",
            theirs.get(oid)
        );
    }
    let common = ours.iter().filter_map(|(oid, row)| Some((row, theirs.get(oid)?)));
    let mut count = 0;
    for (ours, theirs) in common {
        assert_eq!(ours, theirs);
        count += 1;
    }
    assert!(count > 150, "{count} types");
}

async fn load(socket: &mut Socket) -> Vec<Vec<Value>> {
    let answers = socket.wire.query(&TYPES.replace('\n', "\r\n")).await;
    let kinds = kinds(&answers);
    // Composite types and enumerations may have no rows.
    assert_eq!(kinds.replace("TDC", "TC"), "TCTCTCTCZ");
    assert!(kinds.starts_with("TDCTDC"), "{kinds}");
    let outcomes = outcomes(&answers);
    assert!(word(&rows(&outcomes[0])[0][0]).starts_with("PostgreSQL 15."));
    rows(&outcomes[1]).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_one_loads_its_types() {
    let Some(mut both) = Both::start(&STARTUP).await else { return };
    let (theirs, ours) = (load(&mut both.theirs).await, load(&mut both.ours).await);
    same_types(&by_oid(&theirs, 1), &by_oid(&ours, 1));
    let mut seen = HashSet::new();
    for row in &ours {
        let [_, oid, name, kind, not_null, element] = &row[..] else { panic!("{row:?}") };
        assert!(["t", "f"].contains(&word(not_null).as_str()));
        let needs_element = ["a", "r", "m", "d"].contains(&word(kind).as_str());
        assert!(
            !needs_element || seen.contains(&word(element)),
            "{} before its element",
            word(name)
        );
        seen.insert(word(oid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_one_loads_its_types() {
    let Some(mut both) = Both::start(&STARTUP_4).await else { return };
    let mut loaded = Vec::new();
    for socket in [&mut both.theirs, &mut both.ours] {
        // Three statements in one flight, one Sync.
        let mut batch = BytesMut::new();
        for sql in
            ["SELECT version()", TYPES_4, "SELECT enumtypid, enumlabel FROM pg_enum ORDER BY 1"]
        {
            put_statement(&mut batch, sql, &[], 0);
        }
        put(&mut batch, b'S', b"");
        socket.wire.write(&batch).await;
        let answers = socket.wire.until_ready().await;
        assert_eq!(kinds(&answers), "12TDC12TDC12TCZ");
        loaded.push(by_oid(rows(&outcomes(&answers)[1]), 2));
    }
    same_types(&loaded[0], &loaded[1]);
}

/// A reset and the next user's first query, in one write.
async fn reset(wire: &mut Wire, resets: &str) -> String {
    let mut batch = BytesMut::new();
    put(&mut batch, b'Q', &[resets.as_bytes(), b"\0"].concat());
    put_statement(&mut batch, "SELECT id, price, sold_at FROM public.sales", &[], 1);
    put(&mut batch, b'S', b"");
    wire.write(&batch).await;
    let mut answers = wire.until_ready().await;
    answers.extend(wire.until_ready().await);
    kinds(&answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooled_connection_is_reset_with_the_next_query() {
    let Some(mut both) = Both::start(&STARTUP_4).await else { return };
    let kept = "SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;\
                SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP";
    for socket in [&mut both.theirs, &mut both.ours] {
        socket.done("SET statement_timeout = '5s'").await;
        assert_eq!(reset(&mut socket.wire, "DISCARD ALL").await, "CZ12TDCZ");
        assert_eq!(socket.value("SHOW statement_timeout").await, "0");
        assert_eq!(reset(&mut socket.wire, kept).await, "CCCCTDCCCZ12TDCZ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_flight_and_an_error_skips_to_its_end() {
    let Some(mut both) = Both::start(&STARTUP).await else { return };
    let mut answered = Vec::new();
    for socket in [&mut both.theirs, &mut both.ours] {
        let mut batch = BytesMut::new();
        for number in 0..50_i32 {
            let value = Some(number.to_string().into_bytes());
            put_statement(
                &mut batch,
                "SELECT $1 + 1, 'x' || $2",
                &[(23, value.clone()), (25, value)],
                1,
            );
        }
        put(&mut batch, b'S', b"");
        for sql in ["SELECT 1", "SELECT 1 / (id - id) FROM public.sales", "SELECT 2"] {
            put_statement(&mut batch, sql, &[], 1);
        }
        put(&mut batch, b'S', b"");
        put_statement(&mut batch, "SELECT * FROM public.sales ORDER BY id", &[], 1);
        put(&mut batch, b'S', b"");
        socket.wire.write(&batch).await;
        let good = socket.wire.until_ready().await;
        assert_eq!(kinds(&good), format!("{}Z", "12TDC".repeat(50)));
        let failed = socket.wire.until_ready().await;
        assert!(kinds(&failed).starts_with("12TDC12"), "{failed:?}");
        let failed = outcomes(&failed);
        assert_eq!(failed.len(), 2);
        assert!(matches!(&failed[1], Outcome::Error(state, _) if state == "22012"));
        let last = outcomes(&socket.wire.until_ready().await);
        answered.push((outcomes(&good), last));
    }
    // Values of all types in binary; a numeric's digits after the point may be more than its scale shows.
    let (theirs, ours) = (&answered[0], &answered[1]);
    assert_eq!(theirs.0, ours.0);
    let (Outcome::Rows(columns, theirs, _), Outcome::Rows(our_columns, ours, _)) =
        (&theirs.1[0], &ours.1[0])
    else {
        panic!("rows")
    };
    assert_eq!(columns, our_columns);
    for (theirs, ours) in theirs.iter().zip(ours) {
        for ((one, other), column) in theirs.iter().zip(ours).zip(columns) {
            assert!(column.same(one, other, true), "{}: {one:?} {other:?}", column.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_reader_goes_on() {
    let deployment = crate::support::Deployment::new();
    let server = deployment.serve().await;
    let address = server.addresses.postgres;
    let mut wire = Wire::open(address).await;
    wire.startup(&STARTUP).await;
    let started = wire.until_ready().await;
    let key = started.iter().find(|answer| answer.kind == 'K').unwrap();
    let mut batch = BytesMut::new();
    put_statement(&mut batch, "SELECT n FROM generate_series(1, 100000000000) AS g (n)", &[], 1);
    put(&mut batch, b'S', b"");
    wire.write(&batch).await;
    while wire.next().await.unwrap().kind != 'D' {}
    let mut cancel = BytesMut::new();
    cancel.put_u32(80_877_102);
    cancel.put_slice(&key.body);
    Wire::open(address).await.send_untyped(&cancel).await;
    let answers = wire.until_ready().await;
    let error = answers.iter().find(|answer| answer.kind == 'E').unwrap().error();
    assert_eq!(error.1, "57014");
    assert_eq!(kinds(&wire.query("SELECT 1").await), "TDCZ");
}
