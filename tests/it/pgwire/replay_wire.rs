//! Statements over a plain socket, as a driver sends them, and what comes back in the same shape from any server.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, BytesMut};

use super::messages::{Answer, Wire};

/// A value as it came; `None` is NULL.
pub(super) type Value = Option<Vec<u8>>;

const FLOAT4: u32 = 700;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;

/// A column of a RowDescription.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) oid: u32,
}

impl Column {
    /// Whether two values are the same: numerics as numbers, since their digits after the point are fixed here,
    /// floats but for the last digit.
    pub(super) fn same(&self, one: &Value, other: &Value, binary: bool) -> bool {
        let (Some(one), Some(other)) = (one, other) else { return one == other };
        if one == other {
            return true;
        }
        let number = |value: &[u8]| match self.oid {
            NUMERIC if binary => numeric(value),
            FLOAT4 if binary => Some(f64::from(f32::from_be_bytes(value.try_into().ok()?))),
            FLOAT8 if binary => Some(f64::from_be_bytes(value.try_into().ok()?)),
            NUMERIC | FLOAT4 | FLOAT8 => std::str::from_utf8(value).ok()?.parse().ok(),
            _ => None,
        };
        match (number(one), number(other)) {
            (Some(one), Some(other)) => (one - other).abs() <= one.abs().max(other.abs()) * 1e-13,
            _ => false,
        }
    }
}

/// A binary numeric, near enough to compare.
fn numeric(mut value: &[u8]) -> Option<f64> {
    let (count, weight, sign, _) = (
        value.try_get_i16().ok()?,
        value.try_get_i16().ok()?,
        value.try_get_u16().ok()?,
        value.try_get_i16().ok()?,
    );
    let mut number = 0.0;
    for at in 0..count {
        let power = i32::from(weight) - i32::from(at);
        number += f64::from(value.try_get_i16().ok()?) * 10_000_f64.powi(power);
    }
    Some(if sign == 0 { number } else { -number })
}

/// What one statement came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// Rows and their tag.
    Rows(Vec<Column>, Vec<Vec<Value>>, String),
    /// A tag alone.
    Done(String),
    /// SQLSTATE and message.
    Error(String, String),
}

/// How a statement is sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    mode: Mode,
    parameters: Vec<(u32, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Simple,
    Text,
    Binary,
}

impl Sent {
    /// `simple`, or Parse to Sync with results in `text` or `binary`.
    pub(super) fn of(mode: &str) -> Self {
        let mode = match mode {
            "simple" => Mode::Simple,
            "text" => Mode::Text,
            "binary" => Mode::Binary,
            other => panic!("@mode {other}"),
        };
        Self { mode, parameters: Vec::new() }
    }

    pub(super) fn binary(&self) -> bool {
        self.mode == Mode::Binary
    }

    /// `type=value | type=value`; `unknown` declares none.
    pub(super) fn parameters(&mut self, list: &str) {
        assert!(self.mode != Mode::Simple, "a Query has no parameters");
        let parameter = |part: &str| {
            let (kind, value) = part.trim().split_once('=').unwrap();
            let oid = match kind {
                "unknown" => 0,
                "bool" => 16,
                "int8" => 20,
                "int4" => 23,
                "text" => 25,
                "oid" => 26,
                "varchar" => 1043,
                other => panic!("a parameter of type {other}"),
            };
            (oid, (value != "NULL").then(|| value.as_bytes().to_vec()))
        };
        self.parameters = list.split(" | ").map(parameter).collect();
    }
}

/// A connection that is ready for statements.
pub(super) struct Socket {
    pub(super) wire: Wire,
}

impl Socket {
    pub(super) async fn open(address: SocketAddr, startup: &[(&str, &str)]) -> Self {
        let mut wire = Wire::open(address).await;
        wire.startup(startup).await;
        let answers = wire.until_ready().await;
        assert!(answers.iter().all(|answer| answer.kind != 'E'), "{answers:?}");
        Self { wire }
    }

    /// Statements that must succeed.
    pub(super) async fn done(&mut self, sql: &str) {
        for outcome in self.ask(sql, &Sent::of("simple")).await {
            assert!(!matches!(outcome, Outcome::Error(..)), "{sql}: {outcome:?}");
        }
    }

