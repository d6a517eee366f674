//! Where a relay listens: `localhost:6001` is both loopbacks, anything else is itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// A parsed `--listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Both loopbacks, the second where the machine has it.
    Localhost(u16),
    /// One address.
    At(SocketAddr),
}

impl Listen {
    /// Parses `localhost:PORT` or `ADDRESS:PORT`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected localhost:6001, or an address and a port, as in 0.0.0.0:6001 or [::]:6001".to_owned()
        };
        if let Some(port) = text.strip_prefix("localhost:") {
            return port.parse().map(Self::Localhost).map_err(|_| expected());
        }
        text.parse().map(Self::At).map_err(|_| expected())
    }

    /// The addresses that it means, the first the one that must work.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        match *self {
            Self::Localhost(port) => [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                .map(|ip| SocketAddr::new(ip, port))
                .to_vec(),
            Self::At(address) => vec![address],
        }
    }

    /// Listens there. An error says what to do.
    pub(crate) async fn bind(&self) -> Result<Vec<TcpListener>, String> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        for mut address in self.addresses() {
            // Port 0 is any free one, and then the same on both loopbacks.
            if let Some(first) = listeners.first().and_then(|first| first.local_addr().ok()) {
                address.set_port(first.port());
            }
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                // Somebody else on the other loopback would get half of those who say `localhost`.
                Err(error) if listeners.is_empty() || error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(explain(address, &error));
                }
                Err(error) => tracing::debug!(%address, %error, "not listening on the second loopback"),
            }
        }
        Ok(listeners)
    }
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "cannot listen on {address}: something else does; stop it, or choose another port with --listen"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("cannot listen on {address}: not allowed; choose a port above 1023 with --listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("cannot listen on {address}: this machine has no such address; choose one with --listen")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_both_loopbacks_and_everything_else_is_itself() {
        assert_eq!(Listen::parse("localhost:6001"), Ok(Listen::Localhost(6001)));
        let texts = |text: &str| {
            Listen::parse(text)
                .map(|listen| listen.addresses().iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(texts("localhost:80"), Ok(vec!["127.0.0.1:80".to_owned(), "[::1]:80".to_owned()]));
        assert_eq!(texts("0.0.0.0:6001"), Ok(vec!["0.0.0.0:6001".to_owned()]));
        assert_eq!(texts("[::]:6001"), Ok(vec!["[::]:6001".to_owned()]));
        for bad in [
            "",
            "6001",
            ":6001",
            "localhost",
            "localhost:",
            "localhost:x",
            "localhost:70000",
            "1.2.3.4",
            "ws://localhost:6001",
        ] {
            assert!(Listen::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_said_with_what_to_do() {
        let first = Listen::Localhost(0).bind().await.expect("free ports");
        let port = first[0].local_addr().expect("an address").port();
        assert!(
            first.iter().all(|listener| listener.local_addr().is_ok_and(|address| address.port() == port))
        );
        let error = Listen::Localhost(port).bind().await.expect_err("taken");
        assert!(error.contains("--listen") && error.contains(&port.to_string()), "{error}");
    }
}
