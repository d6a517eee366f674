//! The one door: every publication enters here.
//!
//! What wants to be published is judged whole before any of it is: names, sizes, counts. Then it becomes one
//! draft a channel, and the app's broker keeps it and passes it on. Done means kept, not delivered.

use super::encode::Draft;
use super::metrics::Metrics;
use super::tenant::{Limits, Tenant};
use super::webhooks::Fact;
use crate::protocol::peer::SocketId;
use crate::protocol::{BadChannel, ChannelName};

/// A request to publish one event.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// The channels, as they were told.
    pub channels: Vec<String>,
    /// The event's name.
    pub event: String,
    /// The inner text of `data`, passed on byte for byte.
    pub data: String,
    /// The connection that is not to hear it, as it was told.
    pub socket_id: Option<String>,
}

/// Why nothing was published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No channel at all.
    #[error("an event needs a channel")]
    NoChannel,
    /// More channels than allowed.
    #[error("an event goes to at most {limit} channels")]
    TooManyChannels {
        /// The limit.
        limit: usize,
    },
    /// A name that is none.
    #[error("\"{name}\": {reason}")]
    Channel {
        /// The name, shortened to what is safe to repeat.
        name: String,
        /// What is wrong with it.
        reason: BadChannel,
    },
    /// An event's name that is none.
    #[error("an event's name has 1 to {limit} characters, and no control characters")]
    EventName {
        /// The limit, in characters.
        limit: usize,
    },
    /// An event's name that only servers use.
    #[error("event names that begin with pusher:, pusher_internal: or frontdesk: are the protocol's own")]
    ProtocolEvent,
    /// Data over the limit.
    #[error("the data of an event has at most {limit_kb} KB")]
    TooBig {
        /// The limit, in kilobytes.
        limit_kb: usize,
    },
    /// A socket id that is none.
    #[error("socket_id is two numbers with a dot between")]
    SocketId,
    /// It could not be kept, and nobody heard it.
    #[error("{0}")]
    NotKept(String),
}

/// Why nothing of several publications was published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBatch {
    /// There are more than allowed.
    #[error("a batch has at most {limit} events")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// One of them.
    #[error("event {number} of the batch: {refused}")]
    Event {
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it.
        refused: Refused,
    },
    /// They could not be kept, and nobody heard any.
    #[error(transparent)]
    NotKept(Refused),
}

/// Publishes to all of an app's subscribers. Returns once every event is kept, with the channels that it went
/// to, each once; publishes all or nothing.
pub async fn publish(
    tenant: &Tenant,
    publication: Publication,
    metrics: &Metrics,
) -> Result<Vec<ChannelName>, Refused> {
    let drafts = drafts(&publication, &tenant.app.limits)?;
    let channels = channels(&drafts);
    keep(tenant, drafts, metrics).await?;
    Ok(channels)
}

/// Publishes several events as one: all are judged before any is, and they are kept together, in their order.
/// Returns the channels that each went to.
pub async fn publish_batch(
    tenant: &Tenant,
    publications: Vec<Publication>,
    metrics: &Metrics,
) -> Result<Vec<Vec<ChannelName>>, RefusedBatch> {
    let limits = &tenant.app.limits;
    if limits.batch_events > 0 && publications.len() > limits.batch_events {
        return Err(RefusedBatch::TooMany { limit: limits.batch_events });
    }
    let mut went = Vec::with_capacity(publications.len());
    let mut all = Vec::with_capacity(publications.len());
    for (at, publication) in publications.iter().enumerate() {
        let drafts =
            drafts(publication, limits).map_err(|refused| RefusedBatch::Event { number: at + 1, refused })?;
        went.push(channels(&drafts));
        all.extend(drafts);
    }
    keep(tenant, all, metrics).await.map_err(RefusedBatch::NotKept)?;
    Ok(went)
}

fn channels(drafts: &[Draft]) -> Vec<ChannelName> {
    drafts.iter().map(|draft| draft.channel().clone()).collect()
}

async fn keep(tenant: &Tenant, drafts: Vec<Draft>, metrics: &Metrics) -> Result<(), Refused> {
    if drafts.is_empty() {
        return Ok(());
    }
    let kept = tenant.broker.publish(drafts).await;
    let positions = kept.map_err(|error| Refused::NotKept(error.to_string()))?;
    metrics.published(positions.len());
    Ok(())
}

/// What a client says to a channel's other subscribers; the protocol has judged it.
#[derive(Clone, Debug)]
pub struct ClientEvent {
    /// The channel.
    pub channel: ChannelName,
    /// The event's name.
    pub event: String,
    /// The data's JSON text, passed on as it came.
    pub data: String,
    /// Who says it, on a presence channel.
    pub user_id: Option<String>,
    /// The connection that says it, and does not hear it.
    pub from: SocketId,
}

