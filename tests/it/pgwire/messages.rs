//! The protocol byte by byte: what drivers do not show, and what no driver would send.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Deployment, TestServer};

/// A socket that speaks messages.
pub(super) struct Wire {
    pub(super) socket: TcpStream,
    input: BytesMut,
}

/// A message from the server.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) kind: char,
    pub(super) body: BytesMut,
}

impl Answer {
    /// The fields of an ErrorResponse that tests look at: severity, SQLSTATE, message, position.
    pub(super) fn error(&self) -> (String, String, String, Option<String>) {
        assert_eq!(self.kind, 'E', "{self:?}");
        let field = |code: u8| {
            let text = String::from_utf8_lossy(&self.body).into_owned();
            let mut fields = text.split('\0');
            fields.find(|field| field.as_bytes().first() == Some(&code)).map(|f| f[1..].to_owned())
        };
        (field(b'V').unwrap(), field(b'C').unwrap(), field(b'M').unwrap(), field(b'P'))
    }

    /// A data row's values as text.
    pub(super) fn row(&self) -> Vec<String> {
        assert_eq!(self.kind, 'D', "{self:?}");
        let mut body = self.body.clone();
        (0..body.get_i16())
            .map(|_| match usize::try_from(body.get_i32()) {
                Err(_) => "NULL".to_owned(),
                Ok(length) => String::from_utf8_lossy(&body.split_to(length)).into_owned(),
            })
            .collect()
    }

