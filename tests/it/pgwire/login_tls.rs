//! TLS: who is let in encrypted, by password or certificate, and what a broken one stops.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pgwire::messages::Wire;
use crate::support::{Authority, Deployment, Ended, Signed, TestServer, ended, psql};

fn encrypted(authority: &Authority, auth: &str) -> Deployment {
    let secrets = "client_authorities = \"../secrets/authority.crt\"";
    Deployment::new()
        .catalog_append("roles.sql", "CREATE ROLE finance LOGIN;\n")
        .passwords(&[("lakeport", "s3cret"), ("finance", "f")], auth)
        .tls(authority, secrets)
}

/// psql over TCP with more of a connection string, asking who it is and how.
fn asks(psql: &std::path::Path, server: &TestServer, info: &str, password: &str) -> Ended {
    let port = server.addresses.postgres.port();
    let info = format!("host=localhost hostaddr=127.0.0.1 port={port} dbname=test {info}");
    let mut command = std::process::Command::new(psql);
    command.args([&info, "-Atc", "SELECT current_user"]).env("PGPASSWORD", password);
    tokio::task::block_in_place(|| ended(&mut command))
}

/// What psql said of a connection that it did not get: exit code 2.
trait Refused {
    fn refused(self) -> String;
}

impl Refused for Ended {
    fn refused(self) -> String {
        assert_eq!(self.code, Some(2), "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_encryption_and_binding_psql_knows() {
    let Some(psql) = psql() else { return };
    let authority = Authority::new();
    let deployment = encrypted(&authority, "");
    let server = deployment.serve().await;
    let root = format!("sslrootcert={}", deployment.path("secrets/authority.crt").display());
    for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
        for binding in ["disable", "prefer", "require"] {
            let root = if mode.starts_with("verify") { root.as_str() } else { "" };
            let info = format!("user=lakeport sslmode={mode} channel_binding={binding} {root}");
            let right = asks(&psql, &server, &info, "s3cret");
            let plain = matches!(mode, "disable" | "allow");
            if plain && binding == "require" {
                let refused = right.refused();
                assert!(refused.contains("channel binding"), "{info}: {refused}");
            } else {
                assert_eq!(right.ok().stdout, "lakeport\n", "{info}");
            }
            let wrong = asks(&psql, &server, &info, "secret").refused();
            let expected = ["password authentication failed", "channel binding"];
            assert!(expected.iter().any(|words| wrong.contains(words)), "{info}: {wrong}");
        }
    }
    // Whoever does not know the authority does not believe the certificate.
    let other = Authority::new();
    deployment.private("secrets/other.crt", &other.pem());
    let other = deployment.path("secrets/other.crt");
    let info = format!("user=lakeport sslmode=verify-full sslrootcert={}", other.display());
    let refused = asks(&psql, &server, &info, "s3cret").refused();
    assert!(refused.contains("SSL error"), "{refused}");
}

fn client_files(deployment: &Deployment, signed: &Signed) -> String {
    deployment.private("secrets/client.crt", &signed.certificate);
    deployment.private("secrets/client.key", &signed.key);
    let place = deployment.path("secrets").display().to_string();
    format!("sslmode=require sslcert={place}/client.crt sslkey={place}/client.key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_enough_or_needed() {
    let Some(psql) = psql() else { return };
    let authority = Authority::new();
    let names = "certificate_names = { \"Reporting Team\" = \"finance\" }";
    let deployment =
        encrypted(&authority, &format!("client_certificates = \"sufficient\"\n{names}"));
    let server = deployment.serve().await;
    let own = client_files(&deployment, &authority.client("lakeport"));
    let login = |server: &TestServer, user: &str, info: &str, password: &str| {
        let ended = asks(&psql, server, &format!("user={user} {info}"), password);
        if ended.code == Some(0) { ended.stdout.trim().to_owned() } else { ended.stderr }
    };
    assert_eq!(login(&server, "lakeport", &own, "wrong"), "lakeport");
    // It names another role: then it is the password that counts.
    assert_eq!(login(&server, "finance", &own, "f"), "finance");
    assert!(login(&server, "finance", &own, "wrong").contains("password authentication failed"));
    assert_eq!(login(&server, "finance", "sslmode=require", "f"), "finance");
    let mapped = client_files(&deployment, &authority.client("Reporting Team"));
    assert_eq!(login(&server, "finance", &mapped, "wrong"), "finance");
    // Signed by nobody we believe.
    let stranger = client_files(&deployment, &Authority::new().client("lakeport"));
    let refused = login(&server, "lakeport", &stranger, "s3cret");
    assert!(refused.contains("SSL") || refused.contains("closed"), "{refused}");

    let needed = encrypted(&authority, "client_certificates = \"required\"");
    let server = needed.serve().await;
    let own = client_files(&needed, &authority.client("lakeport"));
    assert_eq!(login(&server, "lakeport", &own, "s3cret"), "lakeport");
    let refused = login(&server, "lakeport", &own, "wrong");
    assert!(refused.contains("password authentication failed"), "{refused}");
    let refused = login(&server, "finance", &own, "f");
    assert!(refused.contains("certificate authentication failed for user \"finance\""));
    for info in ["sslmode=require", "sslmode=disable"] {
        let refused = login(&server, "lakeport", info, "s3cret");
        assert!(refused.contains("connection requires a valid client certificate"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_encryption_must_say_that_it_is_postgres() {
    let authority = Authority::new();
    let deployment = encrypted(&authority, "");
    let server = deployment.serve().await;
    let address = server.addresses.postgres;
    let connect = async || TcpStream::connect(address).await.unwrap();
    let mut direct = authority.connect(connect().await, None, &["postgresql"]).await.unwrap();
    direct.write_all(b"\0\0\0\x10\0\x03\0\0user\0x\0\0").await.unwrap();
    direct.flush().await.unwrap();
    let mut first = [0; 1];
    direct.read_exact(&mut first).await.unwrap();
    assert_eq!(first, *b"R");

    assert!(authority.connect(connect().await, None, &["http/1.1"]).await.is_err());
    let mut silent = authority.connect(connect().await, None, &[]).await.unwrap();
    silent.write_all(b"\0\0\0\x10\0\x03\0\0user\0x\0\0").await.unwrap();
    assert_eq!(silent.read(&mut first).await.unwrap_or(0), 0, "no ALPN, no answer");

    // Asked for in the old way, with more sent before the handshake than may be.
    let mut wire = Wire::open(address).await;
    let request = [8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat();
    wire.socket.write_all(&request.repeat(2)).await.unwrap();
    let mut answered = Vec::new();
    wire.socket.read_to_end(&mut answered).await.unwrap();
    let answered = String::from_utf8_lossy(&answered);
    assert!(answered.contains("unencrypted data after"), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_used_from_the_next_connection() {
    let old = Authority::new();
    let deployment = encrypted(&old, "");
    let server = deployment.serve().await;
    let address = server.addresses.postgres;
    let connect = async |authority: &Authority| {
        let socket = TcpStream::connect(address).await.unwrap();
        authority.connect(socket, None, &["postgresql"]).await
    };
    let mut kept = connect(&old).await.unwrap();
    let new = Authority::new();
    assert!(connect(&new).await.is_err());
    // Half a change, or a broken one, leaves the old in place.
    deployment.private("secrets/server.crt", "not a certificate");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    connect(&old).await.unwrap();
    deployment.certificate(&new.server());
    let mut tries = 0;
    while connect(&new).await.is_err() {
        tries += 1;
        assert!(tries < 100, "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    kept.write_all(b"\0\0\0\x10\0\x03\0\0user\0x\0\0").await.unwrap();
    kept.flush().await.unwrap();
    let mut first = [0; 1];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(first, *b"R", "connections that exist go on");
}

#[test]
fn broken_settings_refuse_to_start() {
    let authority = Authority::new();
    let refused = |deployment: &Deployment| deployment.run(&["serve"]).failed().stderr;
    let deployment = encrypted(&authority, "");
    deployment.private("secrets/server.key", "");
    assert!(refused(&deployment).contains("could not load the TLS file"));
    deployment.certificate(&Signed { key: authority.client("x").key, ..authority.server() });
    let other = refused(&deployment);
    assert!(other.contains("could not load the TLS file"), "{other}");
    std::fs::remove_file(deployment.path("secrets/server.crt")).unwrap();
    assert!(refused(&deployment).contains("server.crt"));

    let half = Deployment::new().catalog_append("lakeport.toml", "[tls]\ncertificate = \"x\"\n");
    assert!(refused(&half).contains("tls.certificate and tls.key go together"));
    let open = |auth: &str| {
        let deployment = Deployment::new().auth(auth);
        let file = deployment.path("catalog/lakeport.toml");
        let text = std::fs::read_to_string(file).unwrap();
        deployment
            .catalog("lakeport.toml", &text.replace("[server]", "[server]\naddress = \"0.0.0.0\""))
    };
    for auth in ["trust_loopback = true", "passwords = \"/nowhere\""] {
        let text = refused(&open(auth));
        assert!(text.contains("server.address 0.0.0.0 is not a loopback address"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_addresses_are_served_encrypted_only() {
    let authority = Authority::new();
    let deployment = encrypted(&authority, "");
    let text = std::fs::read_to_string(deployment.path("catalog/lakeport.toml")).unwrap();
    let deployment = deployment
        .catalog("lakeport.toml", &text.replace("[server]", "[server]\naddress = \"0.0.0.0\""));
    let server = deployment.serve().await;
    // Any address of this machine but loopback; without a network there is none to try.
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let Ok(()) = probe.connect("192.0.2.1:9") else { return };
    let own = probe.local_addr().unwrap().ip();
    if own.is_loopback() || own.is_unspecified() {
        return;
    }
    let mut wire = Wire::open((own, server.addresses.postgres.port()).into()).await;
    wire.startup(&[("user", "lakeport"), ("database", "test")]).await;
    let (_, code, message, _) = wire.next().await.unwrap().error();
    assert_eq!(code, "28000");
    assert!(message.contains("must be encrypted"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_silence_cost_only_their_own_connection() {
    let authority = Authority::new();
    let deployment = encrypted(&authority, "").catalog_append(
        "lakeport.toml",
        "[limits]\nstartup_timeout_ms = 300\nconnections_max = 2\n",
    );
    let server = deployment.serve().await;
    let address = server.addresses.postgres;
    for garbage in
        [&b"\x16\x03\x01\xff\xff\xff\xff\xff\xff\xff"[..], b"GET / HTTP/1.0\r\n\r\n", b""]
    {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        let mut rest = Vec::new();
        let end = socket.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(3), end).await.expect("it ends").ok();
    }
    // Half a handshake, after a request for one.
    let mut wire = Wire::open(address).await;
    wire.send_untyped(&80_877_103_u32.to_be_bytes()).await;
    let mut rest = Vec::new();
    let end = wire.socket.read_to_end(&mut rest);
    tokio::time::timeout(Duration::from_secs(3), end).await.expect("it ends").ok();
    assert_eq!(rest, b"S");
    let direct = TcpStream::connect(address).await.unwrap();
    authority.connect(direct, None, &["postgresql"]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_has_its_own_limit_of_connections() {
    let server = Deployment::new()
        .catalog_append("roles.sql", "CREATE ROLE finance LOGIN;\n")
        .catalog_append("lakeport.toml", "[limits]\nconnections_per_role_max = 2\n")
        .serve()
        .await;
    let _held = (server.client_as("finance").await, server.client_as("finance").await);
    let mut wire = Wire::open(server.addresses.postgres).await;
    wire.startup(&[("user", "finance"), ("database", "test")]).await;
    let (severity, code, message, _) = wire.next().await.unwrap().error();
    assert_eq!((severity.as_str(), code.as_str()), ("FATAL", "53300"));
    assert_eq!(message, "too many connections for role \"finance\"");
    // Others, and superusers, are not kept out.
    for _ in 0..3 {
        server.client().await;
    }
}
