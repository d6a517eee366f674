//! `frontdesk emit`: one event into any Pusher-compatible server, through its HTTP API.

mod samples;

use clap::Args as ClapArgs;
use serde::de::IgnoredAny;

use super::flags::{self, Credentials, Files, Server, Zone};
use super::{Failure, Outcome, block_on, say};
use crate::protocol::ChannelName;
use crate::protocol::peer::SocketId;
use crate::publisher::{self, Publication, Publisher};
use crate::telemetry;
use crate::time::Clock;
use samples::{SAMPLES, Sample};

/// The namespace that laravel-echo's `listen('Name')` looks in.
const NAMESPACE: &str = "App\\Events\\";

/// Publish one event
///
/// Without --data the API document's sample is sent, its dates and times moved to today and now. The event
/// is named `App\Events\EVENT` and its fields stand under `data`, as the document's frontend samples hear it.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The event's name, `CheckInNotification` for one
    event: String,
    /// The wire channel, private-staff for one; may be repeated [default: the document's channel for the event]
    #[arg(long, value_name = "NAME", value_parser = channel)]
    channel: Vec<ChannelName>,
    /// The event's fields, as JSON
    #[arg(long, value_name = "JSON", value_parser = json)]
    data: Option<String>,
    /// The connection that shall not hear it, its sender for one
    #[arg(long, value_name = "ID", value_parser = socket_id)]
    socket_id: Option<String>,
    /// Send the document's sample untouched, in its own time
    #[arg(long, conflicts_with = "data")]
    as_printed: bool,
    /// Send name and fields as they are: no namespace, nothing under `data`
    #[arg(long)]
    bare: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    zone: Zone,
    #[command(flatten)]
    files: Files,
}

fn channel(text: &str) -> Result<ChannelName, String> {
    ChannelName::parse(text).map_err(|bad| format!("expected a channel's name, as in private-staff: {bad}"))
}

fn json(text: &str) -> Result<String, String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| format!("expected JSON: {error}"))?;
    Ok(text.to_owned())
}

fn socket_id(text: &str) -> Result<String, String> {
    // Another server's may be one that our relay never gives.
    SocketId::parse(text).map_err(|bad| format!("expected a socket id: {bad}"))?;
    Ok(text.to_owned())
}

/// Publishes an event.
pub(crate) fn run(args: Args, clock: Clock) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.server, &args.credentials, &args.zone])?;
    let _log = telemetry::start(&settings.telemetry(None, false))?;
    if args.credentials.secret.is_some() {
        say("--secret shows in the process list; use PUSHER_APP_SECRET or --env-file where that matters");
    }
    let sample = Sample::of(args.event.strip_prefix(NAMESPACE).unwrap_or(&args.event));
    let fields = match (&args.data, sample) {
        (Some(data), _) => data.clone(),
        (None, Some(sample)) if args.as_printed => sample.as_printed(),
        (None, Some(sample)) => sample.moved(clock.now(), &settings.timezone),
        (None, None) => return Err(Failure::Usage(no_sample(&args.event, "--data JSON"))),
    };
    let channels: Vec<String> = match (args.channel.is_empty(), sample) {
        (false, _) => args.channel.iter().map(ToString::to_string).collect(),
        (true, Some(sample)) => vec![sample.channel.to_owned()],
        (true, None) => return Err(Failure::Usage(no_sample(&args.event, "--channel NAME"))),
    };
    let publication = Publication {
        name: if args.bare || args.event.contains('\\') {
            args.event
        } else {
            format!("{NAMESPACE}{}", args.event)
        },
        // The text as it was given: a number that no float can hold stays what it is.
        data: if args.bare { fields } else { format!("{{\"data\":{fields}}}") },
        channels,
        socket_id: args.socket_id,
    };
    let publisher =
        Publisher::new(settings.publisher()?, clock).map_err(|error| Failure::Usage(error.to_string()))?;
    block_on(async {
        publisher.publish(&publication).await.map_err(|error| Failure::Failed(explain(&error)))
    })?;
    super::print(&format!("published {} to {}", publication.name, publication.channels.join(", ")))
}

fn no_sample(event: &str, flag: &str) -> String {
    let known = SAMPLES.map(|sample| sample.event).join(", ");
    format!("the API document has no event {event}: give {flag}, or name one of {known}")
}

/// The error, and what to do about it.
fn explain(error: &publisher::Error) -> String {
    let next = match error {
        publisher::Error::Unreachable { .. } => "; is the server running, and is --url right?",
        publisher::Error::Odd { .. } => "; is --url a Pusher-compatible server's?",
        publisher::Error::Refused { status: 401 | 403, .. } => "; check app id, key and secret",
        publisher::Error::Refused { status: 404, .. } => "; check the app id and --url",
        publisher::Error::Refused { status: 413, .. } => "; the event is too big for that server",
        publisher::Error::Refused { .. } | publisher::Error::Tls(_) => "",
    };
    format!("{error}{next}")
}
