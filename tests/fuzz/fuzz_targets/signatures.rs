//! Signed requests and auths: what is signed is let in, and nothing that differs in anything.

#![no_main]

use arbitrary::Arbitrary;
use frontdesk::protocol::sign;
use frontdesk::relay::App;
use frontdesk::relay::http::query::Query;
use frontdesk::relay::http::signature::Signed;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;

const KEY: &str = "key";
const SECRET: &str = "a-secret-of-some-length";
const NOW: i64 = 1_353_088_179;

#[derive(Arbitrary, Debug)]
struct Input {
    method: String,
    path: String,
    from: u16,
    query: String,
    body: Vec<u8>,
    other: Vec<u8>,
    auth: String,
    text: String,
}

fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fuzz_target!(|input: Input| {
    let app = App::new("1", KEY, SecretString::from(SECRET));
    let from = usize::from(input.from) % (input.path.len() + 1);
    let from = (0..=from).rev().find(|at| input.path.is_char_boundary(*at)).unwrap_or(0);
    let judge = |query: &str, path: &str, body: &[u8]| {
        let query = Query::parse(query);
        let from = from.min(path.len());
        let from = if path.is_char_boundary(from) { from } else { 0 };
        let signed = Signed { method: &input.method, path, from, query: &query };
        signed.verify(&app, NOW).and_then(|sum| sum.verify(body))
    };
    // Nobody guesses a signature.
    assert!(judge(&input.query, &input.path, &input.body).is_err());

    let sum = sign::body_md5(&input.body);
    let base = format!("auth_key={KEY}&auth_timestamp={NOW}&auth_version=1.0&body_md5={sum}&{}", input.query);
    let parsed = Query::parse(&base);
    let once = ["auth_key", "auth_timestamp", "auth_version", "body_md5", "auth_signature"]
        .iter()
        .all(|name| parsed.values(name).count() == usize::from(*name != "auth_signature"));
    let text = sign::request_text(&input.method, &input.path[from..], parsed.pairs());
    let query = format!("{base}&auth_signature={}", sign::sign(SECRET, &text));
    assert_eq!(judge(&query, &input.path, &input.body).is_ok(), once, "{query}");
    if input.other != input.body {
        assert!(judge(&query, &input.path, &input.other).is_err(), "another body");
    }
    assert!(judge(&query, &format!("{}x", input.path), &input.body).is_err(), "another path");
    assert!(judge(&format!("{query}&z={}", quoted(&input.text)), &input.path, &input.body).is_err());

    assert!(!sign::verify_auth(KEY, SECRET, &input.text, &input.auth));
    let auth = sign::auth(KEY, SECRET, &input.text);
    assert!(sign::verify_auth(KEY, SECRET, &input.text, &auth));
    assert!(!sign::verify_auth("another", SECRET, &input.text, &auth));
    assert!(!sign::verify_auth(KEY, "another", &input.text, &auth));
    assert!(!sign::verify_auth(KEY, SECRET, &format!("{}x", input.text), &auth));
});
