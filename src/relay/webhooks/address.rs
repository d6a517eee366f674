//! Where a webhook is told, of what, and where nothing is ever sent to.
//!
//! A [`Webhook`] exists only if its address may be one. Loopback and private addresses are allowed, because the
//! Laravel usually is there; link-local ones are not, because a cloud's metadata service is. [`Resolver`] holds
//! names to the same rule, each time that one is looked up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::Kind;

/// One address that is told what happens in an app.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    events: Vec<Kind>,
    headers: Headers,
}

/// What is said in the head of each request to a webhook, beside what the relay says itself.
#[derive(Clone, Debug, Default)]
pub struct Headers(HeaderMap);

/// What no webhook's address or header may be. Quotes nothing: both may carry a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// No address of a web server.
    #[error("expected http://host/… or https://host/…")]
    Url,
    /// A user's name or password before the host.
    #[error("expected an address without a user's name and password; send those in a header")]
    User,
    /// An address that must not be reached.
    #[error("expected no link-local address (169.254.0.0/16, fe80::/10): nothing is ever sent there")]
    LinkLocal,
    /// A name that no header has.
    #[error("expected a header's name, as in X-Token")]
    HeaderName,
    /// A value that no header has.
    #[error("expected a header's value: visible ASCII")]
    HeaderValue,
    /// A header that the relay sets itself.
    #[error("expected another header: this one is the relay's own")]
    OwnHeader,
}

impl Webhook {
    /// A webhook that is told of everything.
    ///
    /// # Errors
    /// The address is none, carries a user's name, or must not be reached.
    pub fn new(url: &str) -> Result<Self, BadWebhook> {
        let url = Url::parse(url).map_err(|_| BadWebhook::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadWebhook::Url);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadWebhook::User);
        }
        let literal = match url.host().ok_or(BadWebhook::Url)? {
            Host::Domain(_) => None,
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        };
        if literal.is_some_and(is_link_local) {
            return Err(BadWebhook::LinkLocal);
        }
        Ok(Self { url, events: Vec::new(), headers: Headers::default() })
    }

    /// The same webhook, told of these kinds of events only; of none: of all.
    #[must_use]
    pub fn only(self, events: Vec<Kind>) -> Self {
        Self { events, ..self }
    }

    /// The same webhook, with these headers in each request.
    #[must_use]
    pub fn with_headers(self, headers: Headers) -> Self {
        Self { headers, ..self }
    }

    /// What it is told of; empty: of everything.
    pub fn events(&self) -> &[Kind] {
        &self.events
    }

    /// Scheme, host and port: as much of its address as may be shown.
    pub fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers.0
    }

    pub(super) fn wants(&self, kind: Kind) -> bool {
        self.events.is_empty() || self.events.contains(&kind)
    }
}

impl Headers {
    /// One more; it replaces another of the same name.
    ///
    /// # Errors
    /// No header is named so or has such a value, or the relay sets it itself.
    pub fn add(&mut self, name: &str, value: &SecretString) -> Result<(), BadWebhook> {
        let name = HeaderName::try_from(name).map_err(|_| BadWebhook::HeaderName)?;
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(BadWebhook::OwnHeader);
        }
        let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|_| BadWebhook::HeaderValue)?;
        // Its `Debug` shows no sensitive value.
        value.set_sensitive(true);
        self.0.insert(name, value);
        Ok(())
    }
}

/// Headers that say what a request is and how long, and whose.
const OWN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-pusher-key",
    "x-pusher-signature",
];

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("place", &self.place())
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// Whether an address is one of the link alone, in whatever form of IPv6 an IPv4 address is written.
pub(in crate::relay) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || embedded(ip).is_some_and(|ip| ip.is_link_local()),
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped (`::ffff:0:0/96`), compatible (`::/96`) or through the
/// well-known prefix of a translator (`64:ff9b::/96`).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [prefix @ .., high, low] = ip.segments();
    let leads = matches!(prefix, [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0]);
    leads.then(|| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

/// Looks names up, and never gives a link-local address for one.
#[derive(Debug)]
pub(in crate::relay) struct Resolver;

/// A name that leads to where nothing is sent.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to a link-local address, and nothing is ever sent there")]
struct LeadsAstray;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(allowed(found)?.into_iter()) as Addrs)
        })
    }
}

