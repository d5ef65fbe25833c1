//! Passwords: the exchange, the file, and what a client that fails is told.

use crate::pgwire::messages::Wire;
use crate::support::{Deployment, ended, psql};
use lakeport::security::scram::{Exchange, SCRAM, SCRAM_PLUS, Verifier};

const ROLES: &str = "CREATE ROLE finance LOGIN;\nCREATE ROLE idle;\n";

fn with_passwords() -> Deployment {
    Deployment::new()
        .catalog_append("roles.sql", ROLES)
        .passwords(&[("lakeport", "s3cret"), ("finance", "Ünï \"x\""), ("ghost", "boo")], "")
}

/// RFC 7677 section 3.
const SALT: &[u8] = b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

fn begin(mechanism: &str, first: &str, end_point: Option<&[u8]>) -> Result<Exchange, String> {
    let verifier = Verifier::new("pencil", SALT);
    let begun = Exchange::begin(mechanism, first, verifier, NONCE, end_point);
    begun
        .map(|(exchange, _)| exchange)
        .map_err(|error| format!("{} {}", error.kind().sqlstate(), error.message()))
}

#[test]
fn the_exchange_is_the_one_of_the_standard() {
    let verifier = Verifier::new("pencil", SALT);
    assert_eq!(Verifier::parse(&verifier.to_string()), Some(verifier.clone()));
    assert!(verifier.matches("pencil") && !verifier.matches("Pencil"));
    assert!(!format!("{verifier:?}").contains("$"), "{verifier:?}");
    let (exchange, first) = Exchange::begin(SCRAM, FIRST, verifier, NONCE, None).unwrap();
    assert_eq!(first, format!("r=rOprNGfwEbeRWgbNEkqO{NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    let signature = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(exchange.finish(LAST).unwrap().as_deref(), Some(signature));
    // One character of the proof.
    let wrong = LAST.replace("dHzb", "dHzc");
    assert_eq!(begin(SCRAM, FIRST, None).unwrap().finish(&wrong).unwrap(), None);
}

#[test]
fn verifiers_that_make_no_sense_are_refused() {
    let good = Verifier::new("pencil", SALT).to_string();
    assert!(Verifier::parse(&good).is_some());
    for bad in [
        "",
        "md5a3556571e93b0d20722ba62be61e8c2d",
        &good.replace("4096", "0"),
        &good.replace("4096", "4000000000"),
        &good.replace(":W22", ":"),
        &good.replace("=:", ":"),
        good.strip_suffix("4=").unwrap_or(&good[..good.len() - 3]),
    ] {
        assert_eq!(Verifier::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_binding_that_is_missing_or_taken_away_is_noticed() {
    let end_point: Option<&[u8]> = Some(b"the certificate's hash");
    let bare = "n=user,r=rOprNGfwEbeRWgbNEkqO";
    let begun = |mechanism, flag: &str, end_point| {
        begin(mechanism, &format!("{flag},,{bare}"), end_point).map(drop)
    };
    assert!(begun(SCRAM, "n", end_point).is_ok());
    assert!(begun(SCRAM, "y", None).is_ok());
    assert!(begun(SCRAM_PLUS, "p=tls-server-end-point", end_point).is_ok());
    for (mechanism, flag, end_point, error) in [
        (SCRAM, "y", end_point, "28000 SCRAM channel binding negotiation error"),
        (SCRAM, "p=tls-server-end-point", end_point, "08P01 malformed SCRAM message"),
        (SCRAM_PLUS, "n", end_point, "08P01 malformed SCRAM message"),
        (SCRAM_PLUS, "p=tls-unique", end_point, "08P01 unsupported SCRAM channel-binding type"),
        (
            SCRAM_PLUS,
            "p=tls-server-end-point",
            None,
            "08P01 client selected an invalid SASL authentication mechanism",
        ),
        ("PLAIN", "n", None, "08P01 client selected an invalid SASL authentication mechanism"),
    ] {
        assert_eq!(begun(mechanism, flag, end_point), Err(error.to_owned()), "{mechanism} {flag}");
    }
    // The header says another thing at the end than at the start.
    let exchange = begin(SCRAM, FIRST, None).unwrap();
    let error = exchange.finish(&LAST.replace("biws", "eSws")).unwrap_err();
    assert_eq!(error.message(), "SCRAM channel binding check failed");
    for bad in ["", "c=biws,r=x", "c=biws,r=x,p=AAAA", "r=x,c=biws,p=AAAA"] {
        assert!(begin(SCRAM, FIRST, None).unwrap().finish(bad).is_err(), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_logs_in_with_the_right_password_only() {
    let Some(psql) = psql() else { return };
    let deployment = with_passwords();
    let server = deployment.serve().await;
    let address = server.addresses.postgres;
    let login = |user: &str, password: &str| {
        let info = format!("host=127.0.0.1 port={} user={user} dbname=test", address.port());
        let mut command = std::process::Command::new(&psql);
        command.args([&info, "-Atc", "SELECT current_user"]).env("PGPASSWORD", password);
        let ended = tokio::task::block_in_place(|| ended(&mut command));
        match ended.code {
            Some(0) => ended.stdout.trim().to_owned(),
            _ => ended.stderr.rsplit("FATAL:  ").next().unwrap_or_default().trim().to_owned(),
        }
    };
    assert_eq!(login("lakeport", "s3cret"), "lakeport");
    assert_eq!(login("finance", "Ünï \"x\""), "finance");
    // Decomposed as a keyboard may give it: SASLprep makes them the same.
    assert_eq!(login("finance", "U\u{308}ni\u{308} \"x\""), "finance");
    let refused = |user: &str| format!("password authentication failed for user \"{user}\"");
    for (user, password) in
        [("lakeport", "S3cret"), ("finance", "s3cret"), ("idle", "x"), ("nobody", "x")]
    {
        assert_eq!(login(user, password), refused(user));
    }
    // Whether a role exists is told to those who know its password.
    assert_eq!(login("ghost", "boo"), "role \"ghost\" does not exist");

    // A new password counts from the next login.
    let mut command = deployment.command(&["password", "finance"]);
    let set = tokio::task::block_in_place(|| piped(&mut command, "other\n"));
    assert!(set.contains("changed the password of role \"finance\""), "{set}");
    assert_eq!(login("finance", "other"), "finance");
    deployment.run(&["password", "finance", "--remove"]).ok();
    assert_eq!(login("finance", "other"), refused("finance"));
}

fn piped(command: &mut std::process::Command, input: &str) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_follows_a_failed_login() {
    let deployment = with_passwords();
    let server = deployment.serve().await;
    let mut wire = Wire::open(server.addresses.postgres).await;
    wire.startup(&[("user", "lakeport"), ("database", "test")]).await;
    assert_eq!(wire.next().await.unwrap().kind, 'R');
    // What a client sends ahead of its password is not run.
    wire.send('Q', b"SELECT 1\0").await;
    let (severity, code, message, _) = wire.next().await.unwrap().error();
    assert_eq!((severity.as_str(), code.as_str()), ("FATAL", "08P01"), "{message}");
    assert!(wire.next().await.is_none());

    let mut wire = Wire::open(server.addresses.postgres).await;
    wire.startup(&[("user", "lakeport"), ("database", "test")]).await;
    assert_eq!(wire.next().await.unwrap().kind, 'R');
    let first = "n,,n=,r=abc";
    let mut body = b"SCRAM-SHA-256\0\0\0\0\x0b".to_vec();
    body.extend(first.as_bytes());
    wire.send('p', &body).await;
    let answer = wire.next().await.unwrap();
    let answer = answer.text();
    let nonce = answer[4..].split(',').next().unwrap().to_owned();
    let proof = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    wire.send('p', format!("c=biws,{nonce},p={proof}").as_bytes()).await;
    wire.send('Q', b"SELECT 1\0").await;
    let (_, code, message, _) = wire.next().await.unwrap().error();
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("28P01", "password authentication failed for user \"lakeport\"")
    );
    assert!(wire.next().await.is_none());
}

#[test]
fn secrets_that_others_could_read_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let deployment = with_passwords();
    let file = deployment.path("secrets/passwords");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("\"finance\" \"SCRAM-SHA-256$4096:"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = deployment.run(&["serve"]).failed().stderr;
    assert!(refused.contains("can be read by others"), "{refused}");
    deployment.private("secrets/passwords", "lakeport s3cret\n");
    let refused = deployment.run(&["serve"]).failed().stderr;
    assert!(refused.contains("line 1 is not \"role\" \"verifier\""), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");
    std::fs::remove_file(&file).unwrap();
    let refused = deployment.run(&["serve"]).failed().stderr;
    assert!(refused.contains("`lakeport password <role>` writes it"), "{refused}");

    for place in ["lake/passwords", "catalog/passwords", "landing/x/../passwords"] {
        let lies = Deployment::new().auth(&format!("passwords = \"../{place}\""));
        let refused = lies.run(&["serve"]).failed().stderr;
        assert!(refused.contains("the secret file"), "{place}: {refused}");
    }
    let none = Deployment::new().run(&["password", "lakeport"]).failed().stderr;
    assert!(none.contains("names no file for passwords"), "{none}");
}
