//! Who gets in, how long, and by which keys.

use std::time::Duration;

use arrow::array::AsArray;
use arrow_flight::sql::client::FlightSqlServiceClient;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::support::{Authority, Deployment, FlightClient, Signed, TestServer};

use super::code;

fn key(byte: u8) -> String {
    BASE64_STANDARD.encode([byte; 32])
}

fn keyed(keys: &str) -> Deployment {
    let deployment = Deployment::new().catalog_append("roles.sql", "CREATE ROLE reader LOGIN;\n");
    std::fs::create_dir_all(deployment.path("secrets")).unwrap();
    deployment.private("secrets/keys", keys);
    deployment.auth("trust_loopback = true\nsigning_keys = \"../secrets/keys\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_by_a_new_first_line() {
    let deployment = keyed(&format!("# the first\n{}\n", key(1)));
    let server = deployment.serve().await;
    let mut old = server.flight().await;
    let ticket = old.inner.execute("SELECT 1".to_owned(), None).await.unwrap();
    deployment.private("secrets/keys", &format!("{}\n{}\n", key(2), key(1)));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(old.fetch(ticket.clone()).await.unwrap().len(), 1);
    let mut new = server.flight().await;
    deployment.private("secrets/keys", &format!("{}\n", key(2)));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(new.query("SELECT 1").await.unwrap().len(), 1);
    let (refused, message) = code(new.fetch(ticket).await.unwrap_err());
    assert_eq!(refused, Code::PermissionDenied, "{message}");
    let (refused, message) = code(old.query("SELECT 1").await.unwrap_err());
    assert_eq!(refused, Code::Unauthenticated, "{message}");
    // A file that does not load leaves the last keys.
    deployment.private("secrets/keys", "short\n");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(new.query("SELECT 1").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_load_stop_the_server_and_stay_secret() {
    for (keys, words) in [
        ("", "1 to 16 keys"),
        ("c2hvcnQ=\n", "line 1 is not base64"),
        ("not base64 at all!\n", "line 1 is not base64"),
    ] {
        let ended = keyed(keys).run(&["serve", "--pg-port=0", "--flight-port=0", "--http-port=0"]);
        let ended = ended.failed();
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(keys.is_empty() || !ended.stderr.contains(keys.trim()), "{}", ended.stderr);
    }
    let open = keyed(&key(1));
    open.write("secrets/keys", key(1));
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(open.path("secrets/keys"), all).unwrap();
    let ended = open.run(&["serve", "--pg-port=0", "--flight-port=0", "--http-port=0"]).failed();
    assert!(ended.stderr.contains("can be read by others"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_expire_end_with_their_roles_and_cannot_be_made_up() {
    let deployment =
        keyed(&key(1)).catalog_append("lakeport.toml", "\n[limits]\nflight_token_ms = 1500\n");
    let server = deployment.serve().await;
    let mut client = server.flight().await;
    client.update("CREATE ROLE guest LOGIN").await.unwrap();
    let mut guest = server.flight_as("guest").await;
    assert_eq!(guest.query("SELECT 1").await.unwrap().len(), 1);
    client.update("DROP ROLE guest").await.unwrap();
    let (refused, message) = code(guest.query("SELECT 1").await.unwrap_err());
    assert_eq!(refused, Code::Unauthenticated, "{message}");
    let token = client.inner.token().unwrap().clone();
    let mut forged = FlightClient::anonymous(server.addresses.flight).await;
    for at in (0..token.len()).step_by(3) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        forged.inner.set_token(String::from_utf8(bytes).unwrap());
        let (refused, message) = code(forged.query("SELECT 1").await.unwrap_err());
        assert_eq!(refused, Code::Unauthenticated, "{message}");
    }
    tokio::time::sleep(Duration::from_millis(1600)).await;
    let (refused, message) = code(client.query("SELECT 1").await.unwrap_err());
    assert_eq!(refused, Code::Unauthenticated, "{message}");
    assert!(message.contains("expired"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_asked_for_by_handshake_and_with_each_call() {
    let deployment = Deployment::new()
        .catalog_append("roles.sql", "CREATE ROLE reader LOGIN;\n")
        .passwords(&[("lakeport", "s3cret")], "");
    let server = deployment.serve().await;
    let address = server.addresses.flight;
    let mut client = FlightClient::anonymous(address).await;
    for (user, password) in [("lakeport", "wrong"), ("reader", "s3cret"), ("nobody", "x")] {
        let error = client.inner.handshake(user, password).await.unwrap_err().to_string();
        assert!(error.contains("28P01: password authentication failed"), "{error}");
        let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
        client.inner.set_header("authorization", format!("Basic {basic}"));
        let (refused, message) = code(client.query("SELECT 1").await.unwrap_err());
        assert_eq!(refused, Code::Unauthenticated, "{message}");
    }
    let mut client = FlightClient::anonymous(address).await;
    client.inner.handshake("lakeport", "s3cret").await.unwrap();
    let rows = client.query("SELECT current_user::text").await.unwrap();
    assert_eq!(rows[0].column(0).as_string::<i32>().value(0), "lakeport");
    let mut each = FlightClient::anonymous(address).await;
    let basic = BASE64_STANDARD.encode("lakeport:s3cret");
    each.inner.set_header("authorization", format!("Basic {basic}"));
    assert_eq!(each.query("SELECT 1").await.unwrap().len(), 1);
}

async fn over_tls(
    server: &TestServer,
    authority: &Authority,
    client: Option<&Signed>,
) -> Result<FlightClient, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.pem()))
        .domain_name("localhost");
    if let Some(signed) = client {
        tls = tls.identity(Identity::from_pem(&signed.certificate, &signed.key));
    }
    let endpoint = Endpoint::new(format!("https://{}", server.addresses.flight)).unwrap();
    let channel: Channel = endpoint.tls_config(tls).unwrap().connect().await?;
    Ok(FlightClient { inner: FlightSqlServiceClient::new(channel) })
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_password_or_a_certificate() {
    let authority = Authority::new();
    let secrets = "client_authorities = \"../secrets/authority.crt\"";
    let names = "certificate_names = { \"Reporting Team\" = \"reader\" }";
    let deployment = Deployment::new()
        .catalog_append("roles.sql", "CREATE ROLE reader LOGIN;\n")
        .passwords(
            &[("lakeport", "s3cret")],
            &format!("client_certificates = \"sufficient\"\n{names}"),
        )
        .tls(&authority, secrets);
    let server = deployment.serve().await;
    let mut client = over_tls(&server, &authority, None).await.unwrap();
    client.inner.handshake("lakeport", "s3cret").await.unwrap();
    assert_eq!(client.query("SELECT 1").await.unwrap().len(), 1);
    let mut nobody = over_tls(&server, &authority, None).await.unwrap();
    let (refused, message) = code(nobody.query("SELECT 1").await.unwrap_err());
    assert_eq!(refused, Code::Unauthenticated, "{message}");
    let certificate = authority.client("Reporting Team");
    let mut team = over_tls(&server, &authority, Some(&certificate)).await.unwrap();
    let rows = team.query("SELECT current_user::text").await.unwrap();
    assert_eq!(rows[0].column(0).as_string::<i32>().value(0), "reader");
    team.inner.handshake("reader", "").await.unwrap();
    assert_eq!(team.query("SELECT 1").await.unwrap().len(), 1);
    let mut team = over_tls(&server, &authority, Some(&certificate)).await.unwrap();
    let error = team.inner.handshake("lakeport", "guess").await.unwrap_err().to_string();
    assert!(error.contains("28P01"), "{error}");
    // Without TLS there is no conversation.
    let plain = Endpoint::new(format!("http://{}", server.addresses.flight)).unwrap();
    let mut plain = match plain.connect().await {
        Err(_) => return,
        Ok(channel) => FlightClient { inner: FlightSqlServiceClient::new(channel) },
    };
    assert!(plain.inner.handshake("lakeport", "s3cret").await.is_err());
}
