//! Pusher's HTTP API: which app and noun a path names, and what every request of it has to pass.
//!
//! A path is taken apart, the app found, the signature judged, the body read and compared with its sum; then the
//! noun's file answers. Whatever is refused is told as `{"error": "…"}`, which the official libraries show as it
//! is. Any prefix before `/apps/` is a proxy's, and passed over.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue};
use hyper::http::request::Parts;
use serde::Serialize;

use super::body::{BadBody, Unread};
use super::info::BadInfo;
use super::query::{Query, Twice};
use super::signature::{BodySum, NotSigned, Signed};
use super::{Answer, Asked, batch_events, channels, connections, events, json, too_exposed, users};
use crate::relay::exposure::Exposure;
use crate::relay::tenant::Limits;
use crate::relay::{Relay, Tenant};

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Noun {
    Events,
    BatchEvents,
    Channels,
    Channel(String),
    ChannelUsers(String),
    Connections,
    User(String),
}

/// A path of the API, taken apart. What is in it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The app's id. One official library leaves it out with users: there the key tells the app.
    app: Option<String>,
    noun: Noun,
    /// Where the API's own path begins.
    from: usize,
}

/// Segments of the longest place, the app's id among them. Of a path that is longer no more is looked at: it may
/// hold `/apps/` a thousand times, and would be taken apart anew at each.
const LONGEST: usize = 4;

impl Place {
    /// Takes a path apart, if it is one of the API's.
    pub fn parse(path: &str) -> Option<Self> {
        // From the left: names in the path are anybody's, the prefix is the operator's.
        let starts = |root: &'static str| {
            path.match_indices('/').map(|(at, _)| at).filter(move |&at| path[at..].starts_with(root))
        };
        let with_app = starts("/apps/").find_map(|from| {
            let rest: Vec<&str> = path[from..].split('/').skip(2).take(LONGEST + 1).collect();
            let (id, rest) = rest.split_first()?;
            Some(Self { app: Some(decoded(id)?), noun: Noun::parse(rest)?, from })
        });
        with_app.or_else(|| {
            starts("/users/").find_map(|from| {
                let rest: Vec<&str> = path[from..].split('/').skip(1).take(LONGEST + 1).collect();
                Some(Self { app: None, noun: Noun::parse(&rest)?, from })
            })
        })
    }

    fn tenant<'a>(&self, relay: &'a Relay, query: &Query) -> Result<&'a Tenant, Refusal> {
        let mut tenants = relay.tenants.iter().map(Arc::as_ref);
        let Some(id) = &self.app else {
            let key = query.value("auth_key").map_err(NotSigned::from)?;
            let key = key.ok_or(NotSigned::Missing("auth_key"))?;
            return Ok(tenants.find(|tenant| tenant.app.key == key).ok_or(NotSigned::Key)?);
        };
        let found = tenants.find(|tenant| tenant.app.id == *id);
        found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no app has this id"))
    }
}

impl Noun {
    fn parse(segments: &[&str]) -> Option<Self> {
        match segments {
            ["events"] => Some(Self::Events),
            ["batch_events"] => Some(Self::BatchEvents),
            ["channels"] => Some(Self::Channels),
            ["channels", name] => decoded(name).map(Self::Channel),
            ["channels", name, "users"] => decoded(name).map(Self::ChannelUsers),
            ["connections"] => Some(Self::Connections),
            ["users", id, "terminate_connections"] => decoded(id).map(Self::User),
            _ => None,
        }
    }

    /// The methods that it has.
    fn allows(&self) -> &'static str {
        match self {
            Self::Events | Self::BatchEvents | Self::User(_) => "POST",
            Self::Channels | Self::Channel(_) | Self::ChannelUsers(_) | Self::Connections => "GET, HEAD",
        }
    }

    fn publishes(&self) -> bool {
        match self {
            Self::Events | Self::BatchEvents => true,
            Self::Channels | Self::Channel(_) | Self::ChannelUsers(_) | Self::Connections | Self::User(_) => {
                false
            }
        }
    }

    /// The bytes of a body that it reads.
    fn body_bytes(&self, limits: &Limits) -> usize {
        match self {
            Self::Events => events::body_bytes(limits, 1),
            Self::BatchEvents => events::body_bytes(limits, limits.batch_events),
            Self::Channels | Self::Channel(_) | Self::ChannelUsers(_) | Self::Connections | Self::User(_) => {
                64 << 10
            }
        }
    }
}

/// The text of a path's segment; none if it is empty, or not UTF-8.
fn decoded(segment: &str) -> Option<String> {
    let text = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// Why a request is refused: the status, and the words for whoever wrote the request.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    says: String,
    allow: Option<&'static str>,
}

impl Refusal {
    /// A refusal with a status of its own.
    pub fn new(status: StatusCode, says: impl Into<String>) -> Self {
        Self { status, says: says.into(), allow: None }
    }

    /// There is something here, and it has other methods.
    fn not_allowed(allow: &'static str) -> Self {
        let says = format!("this path has {allow} alone");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, says) }
    }

    /// The request does not say what it must.
    pub fn bad(says: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, says)
    }

    /// The answer that says so.
    pub fn answer(self) -> Answer {
        #[derive(Serialize)]
        struct Told {
            error: String,
        }
        let mut answer = json(self.status, &Told { error: self.says });
        if let Some(methods) = self.allow {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        answer
    }
}

impl From<NotSigned> for Refusal {
    fn from(not: NotSigned) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, not.to_string())
    }
}

impl From<BadBody> for Refusal {
    fn from(bad: BadBody) -> Self {
        Self::new(bad.status(), bad.says())
    }
}

