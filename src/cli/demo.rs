//! `frontdesk demo`: a venue that lives by itself, with no set-up at all.
//!
//! Everything is as in a real deployment, only small: a relay on a free loopback port, a simulated backend
//! that publishes through its HTTP API, and the dashboard attached through the real client, with a token.
//! All of it is made up for this run and ends with it: no token is read, no file is written but the log that
//! was asked for.

mod house;
mod story;

use std::future::{self, Future};
use std::io::{self, Write};
use std::time::Duration;

use clap::Args as ClapArgs;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::flags::{self, Files, Screen, Zone};
use super::{Failure, Outcome, block_on};
use crate::app::{
    self,
    leave::{Asked, Leave},
};
use crate::config::{Settings, value};
use crate::domain::event::Backend;
use crate::publisher::Publisher;
use crate::simulator::{self, Simulator};
use crate::telemetry;
use crate::time::Clock;
use house::House;

/// Show a venue that lives by itself: no server, no settings, no traces
///
/// The venue's morning has already happened when the screen opens; guests go on to arrive, book, pay and leave.
/// Ends with 0 on q and when --for is reached, with 130 on Ctrl-C.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// How many events a minute follow the morning; 0 for none
    #[arg(long, value_name = "N", default_value_t = 60)]
    rate: u32,
    /// Which venue: the same number at the same time is the same story [default: another each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = value::span)]
    duration: Option<Duration>,
    /// No screen: the first line says where the demo listens, and how to get in
    #[arg(long)]
    headless: bool,
    #[command(flatten)]
    screen: Screen,
    #[command(flatten)]
    zone: Zone,
    #[command(flatten)]
    files: Files,
}

/// Runs the demo until somebody leaves it.
pub(crate) fn run(args: &Args, clock: Clock) -> Outcome {
    let flags: [&dyn flags::Says; 2] = [&args.screen, &args.zone];
    let settings = flags::settings(&args.files, &flags)?;
    let _log = telemetry::start(&settings.telemetry(None, false))?;
    block_on(live(args, settings, clock))
}

async fn live(args: &Args, settings: Settings, clock: Clock) -> Outcome {
    let house = House::open(clock.clone()).await?;
    let seed = args.seed.unwrap_or_else(rand::random);
    let venue = Simulator::new(seed, settings.timezone.clone(), clock.now(), args.rate);
    let publisher = Publisher::new(house.publisher(), clock.clone())
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let (live, listened_to) = oneshot::channel();
    let dashboard = if args.headless {
        announce(&house)?;
        // Nobody will say that the screen is live.
        drop(live);
        None
    } else {
        Some(dashboard(&house, &settings, live, clock.now())?)
    };
    let shown = async {
        let ends = ends(args.duration);
        match dashboard {
            Some(options) => app::run(options, clock.clone(), ends).await.map_err(screenless),
            None => wait(ends).await,
        }
    };
    tokio::select! {
        outcome = shown => outcome,
        // The morning is told once somebody listens; without a screen at once.
        never = story::tell(venue, publisher, clock.clone(), listened_to) => match never {},
        outcome = house.serve() => outcome,
    }
}

/// The dashboard of the demo: its own server and venue, and the settings of whoever looks.
fn dashboard(
    house: &House,
    settings: &Settings,
    live: oneshot::Sender<()>,
    now: Timestamp,
) -> Result<app::Options, Failure> {
    let mut options = settings.app(house.client(), Some(House::identity()))?;
    "Kolam Melati".clone_into(&mut options.venue_name);
    options.backend = Backend::default();
    options.venue.hours = simulator::session_hours().map(|(name, hours)| (name.to_owned(), hours)).collect();
    // The whole day is told, from its first moment on.
    let midnight = settings.timezone.to_datetime(now).date().at(0, 0, 0, 0);
    options.complete_from = settings.timezone.to_timestamp(midnight).ok();
    options.live = Some(live);
    Ok(options)
}

/// What a dashboard that ended early means to a demo.
fn screenless(error: app::Error) -> Failure {
    match error {
        app::Error::Terminal(_) => {
            Failure::Failed(format!("{error}; `frontdesk demo --headless` needs none"))
        }
        app::Error::Signals(_) | app::Error::Broken | app::Error::Interrupted => error.into(),
    }
}

/// Without a screen there is nothing to do but to wait for the end.
async fn wait(ends: impl Future<Output = ()>) -> Outcome {
    let mut leave =
        Leave::new().map_err(|error| Failure::Failed(format!("cannot listen to signals: {error}")))?;
    tokio::select! {
        () = ends => Ok(()),
        asked = leave.asked() => match asked {
            Asked::ToEnd => Ok(()),
            Asked::ToStop => Err(Failure::Interrupted),
        },
    }
}

/// Ready after so long; never, if nobody said.
async fn ends(after: Option<Duration>) {
    match after {
        Some(after) => tokio::time::sleep(after).await,
        None => future::pending().await,
    }
}

/// Says where the demo listens and how to get in, as one line of JSON.
fn announce(house: &House) -> Result<(), io::Error> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", house.announcement())?;
    stdout.flush()
}
