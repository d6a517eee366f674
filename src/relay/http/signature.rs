//! Whether a request of the HTTP API comes from the app's backend.
//!
//! The signature covers the method, the path and the query, and the body through its sum `body_md5` in the
//! query. So it is judged before a byte of the body is read, and nobody without the secret makes the relay hold
//! a body; the body is compared with its sum afterwards. What is wrong is said in words: that is what the
//! official libraries show to whoever set them up.

use secrecy::ExposeSecret;

use super::query::{Query, Twice};
use crate::protocol::sign;
use crate::relay::tenant::App;

/// How far a request's clock may be off, in seconds.
const SKEW: u64 = 600;

/// Why a request is not the backend's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// A parameter that every signed request has.
    #[error("{0} is missing from the query")]
    Missing(&'static str),
    /// Which of the two is meant?
    #[error(transparent)]
    Twice(#[from] Twice),
    /// Another app's, or nobody's.
    #[error("auth_key is not the key of this app")]
    Key,
    /// There has only ever been one.
    #[error("auth_version is 1.0")]
    Version,
    /// Not a number of seconds.
    #[error("auth_timestamp is not a number of seconds")]
    Timestamp,
    /// Too old, or from the future.
    #[error(
        "auth_timestamp is {off} s away from the relay's clock ({now}), and {SKEW} s are allowed: set the clocks"
    )]
    Skew {
        /// How far it is off, in seconds.
        off: u64,
        /// The relay's time, in seconds since 1970.
        now: i64,
    },
    /// Another secret, or something was changed on the way.
    #[error(
        "auth_signature does not fit: it must be the HMAC-SHA256, in hex, with the app's secret as the key, of {text:?}"
    )]
    Signature {
        /// What had to be signed.
        text: String,
    },
    /// Not the body that was signed.
    #[error("body_md5 is not the MD5 of the body that came")]
    Body,
}

/// What a signature is over, but for the body.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's path, as it came.
    pub path: &'a str,
    /// Where in the path the API begins; what is before it is a proxy's.
    pub from: usize,
    /// The request's query.
    pub query: &'a Query,
}

/// The sum of the body that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySum(Option<String>);

impl Signed<'_> {
    /// Judges everything but the body, at this time (seconds since 1970).
    pub fn verify(&self, app: &App, now: i64) -> Result<BodySum, NotSigned> {
        if self.required("auth_key")? != app.key {
            return Err(NotSigned::Key);
        }
        if self.required("auth_version")? != "1.0" {
            return Err(NotSigned::Version);
        }
        let at: i64 = self.required("auth_timestamp")?.parse().map_err(|_| NotSigned::Timestamp)?;
        if at.abs_diff(now) > SKEW {
            return Err(NotSigned::Skew { off: at.abs_diff(now), now });
        }
        let signature = self.required("auth_signature")?;
        let sum = self.query.value("body_md5")?.map(str::to_owned);
        // Backends sign the path without a proxy's prefix, or with it, and names in it decoded or not.
        let bare = &self.path[self.from..];
        let decoded = percent_encoding::percent_decode_str(bare).decode_utf8_lossy();
        let fits = [bare, &decoded, self.path]
            .iter()
            .any(|path| sign::verify(app.secret.expose_secret(), &self.text(path), signature));
        if fits { Ok(BodySum(sum)) } else { Err(NotSigned::Signature { text: self.text(bare) }) }
    }

    fn text(&self, path: &str) -> String {
        sign::request_text(self.method, path, self.query.pairs())
    }

    fn required(&self, name: &'static str) -> Result<&str, NotSigned> {
        self.query.value(name)?.ok_or(NotSigned::Missing(name))
    }
}