    /// A notification's channel and payload.
    pub(super) fn notification(&self) -> String {
        assert_eq!(self.kind, 'A', "{self:?}");
        String::from_utf8_lossy(&self.body[4..]).trim_end_matches('\0').replace('\0', " ")
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end_matches('\0').to_owned()
    }
}

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> Self {
        Self { socket: TcpStream::connect(address).await.unwrap(), input: BytesMut::new() }
    }

    /// Connects as `lakeport` and reads up to ReadyForQuery.
    pub(super) async fn started(server: &TestServer) -> (Self, Vec<Answer>) {
        let mut wire = Self::open(server.addresses.postgres).await;
        wire.startup(&[("user", "lakeport"), ("database", "test")]).await;
        let answers = wire.until_ready().await;
        (wire, answers)
    }

    pub(super) async fn startup(&mut self, parameters: &[(&str, &str)]) {
        let mut body = BytesMut::new();
        body.put_u32(3 << 16);
        for (name, value) in parameters {
            body.put_slice(name.as_bytes());
            body.put_u8(0);
            body.put_slice(value.as_bytes());
            body.put_u8(0);
        }
        body.put_u8(0);
        self.send_untyped(&body).await;
    }

    pub(super) async fn send_untyped(&mut self, body: &[u8]) {
        let mut message = BytesMut::new();
        message.put_u32(body.len() as u32 + 4);
        message.put_slice(body);
        self.socket.write_all(&message).await.unwrap();
    }

    pub(super) async fn send(&mut self, kind: char, body: &[u8]) {
        let mut message = BytesMut::new();
        message.put_u8(kind as u8);
        message.put_u32(body.len() as u32 + 4);
        message.put_slice(body);
        self.socket.write_all(&message).await.unwrap();
    }

    /// Bytes as they are: several messages in one write, for example.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// The next message; `None` when the server has closed the connection.
    pub(super) async fn next(&mut self) -> Option<Answer> {
        loop {
            if self.input.len() >= 5 {
                let length = (&self.input[1..5]).get_u32() as usize;
                if self.input.len() > length {
                    let mut body = self.input.split_to(length + 1);
                    let kind = body.get_u8() as char;
                    body.advance(4);
                    return Some(Answer { kind, body });
                }
            }
            if self.socket.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(super) async fn until_ready(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        loop {
            let answer = self.next().await.expect("the connection is open");
            let ready = answer.kind == 'Z';
            answers.push(answer);
            if ready {
                return answers;
            }
        }
    }

    pub(super) async fn query(&mut self, sql: &str) -> Vec<Answer> {
        self.send('Q', &[sql.as_bytes(), b"\0"].concat()).await;
        self.until_ready().await
    }
}

fn kinds(answers: &[Answer]) -> String {
    answers.iter().map(|answer| answer.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_what_they_need_to_know_at_the_start() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (_, answers) = Wire::started(&server).await;
    let told: Vec<(String, String)> = answers
        .iter()
        .filter(|answer| answer.kind == 'S')
        .map(|answer| {
            let text = answer.text();
            let (name, value) = text.split_once('\0').unwrap_or((&text, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect();
    for (name, value) in [
        ("server_version", "15.18"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("TimeZone", "UTC"),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
        ("is_superuser", "on"),
        ("session_authorization", "lakeport"),
    ] {
        let found = told.iter().find(|(told, _)| told == name).map(|(_, value)| value.as_str());
        assert_eq!(found, Some(value), "{name}");
    }
    let rest: String = kinds(&answers).replace('S', "");
    assert_eq!(rest, "RKZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_declined_and_strangers_are_refused() {
    let deployment = Deployment::new().catalog_append("roles.sql", "CREATE ROLE nologin;\n");
    let server = deployment.serve().await;
    let address = server.addresses.postgres;
    let mut wire = Wire::open(address).await;
    for request in [80_877_103_u32, 80_877_104] {
        wire.send_untyped(&request.to_be_bytes()).await;
        assert_eq!(wire.socket.read_u8().await.unwrap(), b'N');
    }
    wire.startup(&[("user", "lakeport")]).await;
    assert!(kinds(&wire.until_ready().await).ends_with('Z'));
    for (parameters, sqlstate, message) in [
        (vec![("user", "eve")], "28000", "role \"eve\" does not exist"),
        (vec![("user", "nologin")], "28000", "role \"nologin\" is not permitted to log in"),
        (
            vec![("database", "test")],
            "28000",
            "no PostgreSQL user name specified in startup packet",
        ),
        (vec![("user", "lakeport"), ("database", "x")], "3D000", "database \"x\" does not exist"),
        (
            vec![("user", "lakeport"), ("options", "-c no_such=1")],
            "42704",
            "unrecognized configuration parameter \"no_such\"",
        ),
    ] {
        let mut wire = Wire::open(address).await;
        wire.startup(&parameters).await;
        // What follows a refusal is never looked at.
        wire.send('Q', b"SELECT 1\0").await;
        let (severity, code, text, _) = wire.next().await.unwrap().error();
        assert_eq!((severity.as_str(), code.as_str(), text.as_str()), ("FATAL", sqlstate, message));
        assert!(wire.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_options_become_settings() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let mut wire = Wire::open(server.addresses.postgres).await;
    let options = "-c statement_timeout=5s -csearch_path=silver\\ ,public --extra-float-digits=3";
    wire.startup(&[("user", "lakeport"), ("options", options), ("TimeZone", "Asia/Tokyo")]).await;
    wire.until_ready().await;
    for (name, expected) in [
        ("statement_timeout", "5s"),
        ("search_path", "silver, public"),
        ("extra_float_digits", "3"),
        ("timezone", "Asia/Tokyo"),
    ] {
        let answers = wire.query(&format!("SHOW {name}")).await;
        assert_eq!(kinds(&answers), "TDCZ");
        assert!(answers[1].text().ends_with(expected), "{name}: {answers:?}");
        assert_eq!(answers[2].text(), "SHOW");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_stop_at_the_first_error() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    assert_eq!(kinds(&wire.query("SELECT 1; SELECT 'two' ;").await), "TDCTDCZ");
    assert_eq!(kinds(&wire.query(" ; -- nothing").await), "IZ");
    let answers = wire.query("SELECT 1; SELECT missing; SELECT 3").await;
    assert_eq!(kinds(&answers), "TDCEZ");
    let (severity, code, _, position) = answers[3].error();
    assert_eq!((severity.as_str(), code.as_str()), ("ERROR", "42703"));
    assert!(position.is_none_or(|position| position == "18"));
    // A mistake in spelling anywhere means that nothing runs.
    let answers = wire.query("SELECT 1; SELEC 2").await;
    assert_eq!(kinds(&answers), "EZ");
    let (_, code, message, position) = answers[0].error();
    assert_eq!((code.as_str(), message.as_str()), ("42601", "syntax error at or near \"SELEC\""));
    assert_eq!(position.as_deref(), Some("11"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transactions_state_is_told_after_every_query() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    for (sql, status) in [
        ("SELECT 1", "I"),
        ("BEGIN", "T"),
        ("SELECT 1", "T"),
        ("SELECT 1/0", "E"),
        ("SELECT 1", "E"),
        ("ROLLBACK", "I"),
        ("SELECT 1/0", "I"),
    ] {
        let answers = wire.query(sql).await;
        assert_eq!(answers.last().unwrap().text(), status, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_settings_are_told() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    let answers = wire.query("SET timezone = 'Asia/Tokyo'").await;
    assert_eq!(kinds(&answers), "CSZ");
    assert_eq!(answers[1].text(), "TimeZone\0Asia/Tokyo");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_extended_protocol_skips_to_sync() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    wire.send('P', b"\0SELECT missing\0\0\0").await;
    wire.send('B', b"\0\0\0\0\0\0\0\0").await;
    wire.send('E', b"\0\0\0\0\0").await;
    wire.send('S', b"").await;
    assert_eq!(kinds(&wire.until_ready().await), "EZ");
    wire.send('P', b"one\0SELECT 1\0\0\0").await;
    wire.send('D', b"Sone\0").await;
    wire.send('B', b"\0one\0\0\0\0\0\0\0").await;
    wire.send('D', b"P\0").await;
    wire.send('E', b"\0\0\0\0\0").await;
    wire.send('E', b"\0\0\0\0\0").await;
    wire.send('S', b"").await;
    let answers = wire.until_ready().await;
    assert_eq!(kinds(&answers), "1tT2TDCCZ");
    assert_eq!((answers[6].text(), answers[7].text()), ("SELECT 1".into(), "SELECT 0".into()));
    for (message, body, expected) in [
        ('P', &b"one\0SELECT 2\0\0\0"[..], "42P05"),
        ('B', b"\0none\0\0\0\0\0\0\0", "26000"),
        ('E', b"none\0\0\0\0\0", "34000"),
        ('D', b"Pnone\0", "34000"),
        ('B', b"\0one\0\0\0\0\x01\0\0\0\0\0\0", "08P01"),
        ('B', b"\0one\0\0\0\0\0\0\x02\0\0\0\0", "08P01"),
        ('P', b"two\0SELECT 1; SELECT 2\0\0\0", "42601"),
    ] {
        wire.send(message, body).await;
        wire.send('S', b"").await;
        let answers = wire.until_ready().await;
        assert_eq!(kinds(&answers), "EZ", "{message} {body:?}");
        assert_eq!(answers[0].error().1, expected, "{message} {body:?}");
    }
    wire.send('C', b"Sone\0").await;
    wire.send('C', b"Snever\0").await;
    wire.send('S', b"").await;
    assert_eq!(kinds(&wire.until_ready().await), "33Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_whose_columns_changed_is_refused() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let (mut wire, _) = Wire::started(&server).await;
    wire.query("CREATE TABLE sandbox.t AS SELECT 1 AS a").await;
    wire.send('P', b"s\0SELECT * FROM sandbox.t\0\0\0").await;
    wire.send('S', b"").await;
    wire.until_ready().await;
    wire.query("DROP TABLE sandbox.t; CREATE TABLE sandbox.t AS SELECT 'x' AS a").await;
    wire.send('B', b"\0s\0\0\0\0\0\0\0").await;
    wire.send('E', b"\0\0\0\0\0").await;
    wire.send('S', b"").await;
    let answers = wire.until_ready().await;
    let error = answers.iter().find(|answer| answer.kind == 'E').unwrap().error();
    assert_eq!(
        (error.1.as_str(), error.2.as_str()),
        ("0A000", "cached plan must not change result type")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_make_no_sense_end_only_their_connection() {
    let deployment = Deployment::new()
        .catalog_append("lakeport.toml", "\n[limits]\nmessage_bytes_max = 100000\n");
    let server = deployment.serve().await;
    let (mut healthy, _) = Wire::started(&server).await;
    for (kind, body, sqlstate) in [
        ('@', &b""[..], "08P01"),
        ('Q', b"no zero at the end", "08P01"),
        ('P', b"\0SELECT 1\0\0\x05", "08P01"),
        ('B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff", "08P01"),
        ('D', b"X\0", "08P01"),
        ('E', b"\0\0", "08P01"),
        ('S', b"more", "08P01"),
        ('Q', b"SELECT '\xff'\0", "22021"),
    ] {
        let (mut wire, _) = Wire::started(&server).await;
        wire.send(kind, body).await;
        let error = wire.next().await.unwrap().error();
        assert_eq!((error.0.as_str(), error.1.as_str()), ("FATAL", sqlstate), "{kind} {body:?}");
        assert!(wire.next().await.is_none(), "{kind} {body:?}");
    }
    // Its size alone refuses a message: the rest is never waited for.
    let (mut wire, _) = Wire::started(&server).await;
    wire.socket.write_all(b"Q\x10\x00\x00\x00").await.unwrap();
    assert_eq!(wire.next().await.unwrap().error().1, "53400");
    let (mut wire, _) = Wire::started(&server).await;
    wire.send('F', b"\0\0\0\0\0\0\0\0\0\0").await;
    let answers = wire.until_ready().await;
    assert_eq!(answers[0].error().1, "0A000");
    assert_eq!(kinds(&healthy.query("SELECT 1").await), "TDCZ");
}
