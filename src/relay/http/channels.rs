//! `GET …/channels`, `…/channels/{channel}` and `…/channels/{channel}/users`: who is where, at this moment.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;

use super::api::Refusal;
use super::info::{Attributes, Info};
use super::query::Query;
use super::{Answer, json};
use crate::protocol::{ChannelKind, ChannelName};
use crate::relay::Tenant;

/// All channels that somebody is subscribed to, by name.
pub fn list(tenant: &Tenant, query: &Query) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Channels {
        channels: BTreeMap<String, Attributes>,
    }
    let prefix = query.value("filter_by_prefix")?.unwrap_or_default();
    let info = Info::parse_of_prefix(query.value("info")?.unwrap_or_default(), prefix)?;
    let occupied = tenant.occupied(prefix).into_iter();
    let channels = occupied.map(|channel| (channel.to_string(), info.of(tenant, &channel))).collect();
    Ok(json(StatusCode::OK, &Channels { channels }))
}

/// One channel. Nobody need have heard of it.
pub fn one(tenant: &Tenant, name: &str, query: &Query) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Channel {
        occupied: bool,
        #[serde(flatten)]
        attributes: Attributes,
    }
    let channel = parse(tenant, name)?;
    let info = Info::parse_of_one(query.value("info")?.unwrap_or_default(), &channel)?;
    let occupied = tenant.subscription_count(&channel) > 0;
    let attributes = info.of(tenant, &channel);
    Ok(json(StatusCode::OK, &Channel { occupied, attributes }))
}

/// The users of a presence channel, each once.
pub fn users(tenant: &Tenant, name: &str) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct User {
        id: String,
    }
    #[derive(Serialize)]
    struct Users {
        users: Vec<User>,
    }
    let channel = parse(tenant, name)?;
    if channel.kind() != ChannelKind::Presence {
        return Err(Refusal::bad("only presence channels have users"));
    }
    let mut ids = tenant.users(&channel);
    ids.sort_unstable();
    Ok(json(StatusCode::OK, &Users { users: ids.into_iter().map(|id| User { id }).collect() }))
}

fn parse(tenant: &Tenant, name: &str) -> Result<ChannelName, Refusal> {
    let parsed = ChannelName::parse_within(name, tenant.app.limits.channel_name);
    parsed.map_err(|reason| {
        let name: String = name.escape_debug().take(64).collect();
        Refusal::bad(format!("\"{name}\": {reason}"))
    })
}
