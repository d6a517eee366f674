//! `POST {any prefix}/apps/{id}/events`: the backend publishes.
//!
//! The signature is checked over the raw bytes before anything is read from them; then the body becomes a
//! publication, and the one door judges it.

use std::sync::Arc;

use hyper::StatusCode;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Answer, Asked, body, json, pairs, too_exposed};
use crate::protocol::sign;
use crate::relay::Relay;
use crate::relay::publish::{Publication, Refused, publish};
use crate::relay::tenant::{App, Tenant};

/// How far a request's clock may be off, in seconds.
const SKEW: i64 = 600;

/// The app's id in a path that asks to publish, and where the signed part of the path begins.
pub fn app_id(path: &str) -> Option<(&str, usize)> {
    let from = path.rfind("/apps/")?;
    let id = path[from..].strip_prefix("/apps/")?.strip_suffix("/events")?;
    (!id.is_empty() && !id.contains('/')).then_some((id, from))
}

/// Publishes one event.
pub async fn answer(relay: &Arc<Relay>, asked: Asked, (id, from): (&str, usize)) -> Answer {
    let Some(tenant) = relay.tenants.iter().find(|tenant| tenant.app.id == id) else {
        return error(StatusCode::NOT_FOUND, "No app has this id.");
    };
    if !tenant.app.enabled {
        return error(StatusCode::FORBIDDEN, "The app is disabled.");
    }
    if too_exposed(tenant, &asked.exposure) {
        return error(
            StatusCode::FORBIDDEN,
            "The app has a default or short secret, and serves nobody through a proxy.",
        );
    }
    let (head, incoming) = asked.request.into_parts();
    // An escaped character is at most six bytes of JSON.
    let most = tenant.app.limits.event_kb.saturating_mul(6 << 10).saturating_add(64 << 10);
    let most = if tenant.app.limits.event_kb == 0 { 32 << 20 } else { most.max(1 << 20) };
    let (bytes, _held) = match body(relay, incoming, most).await {
        Ok(read) => read,
        Err(bad) => return error(bad.status(), bad.says()),
    };
    let signed = Signed {
        method: head.method.as_str(),
        path: head.uri.path(),
        from,
        query: &pairs(head.uri.query().unwrap_or_default().as_bytes()),
        body: &bytes,
        now: relay.clock.now().as_second(),
    };
    if let Err(why) = signed.verify(&tenant.app) {
        relay.metrics.publication_refused();
        return error(StatusCode::UNAUTHORIZED, &why);
    }
    let publication = match read(&bytes) {
        Ok(publication) => publication,
        Err(why) => {
            relay.metrics.publication_refused();
            return error(StatusCode::BAD_REQUEST, &why);
        }
    };
    publish_and_tell(relay, tenant, publication).await
}

async fn publish_and_tell(relay: &Relay, tenant: &Tenant, publication: Publication) -> Answer {
    #[derive(Serialize)]
    struct Done {}
    match publish(tenant, publication, &relay.metrics).await {
        Ok(()) => json(StatusCode::OK, &Done {}),
        Err(refused) => {
            let status = match refused {
                Refused::TooBig { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Refused::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
                Refused::NoChannel
                | Refused::TooManyChannels { .. }
                | Refused::Channel { .. }
                | Refused::EventName { .. }
                | Refused::ProtocolEvent
                | Refused::SocketId => StatusCode::BAD_REQUEST,
            };
            error(status, &refused.to_string())
        }
    }
}

fn error(status: StatusCode, says: &str) -> Answer {
    #[derive(Serialize)]
    struct Told<'a> {
        error: &'a str,
    }
    json(status, &Told { error: says })
}

/// What a signature is over, and what it is checked with.
struct Signed<'a> {
    method: &'a str,
    path: &'a str,
    /// Where the path begins without its prefix.
    from: usize,
    query: &'a [(String, String)],
    body: &'a [u8],
    now: i64,
}

impl Signed<'_> {
    /// Whether the request comes from the app's backend; says what is wrong with it otherwise.
    fn verify(&self, app: &App) -> Result<(), String> {
        let value = |name: &str| {
            let found = self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            found.ok_or_else(|| format!("{name} is missing from the query."))
        };
        if value("auth_key")? != app.key {
            return Err("auth_key is not this app's.".to_owned());
        }
        if value("auth_version")? != "1.0" {
            return Err("auth_version is 1.0.".to_owned());
        }
        let signature = value("auth_signature")?;
        let at: i64 =
            value("auth_timestamp")?.parse().map_err(|_| "auth_timestamp is no number.".to_owned())?;
        if at.abs_diff(self.now) > SKEW.unsigned_abs() {
            return Err(format!(
                "auth_timestamp is {} s from the relay's clock ({}), and {SKEW} s are allowed: set the clocks.",
                at.abs_diff(self.now),
                self.now
            ));
        }
        let told_md5 = value("body_md5");
        if (told_md5.is_ok() || !self.body.is_empty())
            && !told_md5?.eq_ignore_ascii_case(&sign::body_md5(self.body))
        {
            return Err("body_md5 is not the body's.".to_owned());
        }
        // Backends sign the path without a proxy's prefix, or with it.
        let signs = |path| {
            let text = sign::request_text(self.method, path, self.query);
            sign::verify(app.secret.expose_secret(), &text, signature)
        };
        if signs(&self.path[self.from..]) || (self.from > 0 && signs(self.path)) {
            return Ok(());
        }
        Err("auth_signature does not fit: the secret is another one, or the request was changed.".to_owned())
    }
}

