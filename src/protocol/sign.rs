//! The three signatures of the protocol: of a channel, of a user, of an HTTP request.
//!
//! All are HMAC-SHA256 in lower-case hex under the app's secret, and all are compared in constant time.
//! Source: Pusher's "Authenticating users", "Authorizing users" and "Generating authentication signatures".

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

/// The string that proves that a connection may join a channel.
///
/// `channel_data` is the text exactly as it travels, for presence channels.
pub fn channel_text(socket_id: &str, channel: &str, channel_data: Option<&str>) -> String {
    match channel_data {
        Some(data) => format!("{socket_id}:{channel}:{data}"),
        None => format!("{socket_id}:{channel}"),
    }
}

/// The string that proves that a connection belongs to a user.
pub fn user_text(socket_id: &str, user_data: &str) -> String {
    format!("{socket_id}::user::{user_data}")
}

/// The string that proves that a request to the HTTP API comes from the backend.
///
/// `query` holds the decoded pairs; `auth_signature` among them is left out. Keys are lower-cased and
/// sorted, what has the same key stays in its order; values stand as they are, without URL escapes.
pub fn request_text(method: &str, path: &str, query: &[(String, String)]) -> String {
    let mut pairs: Vec<(String, &str)> = query
        .iter()
        .map(|(key, value)| (key.to_lowercase(), value.as_str()))
        .filter(|(key, _)| key != "auth_signature")
        .collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let joined: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{}\n{path}\n{}", method.to_uppercase(), joined.join("&"))
}

/// The `body_md5` of a request, in lower-case hex.
pub fn body_md5(body: &[u8]) -> String {
    hex::encode(Md5::digest(body))
}

/// Signs a text: lower-case hex.
pub fn sign(secret: &str, text: &str) -> String {
    hex::encode(mac(secret, text.as_bytes()).finalize().into_bytes())
}

/// Whether `signature` (hex) is the text's, found out in constant time.
pub fn verify(secret: &str, text: &str, signature: &str) -> bool {
    let mut expected = [0_u8; 32];
    hex::decode_to_slice(signature, &mut expected).is_ok()
        && mac(secret, text.as_bytes()).verify_slice(&expected).is_ok()
}

/// An `auth` value as it travels: `key:signature`.
pub fn auth(key: &str, secret: &str, text: &str) -> String {
    format!("{key}:{}", sign(secret, text))
}

/// Whether an `auth` value is of this app and this text. The key is public, and compared as such.
pub fn verify_auth(key: &str, secret: &str, text: &str, auth: &str) -> bool {
    auth.rsplit_once(':').is_some_and(|(told, signature)| told == key && verify(secret, text, signature))
}

fn mac(secret: &str, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes())
        .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    mac.update(bytes);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "278d425bdf160c739803";
    const SECRET: &str = "7ad3773142a6692b25b8";

    #[test]
    fn the_official_vectors_of_channels_and_users() {
        let cases = [
            (
                channel_text("1234.1234", "private-foobar", None),
                "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
            ),
            (
                // Pusher's page prints "Mr. Channels" above this signature; it is that of "Mr. Pusher".
                channel_text(
                    "1234.1234",
                    "presence-foobar",
                    Some(r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#),
                ),
                "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
            ),
            (
                user_text("1234.1234", r#"{"id":"12345"}"#),
                "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
            ),
        ];
        for (text, signature) in cases {
            assert_eq!(sign(SECRET, &text), signature, "{text}");
            assert!(verify_auth(KEY, SECRET, &text, &format!("{KEY}:{signature}")));
        }
    }

    #[test]
    fn the_official_vector_of_a_request() {
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let query = [
            ("auth_version", "1.0"),
            ("auth_key", KEY),
            ("auth_timestamp", "1353088179"),
            ("body_md5", "ec365a775a4cd0599faeb73354201b6f"),
            ("auth_signature", "left out"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(body_md5(body), "ec365a775a4cd0599faeb73354201b6f");
        let text = request_text("post", "/apps/3/events", &query);
        assert_eq!(sign(SECRET, &text), "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c");
    }

    #[test]
    fn no_change_of_any_part_verifies() {
        let text = channel_text("1.2", "private-staff", None);
        let good = auth(KEY, SECRET, &text);
        assert!(verify_auth(KEY, SECRET, &text, &good));
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            let bad = String::from_utf8(bad).expect("ASCII");
            assert!(!verify_auth(KEY, SECRET, &text, &bad), "{bad}");
        }
        for bad in ["", ":", KEY, &good[..good.len() - 1], &format!("{good}0")] {
            assert!(!verify_auth(KEY, SECRET, &text, bad), "{bad}");
        }
        assert!(!verify_auth(KEY, SECRET, &channel_text("1.2", "private-admin", None), &good));
        assert!(!verify_auth(KEY, "another", &text, &good));
    }
}
