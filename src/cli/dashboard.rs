//! `frontdesk` alone: the dashboard.

use clap::Args as ClapArgs;

use super::flags::{self, Backend, Channels, Files, Screen, Server, Zone};
use super::{Failure, Outcome, block_on, say};
use crate::config::{self, Settings};
use crate::time::Clock;
use crate::{app, telemetry};

/// What the dashboard is told.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    backend: Backend,
    #[command(flatten)]
    channels: Channels,
    #[command(flatten)]
    screen: Screen,
    #[command(flatten)]
    zone: Zone,
    #[command(flatten)]
    files: Files,
}

/// Shows the venue until somebody leaves.
pub(crate) fn run(args: &Args, clock: Clock) -> Outcome {
    let flags: [&dyn flags::Says; 5] =
        [&args.server, &args.backend, &args.channels, &args.screen, &args.zone];
    let settings = flags::settings(&args.files, &flags)?;
    if knows_nothing(&settings) {
        return Err(Failure::Usage(first_steps()));
    }
    let log = telemetry::start(&settings.telemetry(Some("log"), false))?;
    if let Some(note) = &log.note {
        say(note);
    }
    let options = settings.app(settings.client()?, settings.identity()?)?;
    let options = app::Options { log_file: log.path.clone(), history: Some(settings.history()), ..options };
    block_on(async { Ok(app::run(options, clock, std::future::pending()).await?) })
}

/// Whether nobody has said anything yet about where to connect.
fn knows_nothing(settings: &Settings) -> bool {
    settings.config_file.is_none() && settings.key.is_none() && !settings.has_address
}

/// How to begin, in three lines.
fn first_steps() -> String {
    let file = config::default_file()
        .map_or_else(|| "FILE (and give --config FILE)".to_owned(), |path| path.display().to_string());
    format!(
        "not set up yet. `frontdesk demo` shows a venue that lives by itself, with no set-up at all.\n\
         For your own: `frontdesk login --url ws://HOST:PORT`, then `frontdesk --url ws://HOST:PORT --key KEY`.\n\
         To keep the settings: copy assets/frontdesk.toml, which explains each of them, to {file}."
    )
}