/// Reads a publication from a body.
fn read(body: &[u8]) -> Result<Publication, String> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        name: String,
        #[serde(borrow)]
        data: &'a RawValue,
        #[serde(default)]
        channel: Option<String>,
        #[serde(default)]
        channels: Option<Vec<String>>,
        #[serde(default)]
        socket_id: Option<String>,
        #[serde(default)]
        info: Option<String>,
    }
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|error| format!("The body: {error}."))?;
    if fields.info.is_some_and(|info| !info.is_empty()) {
        return Err("info is not supported by this version of the relay.".to_owned());
    }
    let data = match fields.data.get() {
        text if text.starts_with('"') => {
            serde_json::from_str(text).map_err(|error| format!("data: {error}."))?
        }
        // Not text, as it should be: its JSON is the text.
        other => {
            let value: serde_json::Value =
                serde_json::from_str(other).map_err(|error| format!("data: {error}."))?;
            value.to_string()
        }
    };
    let mut channels = fields.channels.unwrap_or_default();
    channels.extend(fields.channel);
    Ok(Publication { channels, event: fields.name, data, socket_id: fields.socket_id })
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn any_prefix_leads_to_the_app() {
        assert_eq!(app_id("/apps/3/events"), Some(("3", 0)));
        assert_eq!(app_id("/a/b/apps/x-1/events"), Some(("x-1", 4)));
        for path in
            ["/apps//events", "/apps/3", "/apps/3/batch_events", "/apps/3/4/events", "/app/3/events", "/"]
        {
            assert_eq!(app_id(path), None, "{path}");
        }
    }

    /// The documentation's own request.
    fn official() -> (App, Vec<(String, String)>, &'static [u8]) {
        let app = App::new("3", "278d425bdf160c739803", SecretString::from("7ad3773142a6692b25b8"));
        let query = [
            ("auth_key", "278d425bdf160c739803"),
            ("auth_timestamp", "1353088179"),
            ("auth_version", "1.0"),
            ("body_md5", "ec365a775a4cd0599faeb73354201b6f"),
            ("auth_signature", "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"),
        ];
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        (app, query.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(), body)
    }

    #[test]
    fn the_official_request_is_let_in_and_nothing_else() {
        let (app, query, body) = official();
        let verify = |app: &App, path: &str, from, query: &[(String, String)], body: &[u8], now| {
            Signed { method: "POST", path, from, query, body, now }.verify(app)
        };
        let now = 1_353_088_179;
        let good = |now| verify(&app, "/apps/3/events", 0, &query, body, now);
        for now in [now, now - 600, now + 600] {
            assert_eq!(good(now), Ok(()));
        }
        for now in [now - 601, now + 601, 0, i64::MIN, i64::MAX] {
            assert!(good(now).is_err_and(|why| why.contains("clock")), "{now}");
        }
        assert_eq!(verify(&app, "/behind/apps/3/events", 7, &query, body, now), Ok(()), "a proxy's prefix");
        assert!(verify(&app, "/apps/4/events", 0, &query, body, now).is_err());
        assert!(verify(&app, "/apps/3/events", 0, &query, b"{}", now).is_err());
        assert!(verify(&app, "/apps/3/events", 0, &query, b"", now).is_err());
        let other_key = App { key: "another".into(), ..app.clone() };
        assert!(verify(&other_key, "/apps/3/events", 0, &query, body, now).is_err());
        let other_secret = App { secret: SecretString::from("another"), ..app.clone() };
        assert!(verify(&other_secret, "/apps/3/events", 0, &query, body, now).is_err());
        for at in 0..query.len() {
            let mut without = query.clone();
            let (name, _) = without.remove(at);
            assert!(verify(&app, "/apps/3/events", 0, &without, body, now).is_err(), "without {name}");
            let mut changed = query.clone();
            changed[at].1.insert(0, '1');
            assert!(verify(&app, "/apps/3/events", 0, &changed, body, now).is_err(), "another {name}");
        }
        let mut more = query.clone();
        more.push(("info".into(), "user_count".into()));
        assert!(verify(&app, "/apps/3/events", 0, &more, body, now).is_err(), "an added parameter");
    }

    #[test]
    fn a_body_is_read_in_every_form_of_the_field() {
        let data = |text: &str| read(text.as_bytes()).map(|publication| publication.data);
        assert_eq!(data(r#"{"name":"n","channel":"c","data":"{\"a\": 1}"}"#), Ok("{\"a\": 1}".into()));
        assert_eq!(
            data(r#"{"name":"n","channel":"c","data":{"b":1,"a":[2]}}"#),
            Ok(r#"{"b":1,"a":[2]}"#.into())
        );
        assert_eq!(data(r#"{"name":"n","channel":"c","data":""}"#), Ok(String::new()));
        let both = read(br#"{"name":"n","channel":"c","channels":["a","b"],"data":"x","more":1}"#);
        assert_eq!(
            both.map(|publication| publication.channels),
            Ok(vec!["a".into(), "b".into(), "c".into()])
        );
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"name":"n","channel":"c"}"#,
            r#"{"name":7,"channel":"c","data":"x"}"#,
            r#"{"name":"n","channels":"c","data":"x"}"#,
            r#"{"name":"n","channels":[7],"data":"x"}"#,
            r#"{"name":"n","channel":"c","data":"x","socket_id":7}"#,
            r#"{"name":"n","channel":"c","data":"x","info":"user_count"}"#,
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep =
            format!(r#"{{"name":"n","channel":"c","data":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }
}