/// Passes a client event on. No history keeps it: it has no position, and who is away misses it.
pub fn pass(tenant: &Tenant, said: ClientEvent, metrics: &Metrics) {
    let ClientEvent { channel, event, data, user_id, from } = said;
    let draft = Draft::client_event(channel.clone(), &event, &data, user_id.as_deref(), Some(from));
    tenant.broker.pass_on(draft);
    metrics.passed();
    tenant.hooks.tell(Fact::ClientEvent { channel, event, data, socket_id: from, user_id });
}

fn drafts(publication: &Publication, limits: &Limits) -> Result<Vec<Draft>, Refused> {
    let Publication { channels, event, data, socket_id } = publication;
    let over = |count: usize, limit: usize| limit > 0 && count > limit;
    if channels.is_empty() {
        return Err(Refused::NoChannel);
    }
    if over(channels.len(), limits.channels_per_event) {
        return Err(Refused::TooManyChannels { limit: limits.channels_per_event });
    }
    if event.is_empty()
        || over(event.chars().count(), limits.event_name)
        || event.chars().any(char::is_control)
    {
        return Err(Refused::EventName { limit: limits.event_name });
    }
    if ["pusher:", "pusher_internal:", "frontdesk:"].iter().any(|own| event.starts_with(own)) {
        return Err(Refused::ProtocolEvent);
    }
    if over(data.len(), limits.event_kb.saturating_mul(1024)) {
        return Err(Refused::TooBig { limit_kb: limits.event_kb });
    }
    let except = match socket_id {
        Some(text) => SocketId::parse(text).map_err(|_| Refused::SocketId)?,
        None => None,
    };
    let mut names: Vec<ChannelName> = Vec::with_capacity(channels.len());
    for channel in channels {
        let name = ChannelName::parse_within(channel, limits.channel_name).map_err(|reason| {
            let name = channel.escape_debug().take(64).collect();
            Refused::Channel { name, reason }
        })?;
        // Named twice is meant once.
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names.into_iter().map(|name| Draft::new(name, event, data, except)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(channels: &[&str]) -> Publication {
        Publication {
            channels: channels.iter().map(|&name| name.to_owned()).collect(),
            event: "App\\Events\\X".into(),
            data: "{}".into(),
            socket_id: None,
        }
    }

    fn judged(publication: &Publication) -> Result<usize, Refused> {
        drafts(publication, &Limits::default()).map(|drafts| drafts.len())
    }

    #[test]
    fn a_publication_becomes_one_draft_a_channel() {
        assert_eq!(judged(&event(&["staff"])), Ok(1));
        assert_eq!(judged(&event(&["staff", "private-staff", "#server-to-user-7", "staff"])), Ok(3));
        let foreign = Publication { socket_id: Some("9999999999.9999999999".into()), ..event(&["a"]) };
        assert_eq!(judged(&foreign), Ok(1), "another server's socket id excludes nobody");
    }

    #[test]
    fn every_limit_is_a_limit() {
        let names: Vec<String> = (0..101).map(|n| format!("c{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(judged(&event(&names[..100])), Ok(100));
        assert_eq!(judged(&event(&names)), Err(Refused::TooManyChannels { limit: 100 }));
        assert_eq!(judged(&event(&[])), Err(Refused::NoChannel));
        let bad = judged(&event(&["fine", "not fine"]));
        assert!(matches!(bad, Err(Refused::Channel { name, .. }) if name == "not fine"));
        for (name, fine) in [
            ("x".repeat(200), true),
            ("é".repeat(200), true),
            ("x".repeat(201), false),
            (String::new(), false),
            ("a\nb".into(), false),
        ] {
            let told = judged(&Publication { event: name.clone(), ..event(&["a"]) });
            assert_eq!(told.is_ok(), fine, "{name:?}");
        }
        for name in ["pusher:error", "pusher_internal:member_added", "frontdesk:gap"] {
            let told = judged(&Publication { event: name.into(), ..event(&["a"]) });
            assert_eq!(told, Err(Refused::ProtocolEvent));
        }
        let sized = |size| judged(&Publication { data: "x".repeat(size), ..event(&["a"]) });
        assert_eq!(sized(100 * 1024), Ok(1));
        assert_eq!(sized(100 * 1024 + 1), Err(Refused::TooBig { limit_kb: 100 }));
        for id in ["", "1", "1.", ".1", "1.2.3", "a.b", "-1.2", "1.2 "] {
            let told = judged(&Publication { socket_id: Some(id.into()), ..event(&["a"]) });
            assert_eq!(told, Err(Refused::SocketId), "{id:?}");
        }
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let none = Limits {
            channel_name: 0,
            event_name: 0,
            event_kb: 0,
            channels_per_event: 0,
            ..Limits::default()
        };
        let names: Vec<String> = (0..101).map(|n| format!("{n}{}", "c".repeat(300))).collect();
        let publication = Publication {
            channels: names,
            event: "x".repeat(1000),
            data: "x".repeat(101 * 1024),
            socket_id: None,
        };
        assert_eq!(drafts(&publication, &none).map(|drafts| drafts.len()), Ok(101));
    }
}
