//! `/api/broadcasting/auth`, `/broadcasting/auth` and `/api/user`, answered from the tokens as Laravel answers.
//!
//! 200 with a signature, 401 for a token that nobody bears, 403 for a channel that is not the bearer's. Unlike
//! Laravel's, every answer is JSON, whatever the client accepts.

use std::sync::Arc;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::{Answer, Asked, answer, body, json, pairs, too_exposed};
use crate::protocol::peer::SocketId;
use crate::protocol::{ChannelKind, Subscription, sign};
use crate::relay::auth::Token;
use crate::relay::{Relay, Tenant};

/// Bytes of a body that asks for a channel.
const BODY: usize = 64 << 10;

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

/// Laravel's own bytes: it gives no reason, and indents.
fn denied(reason: &str) -> Answer {
    let message = serde_json::Value::from(reason);
    answer(StatusCode::FORBIDDEN, "application/json", format!("{{\n    \"message\": {message}\n}}"))
}

/// Who the token's bearer is.
pub fn user(relay: &Relay, asked: &Asked) -> Answer {
    #[derive(Serialize)]
    struct User<'a> {
        id: Option<u64>,
        name: &'a str,
        role: &'a str,
    }
    match bearer(relay, asked.request.headers()) {
        Some(Token { name, role, user_id, .. }) => {
            json(StatusCode::OK, &User { id: user_id, name: &name, role: role.as_str() })
        }
        None => unauthenticated(),
    }
}

/// Whether the token's bearer may join a channel: the signature that opens it.
pub async fn channel(relay: &Arc<Relay>, asked: Asked) -> Answer {
    let Asked { request, exposure, .. } = asked;
    let (head, incoming) = request.into_parts();
    let Some(token) = bearer(relay, &head.headers) else { return unauthenticated() };
    let mut form = Form::from_pairs(head.uri.query().unwrap_or_default().as_bytes());
    if head.method == Method::POST {
        let (bytes, _held) = match body(relay, incoming, BODY).await {
            Ok(read) => read,
            Err(bad) => return json(bad.status(), &Message { message: bad.says() }),
        };
        form = form.or(Form::from_body(&head.headers, &bytes));
    }
    let wanted = form.channel_name.as_deref().and_then(|name| Subscription::parse(name).ok());
    let Some(wanted) = wanted.filter(|wanted| token.may_join(wanted)) else { return denied("") };
    if wanted.kind() == ChannelKind::Encrypted {
        return denied("Only the backend has the key of encrypted channels.");
    }
    let socket_id = form.socket_id.as_deref().unwrap_or_default();
    let Ok(known) = SocketId::parse(socket_id) else {
        let message = "socket_id is two numbers with a dot between.";
        return json(StatusCode::UNPROCESSABLE_ENTITY, &Message { message });
    };
    let Some(tenant) = tenant(relay, known) else { return denied("") };
    if too_exposed(tenant, &exposure) {
        return denied("The app has a default or short secret, and serves nobody through a proxy.");
    }
    json(StatusCode::OK, &grant(tenant, &token, socket_id, &wanted))
}

/// The app that this connection belongs to; with none, the first: it is usually the only one.
fn tenant(relay: &Relay, socket_id: Option<SocketId>) -> Option<&Tenant> {
    let connected = |tenant: &&Arc<Tenant>| socket_id.is_some_and(|id| tenant.has(id));
    let mut enabled = relay.tenants.iter().filter(|tenant| tenant.app.enabled);
    enabled.clone().find(connected).or_else(|| enabled.next()).map(Arc::as_ref)
}

#[derive(Serialize)]
struct Grant {
    auth: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<String>,
}

fn grant(tenant: &Tenant, token: &Token, socket_id: &str, wanted: &Subscription) -> Grant {
    let channel_data = match wanted.kind() {
        ChannelKind::Presence => Some(
            serde_json::json!({
                "user_id": token.name,
                "user_info": { "name": token.name, "role": token.role.as_str() },
            })
            .to_string(),
        ),
        ChannelKind::Public | ChannelKind::Private | ChannelKind::Encrypted | ChannelKind::ServerToUser => {
            None
        }
    };
    let text = sign::channel_text(socket_id, &wanted.to_string(), channel_data.as_deref());
    let auth = sign::auth(&tenant.app.key, tenant.app.secret.expose_secret(), &text);
    Grant { auth, channel_data }
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
