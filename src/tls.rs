//! One TLS configuration, for `wss://` and for `https://` alike.
//!
//! Whom we trust is the machine's own list of authorities, Mozilla's list where the machine has none, and
//! the file that the settings name, added to either. The lists are read at the first TLS handshake, never
//! before it: `ws://` and `http://` work on a machine without a single certificate, and start as fast as
//! they can. Nothing here touches rustls' process-wide default provider. Where none is needed because nothing
//! leaves the machine, [`is_safe`] says so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use url::{Host, Url};

/// How long a TCP or TLS connection to an HTTP server may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole HTTP exchange may take; a request may set its own with `RequestBuilder::timeout`.
const EXCHANGE: Duration = Duration::from_secs(10);

/// Why there is no TLS configuration or no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of authorities cannot be read or is not PEM.
    #[error("cannot read the certificates in {}: {reason}", path.display())]
    CaFile {
        /// The file that the settings name.
        path: PathBuf,
        /// What the system or the parser said.
        reason: String,
    },
    /// The file of authorities was read, and holds none.
    #[error("{} holds no certificate; a PEM file with at least one is expected", .0.display())]
    NoCertificate(PathBuf),
    /// The TLS library refused what it was given.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// The HTTP library refused what it was given.
    #[error("cannot set up HTTP: {0}")]
    Http(#[from] reqwest::Error),
}

/// The configuration, with the authorities of `ca_file` beside the machine's own.
///
/// Reads `ca_file` now, so that a wrong setting is found at the start, and the machine's list when the
/// first certificate is to be judged.
pub fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    Ok(Arc::new(build(ca_file)?))
}

/// An HTTP client with that configuration: it follows no redirect (a token would travel along), asks no
/// proxy (nor does the WebSocket), and gives up after 5 s without a connection or 10 s without an answer.
pub fn http_client(ca_file: Option<&Path>) -> Result<reqwest::Client, Error> {
    Ok(http_client_builder(ca_file)?.build()?)
}

/// As [`http_client`], for whoever has more to say of it.
pub fn http_client_builder(ca_file: Option<&Path>) -> Result<reqwest::ClientBuilder, Error> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(build(ca_file)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(EXCHANGE)
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

/// Whether nobody can read on the way what is sent to this address: it goes over TLS, or stays on this machine.
pub fn is_safe(url: &Url) -> bool {
    let stays = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    stays || url.scheme() == "https"
}

fn build(ca_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = Authorities {
        provider: Arc::clone(&provider),
        added: ca_file.map(read).transpose()?.unwrap_or_default(),
        verifier: OnceLock::new(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(authorities))
        .with_no_client_auth();
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |reason: String| Error::CaFile { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(error.to_string()))?;
    // A certificate that cannot be an authority would only be missed at the first handshake.
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|error| bad(error.to_string()))?;
    }
    if store.is_empty() { Err(Error::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}

/// The standard judge of certificates, made when the first one comes.
#[derive(Debug)]
struct Authorities {
    provider: Arc<CryptoProvider>,
    added: Vec<CertificateDer<'static>>,
    verifier: OnceLock<Result<Arc<WebPkiServerVerifier>, rustls::Error>>,
}

impl Authorities {
    fn verifier(&self) -> Result<&Arc<WebPkiServerVerifier>, rustls::Error> {
        let made = self.verifier.get_or_init(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            store.add_parsable_certificates(self.added.iter().cloned());
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&self.provider))
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for Authorities {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_there_is_a_configuration_and_a_client_and_nothing_was_read() {
        assert!(config(None).is_ok());
        assert!(http_client(None).is_ok());
    }

    #[test]
    fn what_is_sent_is_safe_over_tls_and_on_this_machine() {
        for (url, safe) in [
            ("http://localhost/a", true),
            ("http://LOCALHOST:8000/a", true),
            ("http://127.0.0.1/a", true),
            ("http://127.9.9.9/a", true),
            ("http://[::1]/a", true),
            ("https://venue.test/a", true),
            ("http://venue.test/a", false),
            ("http://localhost.venue.test/a", false),
            ("http://10.0.0.1/a", false),
            ("http://[::2]/a", false),
        ] {
            assert_eq!(is_safe(&url.parse().expect(url)), safe, "{url}");
        }
    }

    #[test]
    fn a_wrong_file_of_authorities_is_named_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing.pem");
        let empty = folder.path().join("empty.pem");
        let broken = folder.path().join("broken.pem");
        std::fs::write(&empty, "no certificate\n").expect("written");
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .expect("written");
        for path in [missing, empty, broken] {
            let error = config(Some(&path)).expect_err("refused").to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }
}
