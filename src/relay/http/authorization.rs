//! The auth endpoint: may one join a channel, who is one to the others, whose is a token.
//!
//! A bearer whom the tokens know is answered here as Laravel answers: 200 with a signature, 403 for a channel
//! that is not the bearer's. Everybody else is asked for at the backend, if there is one behind the relay
//! ([`super::super::forward`]); without one a token that nobody bears is a 401. Unlike Laravel's, every answer
//! of ours is JSON, whatever the client accepts.

use std::sync::Arc;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use hyper::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::cors::{self, Cors};
use super::{Answer, Asked, answer as answer_with, body, json, not_allowed, pairs, too_exposed};
use crate::protocol::peer::SocketId;
use crate::protocol::{ChannelKind, Subscription, sign};
use crate::relay::auth::Token;
use crate::relay::exposure::Exposure;
use crate::relay::forward::{Forward, Question};
use crate::relay::{Relay, Tenant};

/// Bytes of a body that asks.
const BODY: usize = 64 << 10;

/// What is asked at a path: at Laravel's (with and without the prefix `api`), at the ones that pusher-js asks
/// if nobody tells it otherwise, and at those where a desk asks.
pub fn question(path: &str) -> Option<Question> {
    match path {
        "/api/broadcasting/auth" | "/broadcasting/auth" | "/pusher/auth" => Some(Question::Channel),
        "/api/broadcasting/user-auth" | "/broadcasting/user-auth" | "/pusher/user-auth" => {
            Some(Question::User)
        }
        "/api/user" => Some(Question::Bearer),
        "/api/login" => Some(Question::Login),
        _ => None,
    }
}

/// The methods by which it is asked.
fn methods(question: Question) -> &'static str {
    match question {
        Question::Channel | Question::User => "GET, HEAD, POST, OPTIONS",
        Question::Bearer => "GET, HEAD, OPTIONS",
        Question::Login => "POST, OPTIONS",
    }
}

/// Answers, in a form that the page which asks may read.
pub async fn answer(relay: &Arc<Relay>, asked: Asked, question: Question) -> Answer {
    let cors = Cors::of(relay, &asked);
    let method = asked.request.method();
    let mut answer = if !methods(question).split(", ").any(|allowed| allowed == method.as_str()) {
        not_allowed(methods(question))
    } else if method == Method::OPTIONS {
        preflight(relay, asked, question).await
    } else {
        let bearer = bearer(relay, asked.request.headers());
        match (question, bearer, &relay.auth_forward) {
            (Question::Login, _, Some(forward)) | (_, None, Some(forward)) => {
                forwarded(relay, forward, asked, question).await
            }
            (Question::Login, _, None) => no_logins(),
            (_, None, None) => unauthenticated(),
            (Question::Bearer, Some(bearer), _) => identity(&bearer),
            (Question::Channel, Some(bearer), _) => channel(relay, asked, &bearer).await,
            (Question::User, Some(bearer), _) => user(relay, asked, &bearer).await,
        }
    };
    cors.apply(&mut answer);
    answer
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

/// Who bears the request's token.
fn bearer(relay: &Relay, headers: &HeaderMap) -> Option<Token> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    relay.tokens.borrow().find(token.trim()).cloned()
}

fn unauthenticated() -> Answer {
    json(StatusCode::UNAUTHORIZED, &Message { message: "Unauthenticated." })
}

fn no_logins() -> Answer {
    let message = "This relay takes no logins: it knows tokens alone, and no backend is behind it.";
    json(StatusCode::NOT_FOUND, &Message { message })
}

/// Laravel's own bytes: it gives no reason, and indents.
fn denied(reason: &str) -> Answer {
    let message = serde_json::Value::from(reason);
    let body = format!("{{\n    \"message\": {message}\n}}");
    answer_with(StatusCode::FORBIDDEN, "application/json", body)
}

const TOO_EXPOSED: &str = "The app has a default or short secret, and serves nobody through a proxy.";