/// What may be reached of what a name leads to. A name that leads astray at all is refused: whoever writes such
/// an entry has no good reason.
fn allowed(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, LeadsAstray> {
    if found.iter().any(|address| is_link_local(address.ip())) { Err(LeadsAstray) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_or_https_with_a_host_and_nobodys_name() {
        for good in [
            "http://localhost:8000/pusher/webhooks",
            "http://127.0.0.1/hook?token=abc",
            "http://[::1]:9000",
            "http://10.0.0.7/x",
            "http://192.168.1.1/x",
            "https://venue.example/api/hooks#x",
            "http://[fd00::1]/",
        ] {
            assert!(Webhook::new(good).is_ok(), "{good}");
        }
        let cases = [
            ("", BadWebhook::Url),
            ("venue.example/hook", BadWebhook::Url),
            ("localhost:9000", BadWebhook::Url),
            ("ws://venue.example", BadWebhook::Url),
            ("file:///etc/passwd", BadWebhook::Url),
            ("http://", BadWebhook::Url),
            ("https://sari@venue.example/", BadWebhook::User),
            ("https://:secret@venue.example/", BadWebhook::User),
        ];
        for (bad, why) in cases {
            assert_eq!(Webhook::new(bad).err(), Some(why), "{bad}");
        }
    }

    #[test]
    fn a_link_local_address_is_refused_however_it_is_written() {
        for bad in [
            "http://169.254.169.254/latest/meta-data",
            "http://169.254.0.0",
            "http://169.254.255.255",
            "http://0xA9FEA9FE/",
            "http://2852039166/",
            "http://169.254.43518/",
            "http://[fe80::1]/",
            "http://[febf:ffff::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
        ] {
            assert_eq!(Webhook::new(bad).err(), Some(BadWebhook::LinkLocal), "{bad}");
        }
        for good in ["http://169.253.1.1", "http://[fec0::1]", "http://[::ffff:127.0.0.1]", "http://[::1]"] {
            assert!(Webhook::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_name_that_leads_to_a_link_local_address_is_refused_and_every_other_is_resolved() {
        let address = |ip: &str| SocketAddr::new(ip.parse().expect(ip), 0);
        let good = vec![address("127.0.0.1"), address("10.1.2.3"), address("::1"), address("203.0.113.9")];
        assert_eq!(allowed(good.clone()).ok(), Some(good.clone()));
        for bad in ["169.254.169.254", "fe80::1", "::ffff:169.254.1.1"] {
            let mut found = good.clone();
            found.push(address(bad));
            assert!(allowed(found).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_header_is_added_unless_it_is_the_relays_own_or_none() {
        let with = |name, value: &str| {
            let mut headers = Headers::default();
            headers.add(name, &value.into()).map(|()| headers)
        };
        assert_eq!(with("X-Token", "abc").expect("a header").0["x-token"], "abc");
        for name in OWN_HEADERS {
            assert_eq!(with(name, "x").err(), Some(BadWebhook::OwnHeader), "{name}");
        }
        assert_eq!(with("X-PUSHER-Key", "x").err(), Some(BadWebhook::OwnHeader));
        assert_eq!(with("a b", "x").err(), Some(BadWebhook::HeaderName));
        assert_eq!(with("X-Token", "a\r\nHost: x").err(), Some(BadWebhook::HeaderValue));
    }

    #[test]
    fn nothing_that_may_be_secret_is_shown() {
        let mut headers = Headers::default();
        headers.add("X-Token", &"swordfish".into()).expect("a header");
        let shown = format!("{headers:?}");
        let webhook =
            Webhook::new("https://venue.example:8443/hook/471147?token=hunter2").expect("an address");
        let shown = format!("{shown} {:?}", webhook.with_headers(headers));
        assert!(shown.contains("https://venue.example:8443"));
        for secret in ["471147", "hunter2", "swordfish"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
