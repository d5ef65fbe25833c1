//! Bytes and messages that no driver would send: nothing panics, hangs or grows, and the next
//! connection is fine.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pgwire::messages::Wire;
use crate::support::{Deployment, TestServer};

/// How long a server may take over one connection's nonsense.
const PATIENCE: Duration = Duration::from_secs(20);

async fn served(limits: &str) -> (Deployment, TestServer) {
    let deployment = Deployment::new().catalog_append(
        "lakeport.toml",
        &format!("[limits]\nstartup_timeout_ms = 500\nstatement_timeout_ms = 2000\n{limits}"),
    );
    let server = deployment.serve().await;
    (deployment, server)
}

/// Sends bytes, closes the sending half, reads until the server ends the connection.
async fn send(server: &TestServer, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.addresses.postgres).await.unwrap();
    let conversation = async {
        let (mut reader, mut writer) = socket.split();
        let mut answer = Vec::new();
        let writing = async {
            // The server may have left already.
            let _ = writer.write_all(bytes).await;
            let _ = writer.shutdown().await;
        };
        let reading = async {
            let _ = reader.read_to_end(&mut answer).await;
        };
        tokio::join!(writing, reading);
        answer
    };
    tokio::time::timeout(PATIENCE, conversation).await.expect("the server ends the connection")
}

async fn is_well(server: &TestServer) {
    assert_eq!(server.rows("SELECT 1").await, [[Some("1".to_owned())]]);
}

fn startup() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0lakeport\0database\0test\0\0";
    [&(body.len() as u32 + 4).to_be_bytes()[..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = BytesMut::new();
    message.put_u8(kind);
    message.put_u32(body.len() as u32 + 4);
    message.put_slice(body);
    message.to_vec()
}

const TEXTS: &[&str] = &[
    "SELECT 1",
    "SELECT $1::int",
    "SELECT * FROM generate_series(1, 300)",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "SELECT 1/0",
    "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1",
    "FETCH ALL FROM c",
    "MOVE BACKWARD ALL IN c",
    "CLOSE ALL",
    "COPY (SELECT 1) TO STDOUT",
    "COPY public.t FROM STDIN",
    "COPY public.t FROM STDIN BINARY",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "SET TIME ZONE 'Asia/Tokyo'",
    "LISTEN a; NOTIFY a",
    "SELECT 1; SELECT 2; nonsense",
    "",
    ";",
];

/// A message with a sensible shape and senseless contents.
fn sensible(random: &mut ChaCha8Rng) -> Vec<u8> {
    let text = TEXTS.choose(random).unwrap();
    let name = ["", "a", "b", "c"].choose(random).unwrap();
    let mut body = Vec::new();
    let kind = *b"QPPBBBDDEEECSSHXFdcf".choose(random).unwrap();
    match kind {
        b'Q' => body.extend([text.as_bytes(), b"\0"].concat()),
        b'P' => body.extend([name.as_bytes(), b"\0", text.as_bytes(), b"\0\0\0"].concat()),
        b'B' => {
            body.extend([name.as_bytes(), b"\0", name.as_bytes(), b"\0"].concat());
            body.extend([0, 0]);
            let parameters = random.random_range(0..3_u16);
            body.extend(parameters.to_be_bytes());
            (0..parameters).for_each(|_| body.extend(b"\0\0\0\x011"));
            body.extend([0, 1, 0, random.random_range(0..3)]);
        }
        b'D' | b'C' => {
            body.push(*b"SP".choose(random).unwrap());
            body.extend([name.as_bytes(), b"\0"].concat());
        }
        b'E' => {
            body.extend([name.as_bytes(), b"\0"].concat());
            body.extend(random.random_range(-1..5_i32).to_be_bytes());
        }
        b'd' => body.extend(b"1\tx\n"),
        b'f' => body.extend(b"why\0"),
        _ => {}
    }
    message(kind, &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn any_order_of_messages_is_survived() {
    let (_deployment, server) = served("").await;
    server.client().await.batch_execute("CREATE TABLE public.t (a int, b text)").await.unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..150 {
        let mut bytes = startup();
        for _ in 0..random.random_range(1..25) {
            bytes.extend(sensible(&mut random));
        }
        bytes.extend(message(b'S', b""));
        send(&server, &bytes).await;
    }
    is_well(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_are_survived() {
    let (_deployment, server) = served("").await;
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for round in 0..300 {
        let mut bytes = if round % 3 == 0 { Vec::new() } else { startup() };
        for _ in 0..random.random_range(0..6) {
            let mut next = sensible(&mut random);
            // One byte of some messages is another.
            if random.random_bool(0.7) {
                let at = random.random_range(0..next.len());
                next[at] = random.random();
            }
            if random.random_bool(0.1) {
                next.truncate(random.random_range(0..next.len()));
            }
            bytes.extend(next);
        }
        if round % 5 == 0 {
            bytes.extend((0..random.random_range(0..200)).map(|_| random.random::<u8>()));
        }
        send(&server, &bytes).await;
    }
    is_well(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_and_deep_requests_are_answered_with_errors() {
    let (_deployment, server) = served("message_bytes_max = 12000000\n").await;
    let (mut wire, _) = Wire::started(&server).await;
    let long = format!("SELECT '{}' AS a", "x".repeat(10 << 20));
    let answers = wire.query(&long).await;
    assert!(answers.iter().any(|answer| matches!(answer.kind, 'D' | 'E')));
    for depth in [100, 10_000] {
        let deep = format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        let answers = wire.query(&deep).await;
        assert_eq!(answers[0].kind, 'E', "{depth}");
    }
    // As many parameters as the protocol can count, then more than were asked for.
    let list: Vec<String> = (1..=60_000).map(|number| format!("${number}")).collect();
    let text = format!("\0SELECT 1 WHERE 1 IN ({})\0\0\0", list.join(","));
    wire.send('P', text.as_bytes()).await;
    wire.send('S', b"").await;
    let answers = wire.until_ready().await;
    assert!(matches!(answers[0].kind, '1' | 'E'), "{:?}", answers[0]);
    is_well(&server).await;
    // Larger than allowed: said so, and the connection ends.
    let mut wire = Wire::started(&server).await.0;
    let mut head = vec![b'Q'];
    head.extend(20_000_000_u32.to_be_bytes());
    wire.socket.write_all(&head).await.unwrap();
    let (severity, code, ..) = wire.next().await.unwrap().error();
    assert_eq!((severity.as_str(), code.as_str()), ("FATAL", "53400"));
    assert!(wire.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_storms_and_clients_that_do_not_read_hold_nobody_up() {
    let (_deployment, server) = served("").await;
    for _ in 0..500 {
        let mut bytes = 16_u32.to_be_bytes().to_vec();
        bytes.extend(80_877_102_u32.to_be_bytes());
        bytes.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        send(&server, &bytes).await;
    }
    let mut deaf = Vec::new();
    for _ in 0..10 {
        let (mut wire, _) = Wire::started(&server).await;
        let rows = b"SELECT repeat('x', 1000) FROM generate_series(1, 1000000)\0";
        wire.send('Q', rows).await;
        deaf.push(wire);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = std::time::Instant::now();
    is_well(&server).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    drop(deaf);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while server.services.sessions.count() > 1 {
        assert!(std::time::Instant::now() < deadline, "sessions of gone clients stay");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