/// A browser's question before the question. Only where a backend knows of pages does it answer: it may allow
/// more than we do, cookies for one.
async fn preflight(relay: &Arc<Relay>, asked: Asked, question: Question) -> Answer {
    let Some(forward) = &relay.auth_forward else { return cors::preflight() };
    let answer = forwarded(relay, forward, asked, question).await;
    if answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) { answer } else { cors::preflight() }
}

/// What the backend answers.
async fn forwarded(relay: &Arc<Relay>, forward: &Forward, asked: Asked, question: Question) -> Answer {
    let Asked { request, exposure, .. } = asked;
    let mut enabled = relay.tenants.iter().filter(|tenant| tenant.app.enabled);
    if enabled.all(|tenant| too_exposed(tenant, &exposure)) {
        return denied(TOO_EXPOSED);
    }
    let (head, incoming) = request.into_parts();
    let (bytes, _held) = match body(relay, incoming, BODY).await {
        Ok(read) => read,
        Err(bad) => return json(bad.status(), &Message { message: bad.says() }),
    };
    match forward.ask(question, &head, bytes, exposure.peer).await {
        Ok(answer) => answer.map(Into::into),
        Err(none) => {
            let message = if exposure.local { none.to_string() } else { none.in_general().to_owned() };
            let mut answer = json(none.status(), &Message { message: &message });
            if none.status() == StatusCode::SERVICE_UNAVAILABLE {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            answer
        }
    }
}

/// Whose the token is.
fn identity(bearer: &Token) -> Answer {
    #[derive(Serialize)]
    struct User<'a> {
        id: Option<u64>,
        name: &'a str,
        role: &'a str,
    }
    json(StatusCode::OK, &User { id: bearer.user_id, name: &bearer.name, role: bearer.role.as_str() })
}

/// Whether the bearer may join a channel: the signature that opens it.
async fn channel(relay: &Relay, asked: Asked, bearer: &Token) -> Answer {
    let exposure = asked.exposure.clone();
    let form = match Form::read(relay, asked).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let Some(tenant) = tenant(relay, &form) else { return denied("") };
    let name = form.channel_name.as_deref().unwrap_or_default();
    let wanted = Subscription::parse_within(name, tenant.app.limits.channel_name).ok();
    let Some(wanted) = wanted.filter(|wanted| bearer.may_join(wanted)) else { return denied("") };
    if wanted.kind() == ChannelKind::Encrypted {
        return denied("Only the backend has the key of encrypted channels.");
    }
    refusal(tenant, &form, &exposure).unwrap_or_else(|| {
        json(StatusCode::OK, &Grant::of_channel(tenant, bearer, form.socket_id(), &wanted))
    })
}

/// Who the bearer is to the app's other users: the signature that says so.
async fn user(relay: &Relay, asked: Asked, bearer: &Token) -> Answer {
    let exposure = asked.exposure.clone();
    let form = match Form::read(relay, asked).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let Some(tenant) = tenant(relay, &form) else { return denied("") };
    refusal(tenant, &form, &exposure)
        .unwrap_or_else(|| json(StatusCode::OK, &Grant::of_user(tenant, bearer, form.socket_id())))
}

/// Why there is no signature for the connection that is named, if there is none.
fn refusal(tenant: &Tenant, form: &Form, exposure: &Exposure) -> Option<Answer> {
    if SocketId::parse(form.socket_id()).is_err() {
        let message = "socket_id is two numbers with a dot between.";
        return Some(json(StatusCode::UNPROCESSABLE_ENTITY, &Message { message }));
    }
    too_exposed(tenant, exposure).then(|| denied(TOO_EXPOSED))
}

