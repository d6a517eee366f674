//! `wss://`: the authority that the settings name is trusted, and nobody else.

use std::path::Path;
use std::sync::Arc;

use frontdesk::advice::Advice;
use frontdesk::client::{Cause, Options, State};
use frontdesk::protocol::ServerOp;
use futures_util::SinkExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

use crate::stage::{Listener, Stage, options};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls");

/// A server that shakes hands with whoever trusts it, and then keeps the line.
async fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let file = |name: &str| Path::new(FOLDER).join(name);
    let certificate = CertificateDer::from_pem_file(file("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut socket = tokio_tungstenite::accept_async(stream).await.expect("upgraded");
            let hello =
                ServerOp::Established { socket_id: "1.2".into(), activity_timeout: None, native: false };
            socket.send(Message::text(hello.encode())).await.expect("sent");
            tokio::spawn(async move {
                while let Some(Ok(_)) = futures_util::StreamExt::next(&mut socket).await {}
            });
        }
    });
    port
}

async fn client(host: &str, ca_file: Option<&str>) -> Listener {
    let url = Url::parse(&format!("wss://{host}:{}", server().await)).expect("a URL");
    let ca_file = ca_file.map(|name| Path::new(FOLDER).join(name));
    Listener::open(Options { url, ca_file, ..options(&Stage::open().await, &[]) })
}

#[tokio::test]
async fn the_authority_of_the_settings_is_trusted() {
    let facts = client("localhost", Some("ca.pem")).await.state(State::Live).await;
    assert_eq!(facts.socket_id.as_deref(), Some("1.2"));
}

#[tokio::test]
async fn an_unknown_authority_and_a_wrong_name_are_refused_with_advice() {
    for (host, ca_file) in [("localhost", None), ("127.0.0.1", Some("ca.pem"))] {
        let facts = client(host, ca_file).await.state(State::Waiting).await;
        let cause = facts.cause.expect("a cause");
        assert!(matches!(cause, Cause::Tls(_)), "{cause:?}");
        assert_eq!(cause.advice(), Advice::CheckCertificate);
    }
}

#[tokio::test]
async fn a_file_that_holds_no_authority_is_said_at_once() {
    let facts = client("localhost", Some("server.key")).await.state(State::Refused).await;
    let cause = facts.cause.expect("a cause").to_string();
    assert!(cause.contains("server.key"), "{cause}");
}
