//! Where a request came from, and whether that is this machine.
//!
//! Pure: the addresses and the headers in, an [`Exposure`] out. A relay on loopback may still be open to the
//! world through a proxy, and a web page from anywhere can reach loopback: so the peer's address alone says
//! nothing. To who is local, guarded names are open.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderValue, ORIGIN};
use url::Host;

use super::tenant::{is_loopback_origin, names_loopback};

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The other end of the TCP connection.
    pub peer: IpAddr,
    /// Whether a proxy says that it passed the request on.
    pub forwarded: bool,
    /// The web page that made it, if a browser did.
    pub origin: Option<String>,
    /// Whether it comes from this machine, and from no web page of another.
    pub local: bool,
}

/// Judges a request: local is what came to a loopback listener, from a loopback peer, for a loopback host, from
/// no page or from a loopback page, through no proxy.
pub fn is_local(listener: IpAddr, peer: IpAddr, headers: &HeaderMap) -> Exposure {
    let forwarded = headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-")
    });
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let origin = headers.get(ORIGIN).map(text);
    let all = |name, is: fn(&str) -> bool| headers.get_all(name).iter().all(|value| is(&text(value)));
    let local = listener.to_canonical().is_loopback()
        && peer.to_canonical().is_loopback()
        && headers.contains_key(HOST)
        && all(HOST, is_loopback_host)
        && all(ORIGIN, is_loopback_origin)
        && !forwarded;
    Exposure { peer: peer.to_canonical(), forwarded, origin, local }
}

/// Whether a `Host` header's value, with or without a port, names this machine.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    Host::parse(name).is_ok_and(|host| names_loopback(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value, and whether it is this machine's.
    type Case = (&'static str, bool);

    #[test]
    fn local_is_what_is_local_in_every_respect() {
        let addresses: [Case; 7] = [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("192.168.1.5", false),
            ("::", false),
        ];
        let hosts: [(Option<&str>, bool); 13] = [
            (Some("localhost"), true),
            (Some("LOCALHOST:6001"), true),
            (Some("localhost.:6001"), true),
            (Some("127.0.0.1:6001"), true),
            (Some("127.1.2.3"), true),
            (Some("[::1]:6001"), true),
            (Some("[::1]"), true),
            (Some("desk.example"), false),
            (Some("localhost.evil.example:6001"), false),
            (Some("10.0.0.1:6001"), false),
            (Some("evil.example:127"), false),
            (Some(""), false),
            (None, false),
        ];
        let origins: [(Option<&str>, bool); 6] = [
            (None, true),
            (Some("http://localhost:3000"), true),
            (Some("http://127.0.0.1:5173"), true),
            (Some("https://evil.example"), false),
            (Some("null"), false),
            (Some("http://localhost.evil.example"), false),
        ];
        let proxies: [(Option<&str>, bool); 6] = [
            (None, true),
            (Some("x-forwarded-for"), false),
            (Some("x-forwarded-proto"), false),
            (Some("x-forwarded-anything"), false),
            (Some("forwarded"), false),
            (Some("x-real-ip"), false),
        ];
        for (listener, listens) in addresses {
            for (peer, connects) in addresses {
                for (host, named) in hosts {
                    for (origin, page) in origins {
                        for (proxy, direct) in proxies {
                            let mut headers = HeaderMap::new();
                            for (name, value) in [("host", host), ("origin", origin)] {
                                if let Some(value) = value {
                                    headers.insert(name, HeaderValue::from_static(value));
                                }
                            }
                            if let Some(proxy) = proxy {
                                headers.insert(proxy, HeaderValue::from_static("127.0.0.1"));
                            }
                            let ip = |text: &str| text.parse::<IpAddr>().expect(text);
                            let exposure = is_local(ip(listener), ip(peer), &headers);
                            assert_eq!(
                                exposure.local,
                                listens && connects && named && page && direct,
                                "{listener} {peer} {host:?} {origin:?} {proxy:?}"
                            );
                            assert_eq!(exposure.forwarded, !direct);
                            assert_eq!(exposure.origin.as_deref(), origin);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_second_header_cannot_hide_the_first() {
        let ip: IpAddr = "127.0.0.1".parse().expect("an address");
        for name in ["host", "origin"] {
            let mut headers = HeaderMap::new();
            headers.append("host", HeaderValue::from_static("localhost"));
            headers.append(name, HeaderValue::from_static("http://localhost"));
            headers.append(name, HeaderValue::from_static("http://evil.example"));
            assert!(!is_local(ip, ip, &headers).local, "{name}");
        }
    }
}