/// The app that the connection belongs to; with none, the first: it is usually the only one.
fn tenant<'a>(relay: &'a Relay, form: &Form) -> Option<&'a Tenant> {
    let socket_id = SocketId::parse(form.socket_id()).ok().flatten();
    let connected = |tenant: &&Arc<Tenant>| socket_id.is_some_and(|id| tenant.has(id));
    let mut enabled = relay.tenants.iter().filter(|tenant| tenant.app.enabled);
    enabled.clone().find(connected).or_else(|| enabled.next()).map(Arc::as_ref)
}

#[derive(Serialize)]
struct Grant {
    auth: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<String>,
}

/// What the members of a presence channel and other users see of a bearer.
#[derive(Serialize)]
struct Info<'a> {
    name: &'a str,
    role: &'a str,
}

impl<'a> Info<'a> {
    fn of(bearer: &'a Token) -> Self {
        Self { name: &bearer.name, role: bearer.role.as_str() }
    }
}

impl Grant {
    /// The signature for a channel, and the member that it makes of the bearer.
    fn of_channel(tenant: &Tenant, bearer: &Token, socket_id: &str, wanted: &Subscription) -> Self {
        let channel_data = match wanted.kind() {
            ChannelKind::Presence => {
                Some(serde_json::json!({"user_id": bearer.name, "user_info": Info::of(bearer)}).to_string())
            }
            ChannelKind::Public
            | ChannelKind::Private
            | ChannelKind::Encrypted
            | ChannelKind::ServerToUser => None,
        };
        let text = sign::channel_text(socket_id, &wanted.to_string(), channel_data.as_deref());
        Self { auth: auth(tenant, &text), channel_data, user_data: None }
    }

    /// The signature for a user.
    fn of_user(tenant: &Tenant, bearer: &Token, socket_id: &str) -> Self {
        let user_data = serde_json::json!({"id": bearer.name, "user_info": Info::of(bearer)}).to_string();
        let text = sign::user_text(socket_id, &user_data);
        Self { auth: auth(tenant, &text), channel_data: None, user_data: Some(user_data) }
    }
}

fn auth(tenant: &Tenant, text: &str) -> String {
    sign::auth(&tenant.app.key, tenant.app.secret.expose_secret(), text)
}

/// What is asked for, as form or JSON.
#[derive(Debug, Default, Deserialize)]
struct Form {
    #[serde(default)]
    socket_id: Option<String>,
    #[serde(default)]
    channel_name: Option<String>,
}

impl Form {
    /// What the query says, and over it what the body says.
    async fn read(relay: &Relay, asked: Asked) -> Result<Self, Answer> {
        let (head, incoming) = asked.request.into_parts();
        let form = Self::from_pairs(head.uri.query().unwrap_or_default().as_bytes());
        if head.method != Method::POST {
            return Ok(form);
        }
        match body(relay, incoming, BODY).await {
            Ok((bytes, _held)) => Ok(form.or(Self::from_body(&head.headers, &bytes))),
            Err(bad) => Err(json(bad.status(), &Message { message: bad.says() })),
        }
    }

    fn socket_id(&self) -> &str {
        self.socket_id.as_deref().unwrap_or_default()
    }

    fn from_pairs(text: &[u8]) -> Self {
        let mut form = Self::default();
        for (key, value) in pairs(text) {
            match key.as_str() {
                "socket_id" => form.socket_id = Some(value),
                "channel_name" => form.channel_name = Some(value),
                _ => {}
            }
        }
        form
    }

    fn from_body(headers: &HeaderMap, body: &[u8]) -> Self {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_json = kind.split(';').next().is_some_and(|kind| {
            let kind = kind.trim().to_ascii_lowercase();
            kind == "application/json" || kind.ends_with("+json")
        });
        if is_json { serde_json::from_slice(body).unwrap_or_default() } else { Self::from_pairs(body) }
    }

    /// These, and the other's where there is none.
    fn or(self, other: Self) -> Self {
        Self {
            socket_id: other.socket_id.or(self.socket_id),
            channel_name: other.channel_name.or(self.channel_name),
        }
    }
}