impl BodySum {
    /// Whether this is the body that was signed. A request without a body may do without a sum.
    pub fn verify(&self, body: &[u8]) -> Result<(), NotSigned> {
        match &self.0 {
            Some(sum) if sum.eq_ignore_ascii_case(&sign::body_md5(body)) => Ok(()),
            Some(_) => Err(NotSigned::Body),
            None if body.is_empty() => Ok(()),
            None => Err(NotSigned::Missing("body_md5")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;

    const NOW: i64 = 1_353_088_179;
    const BODY: &[u8] = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;

    fn app() -> App {
        App::new("3", "278d425bdf160c739803", SecretString::from("7ad3773142a6692b25b8"))
    }

    /// The documentation's own request.
    fn official() -> Vec<(&'static str, String)> {
        [
            ("auth_key", "278d425bdf160c739803"),
            ("auth_timestamp", "1353088179"),
            ("auth_version", "1.0"),
            ("body_md5", "ec365a775a4cd0599faeb73354201b6f"),
            ("auth_signature", "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"),
        ]
        .map(|(key, value)| (key, value.to_owned()))
        .to_vec()
    }

    fn query(pairs: &[(&str, String)]) -> Query {
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Query::parse(&pairs.join("&"))
    }

    fn judged(app: &App, path: &str, from: usize, query: &Query, body: &[u8]) -> Result<(), NotSigned> {
        let signed = Signed { method: "POST", path, from, query };
        signed.verify(app, NOW)?.verify(body)
    }

    #[test]
    fn the_official_request_is_let_in_and_nothing_else() {
        let good = query(&official());
        let judge = |path, from, body| judged(&app(), path, from, &good, body);
        assert_eq!(judge("/apps/3/events", 0, BODY), Ok(()));
        assert_eq!(judge("/behind/apps/3/events", 7, BODY), Ok(()), "a proxy's prefix");
        assert!(judge("/apps/4/events", 0, BODY).is_err());
        assert_eq!(judge("/apps/3/events", 0, b"{}"), Err(NotSigned::Body));
        assert_eq!(judge("/apps/3/events", 0, b""), Err(NotSigned::Body));
        let other_key = App { key: "another".into(), ..app() };
        assert_eq!(judged(&other_key, "/apps/3/events", 0, &good, BODY), Err(NotSigned::Key));
        let other_secret = App { secret: SecretString::from("another"), ..app() };
        let told = judged(&other_secret, "/apps/3/events", 0, &good, BODY);
        let Err(NotSigned::Signature { text }) = told else { panic!("{told:?}") };
        assert_eq!(
            text,
            "POST\n/apps/3/events\nauth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
             &body_md5=ec365a775a4cd0599faeb73354201b6f"
        );
    }

    #[test]
    fn the_clock_may_be_off_by_ten_minutes() {
        let query = query(&official());
        let signed = Signed { method: "POST", path: "/apps/3/events", from: 0, query: &query };
        for now in [NOW, NOW - 600, NOW + 600] {
            assert!(signed.verify(&app(), now).is_ok());
        }
        for now in [NOW - 601, NOW + 601, 0, i64::MIN, i64::MAX] {
            assert!(matches!(signed.verify(&app(), now), Err(NotSigned::Skew { .. })), "{now}");
        }
    }

    #[test]
    fn no_parameter_can_be_left_out_changed_added_or_said_twice() {
        let good = official();
        for at in 0..good.len() {
            let mut without = good.clone();
            let (name, value) = without.remove(at);
            assert!(judged(&app(), "/apps/3/events", 0, &query(&without), BODY).is_err(), "without {name}");
            let mut changed = good.clone();
            changed[at].1.insert(0, '1');
            assert!(judged(&app(), "/apps/3/events", 0, &query(&changed), BODY).is_err(), "another {name}");
            let mut twice = good.clone();
            twice.push((name, value));
            let told = judged(&app(), "/apps/3/events", 0, &query(&twice), BODY);
            assert!(matches!(told, Err(NotSigned::Twice(_))), "{name}: {told:?}");
        }
        let mut more = good.clone();
        more.push(("info", "user_count".into()));
        assert!(judged(&app(), "/apps/3/events", 0, &query(&more), BODY).is_err(), "an added parameter");
    }

    #[test]
    fn every_order_of_the_parameters_is_the_same_request() {
        let mut pairs = official();
        for _ in 0..pairs.len() {
            pairs.rotate_left(1);
            assert_eq!(judged(&app(), "/apps/3/events", 0, &query(&pairs), BODY), Ok(()));
            pairs.swap(0, 1);
            assert_eq!(judged(&app(), "/apps/3/events", 0, &query(&pairs), BODY), Ok(()));
        }
    }

    #[test]
    fn a_path_may_be_signed_as_it_travels_or_as_it_reads() {
        let path = "/apps/3/users/J%C3%BCrgen%20K/terminate_connections";
        let pairs = official()[..3].to_vec();
        for signed in [path, "/apps/3/users/Jürgen K/terminate_connections"] {
            let text = sign::request_text("POST", signed, query(&pairs).pairs());
            let mut sent = pairs.clone();
            sent.push(("auth_signature", sign::sign("7ad3773142a6692b25b8", &text)));
            assert_eq!(judged(&app(), path, 0, &query(&sent), b""), Ok(()), "{signed}");
        }
    }

    #[test]
    fn a_request_without_a_body_may_have_its_sum_or_none() {
        let empty = BodySum(Some("d41d8cd98f00b204e9800998ecf8427e".into()));
        assert_eq!((empty.verify(b""), BodySum(None).verify(b"")), (Ok(()), Ok(())));
        assert_eq!(empty.verify(b"x"), Err(NotSigned::Body));
        assert_eq!(BodySum(None).verify(b"x"), Err(NotSigned::Missing("body_md5")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_signed_is_let_in_and_nothing_that_differs_in_a_letter(
            more in prop::collection::vec(("[a-z]{1,6}", ".{0,12}"), 0..4),
            body in prop::collection::vec(any::<u8>(), 0..100),
            at: prop::sample::Index,
            digit in b'0'..=b'9',
        ) {
            let own = [
                ("auth_key", "278d425bdf160c739803".to_owned()),
                ("auth_timestamp", NOW.to_string()),
                ("auth_version", "1.0".to_owned()),
                ("body_md5", sign::body_md5(&body)),
            ];
            let own = own.map(|(name, value)| (name.to_owned(), value));
            let mut pairs: Vec<(String, String)> = own.into_iter().chain(more).collect();
            let text = sign::request_text("POST", "/apps/3/events", &pairs);
            pairs.push(("auth_signature".to_owned(), sign::sign("7ad3773142a6692b25b8", &text)));
            let sent = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let judge = |query: &Query, body: &[u8]| judged(&app(), "/apps/3/events", 0, query, body);
            let signed = Query::parse(&sent);
            prop_assert_eq!(judge(&signed, &body), Ok(()), "{}", sent);
            prop_assert!(judge(&signed, &[&body[..], b"x"].concat()).is_err(), "another body");
            let at = at.index(sent.len());
            let changed = [&sent.as_bytes()[..at], &[digit], &sent.as_bytes()[at + 1..]].concat();
            let changed = Query::parse(&String::from_utf8_lossy(&changed));
            if changed.pairs() != signed.pairs() {
                prop_assert!(judge(&changed, &body).is_err(), "{:?}", changed);
            }
        }

        #[test]
        fn no_query_and_no_path_panics(query in ".{0,60}", path in "/.{0,30}", body in prop::collection::vec(any::<u8>(), 0..20)) {
            prop_assert!(judged(&app(), &path, 0, &Query::parse(&query), &body).is_err());
        }
    }
}