impl From<BadInfo> for Refusal {
    fn from(bad: BadInfo) -> Self {
        Self::bad(bad.to_string())
    }
}

impl From<Twice> for Refusal {
    fn from(twice: Twice) -> Self {
        Self::bad(twice.to_string())
    }
}

/// Answers a request of the API.
pub async fn answer(relay: &Relay, asked: Asked, place: &Place) -> Answer {
    let Asked { request, exposure, .. } = asked;
    let (head, incoming) = request.into_parts();
    let body = Unread::new(&head.headers, incoming);
    let answered = match Admitted::judge(relay, &head, &exposure, place) {
        Ok(admitted) => admitted.answer(relay, body, &place.noun).await,
        Err(refusal) => {
            body.discard().await;
            Err(refusal)
        }
    };
    answered.unwrap_or_else(|refusal| {
        if place.noun.publishes() {
            relay.metrics.publication_refused();
        }
        refusal.answer()
    })
}

/// A request whose head is the backend's.
struct Admitted<'a> {
    tenant: &'a Tenant,
    query: Query,
    sum: BodySum,
}

impl<'a> Admitted<'a> {
    fn judge(relay: &'a Relay, head: &Parts, exposure: &Exposure, place: &Place) -> Result<Self, Refusal> {
        let allows = place.noun.allows();
        if !allows.split(", ").any(|method| head.method.as_str() == method) {
            return Err(Refusal::not_allowed(allows));
        }
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let tenant = place.tenant(relay, &query)?;
        let forbidden = |says: &str| Err(Refusal::new(StatusCode::FORBIDDEN, says));
        if !tenant.app.enabled {
            return forbidden("the app is disabled");
        }
        if too_exposed(tenant, exposure) {
            return forbidden("the app has a default or short secret, and serves nobody through a proxy");
        }
        let signed =
            Signed { method: head.method.as_str(), path: head.uri.path(), from: place.from, query: &query };
        let sum = signed.verify(&tenant.app, relay.clock.now().as_second())?;
        Ok(Self { tenant, query, sum })
    }

    async fn answer(self, relay: &Relay, body: Unread, noun: &Noun) -> Result<Answer, Refusal> {
        let Self { tenant, query, sum } = self;
        // The permit is held as long as the body is.
        let (body, _held) = body.read(relay, noun.body_bytes(&tenant.app.limits)).await?;
        sum.verify(&body)?;
        match noun {
            Noun::Events => events::publish(relay, tenant, &query, &body).await,
            Noun::BatchEvents => batch_events::publish(relay, tenant, &body).await,
            Noun::Channels => channels::list(tenant, &query),
            Noun::Channel(name) => channels::one(tenant, name, &query),
            Noun::ChannelUsers(name) => channels::users(tenant, name),
            Noun::Connections => Ok(connections::count(tenant)),
            Noun::User(id) => Ok(users::terminate(tenant, id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> Option<(Option<String>, Noun, usize)> {
        Place::parse(path).map(|Place { app, noun, from }| (app, noun, from))
    }

    #[test]
    fn every_noun_is_found_behind_any_prefix() {
        let nouns = [
            ("events", Noun::Events),
            ("batch_events", Noun::BatchEvents),
            ("channels", Noun::Channels),
            ("connections", Noun::Connections),
            ("channels/private-a", Noun::Channel("private-a".into())),
            ("channels/presence-a/users", Noun::ChannelUsers("presence-a".into())),
            ("channels/%23server-to-user-7", Noun::Channel("#server-to-user-7".into())),
            ("users/7/terminate_connections", Noun::User("7".into())),
            ("users/a%2Fb%20%C3%A9/terminate_connections", Noun::User("a/b é".into())),
            // Names that read like the path around them.
            ("channels/users", Noun::Channel("users".into())),
            ("channels/apps/users", Noun::ChannelUsers("apps".into())),
            ("channels/channels/users", Noun::ChannelUsers("channels".into())),
            ("users/apps/terminate_connections", Noun::User("apps".into())),
            ("users/users/terminate_connections", Noun::User("users".into())),
        ];
        for prefix in ["", "/", "/behind", "/apps", "/apps/9", "/users/1", "/a/b%20c"] {
            for id in ["3", "app-id", "app", "apps", "events", "é"] {
                for (rest, noun) in &nouns {
                    let path = format!("{prefix}/apps/{id}/{rest}");
                    let expected = Some((Some(id.to_owned()), noun.clone(), prefix.len()));
                    assert_eq!(parsed(&path), expected, "{path}");
                }
            }
        }
        for prefix in ["", "/", "/behind", "/apps", "/users/1"] {
            let path = format!("{prefix}/users/7/terminate_connections");
            let expected = Some((None, Noun::User("7".into()), prefix.len()));
            assert_eq!(parsed(&path), expected, "an official library leaves the app out: {path}");
        }
    }

    #[test]
    fn every_other_path_is_none_of_the_apis() {
        for path in [
            "",
            "/",
            "/apps",
            "/apps/",
            "/apps/3",
            "/apps/3/",
            "/apps//events",
            "/apps/3/events/",
            "/apps/3/event",
            "/apps/3/4/events",
            "/apps/3/channels/",
            "/apps/3/channels//users",
            "/apps/3/channels/a/user",
            "/apps/3/channels/a/users/7",
            "/apps/3/channels/%FF",
            "/apps/3/users",
            "/apps/3/users/7",
            "/apps/3/users//terminate_connections",
            "/app/3/events",
            "/xapps/3/events",
            "/users/7",
        ] {
            assert_eq!(parsed(path), None, "{path}");
        }
    }
}
