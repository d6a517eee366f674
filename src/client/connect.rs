//! From a URL to an open WebSocket: name, TCP, TLS, upgrade. No word of the protocol is spoken here.
//!
//! Failures become a [`Cause`] that tells a wrong name from a closed port, a bad certificate, and an HTTP
//! server that knows no WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::error::{ProtocolError, TlsError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::{Host, Url};

use super::{Cause, Options, Step};

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a name may take to become addresses.
const NAME: Duration = Duration::from_secs(10);
/// How long TCP, TLS and the upgrade may take together.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one address may take while there is another to try.
const ADDRESS: Duration = Duration::from_secs(3);
/// The longest message that is taken, in bytes. The longest event of any server's default is 100 KB; what a
/// member list or a doubly encoded payload adds stays far below.
pub(super) const MESSAGE: usize = 1024 * 1024;

/// The address to connect to: `{prefix}/app/{key}` with what the protocol wants to know.
pub(super) fn address(options: &Options) -> Result<Url, Cause> {
    let mut url = options.url.clone();
    let wrong = |what: &str| Cause::Settings(format!("{what}: {}", public(&options.url)));
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(wrong("the server's address begins with ws:// or wss://"));
    }
    if options.key.is_empty() {
        return Err(Cause::Settings("the app key is empty".into()));
    }
    url.path_segments_mut()
        .map_err(|()| wrong("the server's address has no host"))?
        .pop_if_empty()
        .extend(["app", &options.key]);
    url.query_pairs_mut()
        .append_pair("protocol", "7")
        .append_pair("client", "frontdesk")
        .append_pair("version", env!("CARGO_PKG_VERSION"))
        .append_pair("flash", "false");
    if options.native {
        url.query_pairs_mut().append_pair("frontdesk", "1");
    }
    Ok(url)
}

/// The address as it may be shown: without name and password.
pub(super) fn public(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only on a URL that cannot have either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Opens a WebSocket.
pub(super) async fn connect(url: &Url, tls: Arc<ClientConfig>) -> Result<Socket, Cause> {
    let addresses = timeout(NAME, resolve(url)).await.map_err(|_| Cause::TimedOut(Step::Name))??;
    timeout(CONNECT, async {
        let stream = dial(&addresses).await?;
        // Frames are small and each is wanted now.
        stream.set_nodelay(true).map_err(|error| Cause::Unreachable(error.to_string()))?;
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = 16 * 1024;
        config.write_buffer_size = 4 * 1024;
        config.max_write_buffer_size = 1024 * 1024;
        config.max_message_size = Some(MESSAGE);
        config.max_frame_size = Some(MESSAGE);
        client_async_tls_with_config(url.as_str(), stream, Some(config), Some(Connector::Rustls(tls)))
            .await
            .map(|(socket, _)| socket)
            .map_err(|error| cause(&error))
    })
    .await
    .map_err(|_| Cause::TimedOut(Step::Connect))?
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, Cause> {
    let port = url.port_or_known_default().unwrap_or(80);
    let name = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Domain(name)) => name,
        None => return Err(Cause::Settings("the server's address has no host".into())),
    };
    let found: Vec<_> = tokio::net::lookup_host((name, port))
        .await
        .map_err(|error| Cause::UnknownHost(format!("{name}: {error}")))?
        .collect();
    if found.is_empty() { Err(Cause::UnknownHost(format!("{name} has no address"))) } else { Ok(found) }
}

/// The first address that answers. All but the last get a share of the time, so that a dead IPv6 route
/// does not hide a living IPv4 one.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Cause> {
    let mut failure = Cause::TimedOut(Step::Connect);
    for (index, address) in addresses.iter().enumerate() {
        let patience = if index + 1 == addresses.len() { CONNECT } else { ADDRESS };
        match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = Cause::Unreachable(format!("{address}: {error}")),
            Err(_) => failure = Cause::TimedOut(Step::Connect),
        }
    }
    Err(failure)
}

/// What a failed opening means.
fn cause(error: &SocketError) -> Cause {
    match error {
        SocketError::Http(response) => Cause::NoWebSocket { status: response.status().as_u16() },
        SocketError::Tls(TlsError::Rustls(error)) => Cause::Tls(error.to_string()),
        SocketError::Tls(error) => Cause::Tls(error.to_string()),
        SocketError::Io(error) if is_tls(error) => Cause::Tls(error.to_string()),
        SocketError::Io(error) => Cause::Lost(error.to_string()),
        SocketError::Protocol(ProtocolError::HandshakeIncomplete) => {
            Cause::Lost("it ended before the WebSocket was open".into())
        }
        SocketError::Url(error) => Cause::Settings(error.to_string()),
        other => Cause::NotPusher(other.to_string()),
    }
}

/// rustls' errors travel inside those of the stream.
fn is_tls(error: &std::io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn options(url: &str, key: &str, native: bool) -> Options {
        Options {
            url: Url::parse(url).expect(url),
            key: key.into(),
            topics: Vec::new(),
            auth_endpoint: None,
            token: None,
            native,
            insecure_auth: false,
            ca_file: None,
            names: BTreeMap::new(),
            resume: None,
        }
    }

    #[test]
    fn the_address_has_prefix_key_and_protocol() {
        let rest = concat!("protocol=7&client=frontdesk&version=", env!("CARGO_PKG_VERSION"), "&flash=false");
        let cases = [
            ("ws://localhost:6001", "k", false, "ws://localhost:6001/app/k?"),
            ("ws://localhost:6001/", "k", false, "ws://localhost:6001/app/k?"),
            ("wss://h/reverb/v2", "k", false, "wss://h/reverb/v2/app/k?"),
            ("wss://h/reverb/", "a/b?c", false, "wss://h/reverb/app/a%2Fb%3Fc?"),
        ];
        for (url, key, native, start) in cases {
            assert_eq!(address(&options(url, key, native)).expect(url).as_str(), format!("{start}{rest}"));
        }
        let native = address(&options("ws://h", "k", true)).expect("an address");
        assert_eq!(native.as_str(), format!("ws://h/app/k?{rest}&frontdesk=1"));
    }

    #[test]
    fn what_cannot_be_an_address_is_said_without_its_password() {
        for (url, key) in [("http://h", "k"), ("ws://h", ""), ("mailto:x", "k"), ("https://me:secret@h", "k")]
        {
            let Err(Cause::Settings(words)) = address(&options(url, key, false)) else {
                panic!("{url} was taken")
            };
            assert!(!words.contains("secret"), "{words}");
        }
    }
}
