//! Certificates made for one test, and clients that check them.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Deployment;

/// An authority that signs for a server and its clients.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a test's authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// For `localhost` and 127.0.0.1.
    pub fn server(&self) -> Signed {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth, "localhost")
    }

    pub fn client(&self, name: &str) -> Signed {
        let params = CertificateParams::new(Vec::new()).unwrap();
        self.sign(params, ExtendedKeyUsagePurpose::ClientAuth, name)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        name: &str,
    ) -> Signed {
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Shakes hands as a client that believes this authority.
    pub async fn connect(
        &self,
        socket: TcpStream,
        client: Option<&Signed>,
        alpn: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some(Signed { certificate, key }) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await
    }
}

impl Deployment {
    /// Adds `[tls]` with a server's certificate, and more lines of `[tls]`.
    pub fn tls(self, authority: &Authority, more: &str) -> Self {
        let folder = self.path("secrets");
        std::fs::create_dir_all(&folder).unwrap();
        self.certificate(&authority.server());
        self.private("secrets/authority.crt", &authority.pem());
        let place = folder.display();
        self.catalog_append(
            "lakeport.toml",
            &format!(
                "\n[tls]\ncertificate = \"{place}/server.crt\"\nkey = \"{place}/server.key\"\n{more}\n"
            ),
        )
    }

    /// Replaces the server's certificate.
    pub fn certificate(&self, signed: &Signed) {
        self.private("secrets/server.key", &signed.key);
        self.private("secrets/server.crt", &signed.certificate);
    }

    /// Writes a file that nobody else can read.
    pub fn private(&self, file: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(file, text);
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(file), private).unwrap();
    }

    /// Replaces `[auth]`, which comes last in the basics: nobody is trusted, `more` says who gets in.
    pub fn auth(self, more: &str) -> Self {
        let text = std::fs::read_to_string(self.path("catalog/lakeport.toml")).unwrap();
        let text = text.replace("trust_loopback = true", more);
        self.catalog("lakeport.toml", &text)
    }

    /// As [`Deployment::auth`], with passwords: `(role, password)`.
    pub fn passwords(self, roles: &[(&str, &str)], more: &str) -> Self {
        std::fs::create_dir_all(self.path("secrets")).unwrap();
        let file = self.path("secrets/passwords");
        for (role, password) in roles {
            lakeport::session::set_password(&file, role, Some(password)).unwrap();
        }
        self.auth(&format!("passwords = \"{}\"\n{more}", file.display()))
    }
}
