//! Where each question goes: from the one address that the settings name.

use std::net::IpAddr;

use url::{Host, Url};

use super::Question;
use crate::relay::webhooks::address::is_link_local;
use crate::tls;

/// Text that names no backend.
#[derive(Debug, thiserror::Error)]
pub enum BadTarget {
    /// Not an address of a web server.
    #[error("expected http://host:port, or with a path the auth endpoint itself")]
    Url,
    /// An address of which nothing good can come.
    #[error("expected no link-local address: those are for machines, not for a Laravel")]
    LinkLocal,
    /// There is no client to ask with.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// Where each question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target(Url);

impl Target {
    pub(super) fn parse(url: &Url) -> Result<Self, BadTarget> {
        let named = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !named {
            return Err(BadTarget::Url);
        }
        let link_local = match url.host().ok_or(BadTarget::Url)? {
            // What a name leads to is judged each time that it is looked up.
            Host::Domain(_) => false,
            Host::Ipv4(ip) => is_link_local(IpAddr::V4(ip)),
            Host::Ipv6(ip) => is_link_local(IpAddr::V6(ip)),
        };
        if link_local { Err(BadTarget::LinkLocal) } else { Ok(Self(url.clone())) }
    }

    /// Where a question goes that came with this path and query.
    ///
    /// A target without a path is asked at the path that was asked here. One with a path is the endpoint for
    /// channels, as it is; users are beside it, everything else is where desks look for it, at the origin.
    pub(super) fn of(&self, question: Question, path: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        if url.path() == "/" {
            url.set_path(path);
        } else {
            match (question, url.path().strip_suffix("/auth").map(|before| format!("{before}/user-auth"))) {
                (Question::Channel, _) => {}
                (Question::User, Some(beside)) => url.set_path(&beside),
                (Question::User, None) | (Question::Bearer | Question::Login, _) => {
                    url.set_path(path);
                    url.set_query(None);
                }
            }
        }
        if let Some(query) = query {
            let joined = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
            url.set_query(Some(&joined));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    #[test]
    fn each_question_has_its_place() {
        use Question::{Bearer, Channel, Login, User};
        let origin = "http://127.0.0.1:8000";
        let endpoint = "https://venue.test/app/broadcasting/auth";
        let odd = "https://venue.test/sign?x=1";
        let cases = [
            (origin, Channel, "/api/broadcasting/auth", "http://127.0.0.1:8000/api/broadcasting/auth"),
            (origin, Channel, "/broadcasting/auth", "http://127.0.0.1:8000/broadcasting/auth"),
            (origin, User, "/pusher/user-auth", "http://127.0.0.1:8000/pusher/user-auth"),
            (origin, Bearer, "/api/user", "http://127.0.0.1:8000/api/user"),
            (endpoint, Channel, "/api/broadcasting/auth", endpoint),
            (endpoint, User, "/pusher/user-auth", "https://venue.test/app/broadcasting/user-auth"),
            (endpoint, Bearer, "/api/user", "https://venue.test/api/user"),
            (endpoint, Login, "/api/login", "https://venue.test/api/login"),
            (odd, Channel, "/broadcasting/auth", odd),
            (odd, User, "/pusher/user-auth", "https://venue.test/pusher/user-auth"),
            (odd, Login, "/api/login", "https://venue.test/api/login"),
        ];
        for (target, question, path, expected) in cases {
            let target = Target::parse(&url(target)).expect(target);
            assert_eq!(target.of(question, path, None).as_str(), expected);
        }
        let target = Target::parse(&url(odd)).expect(odd);
        assert_eq!(target.of(Channel, "/x", Some("a=%20b")).as_str(), "https://venue.test/sign?x=1&a=%20b");
    }

    #[test]
    fn what_is_no_backend_is_refused() {
        for bad in ["ftp://venue.test", "http://sari@venue.test", "http://venue.test/#x"] {
            assert!(matches!(Target::parse(&url(bad)), Err(BadTarget::Url)), "{bad}");
        }
        for bad in ["http://169.254.169.254", "http://[fe80::1]/", "http://[::ffff:169.254.0.1]:80"] {
            assert!(matches!(Target::parse(&url(bad)), Err(BadTarget::LinkLocal)), "{bad}");
        }
        for good in ["http://127.0.0.1:8000", "http://10.0.0.7/x", "https://venue.test", "http://[fd00::1]"] {
            assert!(Target::parse(&url(good)).is_ok(), "{good}");
        }
    }
}