    /// The first value of the first row, as text.
    pub(super) async fn value(&mut self, sql: &str) -> String {
        let outcomes = self.ask(sql, &Sent::of("simple")).await;
        let Some(Outcome::Rows(_, rows, _)) = outcomes.first() else {
            panic!("{sql}: {outcomes:?}")
        };
        String::from_utf8(rows[0][0].clone().unwrap()).unwrap()
    }

    pub(super) async fn ask(&mut self, sql: &str, sent: &Sent) -> Vec<Outcome> {
        if sent.mode == Mode::Simple {
            return outcomes(&self.wire.query(sql).await);
        }
        let mut batch = BytesMut::new();
        put_statement(&mut batch, sql, &sent.parameters, i16::from(sent.binary()));
        put(&mut batch, b'S', b"");
        self.wire.write(&batch).await;
        outcomes(&self.wire.until_ready().await)
    }
}

/// Adds a message.
pub(super) fn put(batch: &mut BytesMut, kind: u8, body: &[u8]) {
    batch.put_u8(kind);
    batch.put_u32(u32::try_from(body.len() + 4).unwrap());
    batch.put_slice(body);
}

/// Adds Parse, Bind, Describe and Execute of unnamed ones, all results in one format.
pub(super) fn put_statement(
    batch: &mut BytesMut,
    sql: &str,
    parameters: &[(u32, Value)],
    format: i16,
) {
    let count = i16::try_from(parameters.len()).unwrap();
    let mut parse = BytesMut::from(&b"\0"[..]);
    parse.put_slice(sql.as_bytes());
    parse.put_u8(0);
    parse.put_i16(count);
    let mut bind = BytesMut::from(&b"\0\0\0\0"[..]);
    bind.put_i16(count);
    for (oid, value) in parameters {
        parse.put_u32(*oid);
        match value {
            None => bind.put_i32(-1),
            Some(value) => {
                bind.put_i32(i32::try_from(value.len()).unwrap());
                bind.put_slice(value);
            }
        }
    }
    bind.put_i16(1);
    bind.put_i16(format);
    put(batch, b'P', &parse);
    put(batch, b'B', &bind);
    put(batch, b'D', b"P\0");
    put(batch, b'E', b"\0\0\0\0\0");
}

fn columns(answer: &Answer) -> Vec<Column> {
    let mut body = answer.body.clone();
    (0..body.get_i16())
        .map(|_| {
            let end = body.iter().position(|byte| *byte == 0).unwrap();
            let name = String::from_utf8(body.split_to(end).to_vec()).unwrap();
            body.advance(1);
            // The table's oid and the column's number there: whether they are told is the server's choice.
            body.advance(6);
            let oid = body.get_u32();
            body.advance(8);
            Column { name, oid }
        })
        .collect()
}

fn row(answer: &Answer) -> Vec<Value> {
    let mut body = answer.body.clone();
    (0..body.get_i16())
        .map(|_| {
            let length = usize::try_from(body.get_i32()).ok()?;
            Some(body.split_to(length).to_vec())
        })
        .collect()
}

/// Messages up to ReadyForQuery as one outcome a statement.
pub(super) fn outcomes(answers: &[Answer]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut open: Option<(Vec<Column>, Vec<Vec<Value>>)> = None;
    for answer in answers {
        match answer.kind {
            'T' => open = Some((columns(answer), Vec::new())),
            'D' => open.as_mut().expect("rows after their description").1.push(row(answer)),
            'C' => {
                let tag = answer.text();
                outcomes.push(match open.take() {
                    Some((columns, rows)) => Outcome::Rows(columns, rows, tag),
                    None => Outcome::Done(tag),
                });
            }
            'I' => outcomes.push(Outcome::Done(String::new())),
            'E' => {
                open = None;
                let (_, state, message, _) = answer.error();
                outcomes.push(Outcome::Error(state, message));
            }
            '1' | '2' | '3' | 'n' | 't' | 'S' | 'N' | 'Z' => {}
            other => panic!("message {other}: {answer:?}"),
        }
    }
    outcomes
}
