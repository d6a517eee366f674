//! `frontdesk tail`: what is heard, a line each, on stdout; how it is going, on stderr.
//!
//! Scripts read stdout, so nothing else is written there; people read stderr, where each new reason for
//! hearing nothing is said once, with what to do. While stdout is not read, the socket is not read either.

mod watch;

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep_until};

use super::flags::{self, Backend, Channels, Files, Server, Zone};
use super::line::Line;
use super::select::{self, Select};
use super::{Failure, Outcome};
use crate::app::ingest::Ingest;
use crate::app::leave::{Asked, Leave};
use crate::client::{self, Event};
use crate::config::value::{self, Moment};
use crate::filter::Filter;
use crate::telemetry;
use crate::time::{Clock, monotonic};
use watch::Watch;

/// How many events are written before stdout is flushed.
const BATCH: usize = 256;

/// Print what is heard, a line each
///
/// Ends with 0 when --limit, --for or --until is reached, with 1 where nothing could be heard by then or no
/// try can succeed, with 130 on Ctrl-C.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// A JSON object a line: at, topic, channel, event, data, position; raw and reason where it was not
    /// understood
    #[arg(long)]
    json: bool,
    /// End after so many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// End after so long: seconds, or as in 45s, 10m, 12h
    #[arg(long = "for", value_name = "SECONDS", value_parser = value::span)]
    duration: Option<Duration>,
    /// Print what is on this channel alone: a topic or a wire name; may be repeated
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// Print this event alone, with or without its namespace; may be repeated
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,
    /// Print what passes this filter alone, as in `dewi st:pending amt>100rb`
    #[arg(long, value_name = "EXPR", value_parser = select::filter)]
    filter: Option<Filter>,
    /// End at that time: an RFC 3339 time, or a clock time
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    until: Option<Moment>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    backend: Backend,
    #[command(flatten)]
    channels: Channels,
    #[command(flatten)]
    zone: Zone,
    #[command(flatten)]
    files: Files,
}

/// Prints until told otherwise.
pub(crate) fn run(args: Args, clock: Clock) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.server, &args.backend, &args.channels, &args.zone])?;
    let _log = telemetry::start(&settings.telemetry(None, false))?;
    let now = clock.now();
    let until = args.until.map(|moment| moment.at(now, &settings.timezone));
    if until.is_some_and(|until| until <= now) {
        return Err(Failure::Usage("--until is in the past, and tail prints what comes".to_owned()));
    }
    let span = until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default());
    let mut tail = Tail {
        options: settings.client()?,
        select: Select::new(args.channel, args.event, args.filter),
        ingest: Ingest::new(settings.backend()),
        watch: Watch::new(settings.timezone.clone()),
        zone: settings.timezone,
        json: args.json,
        left: args.limit,
        ends_after: [args.duration, span].into_iter().flatten().min(),
    };
    // The client lives on a thread of its own: while stdout blocks it goes on to answer pings, until its queue is
    // full and the socket is read no further. A server that then gives up is connected to again by itself.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(tail.run(clock));
    runtime.shutdown_background();
    outcome
}

/// A tail that runs.
struct Tail {
    options: client::Options,
    select: Select,
    ingest: Ingest,
    watch: Watch,
    zone: TimeZone,
    json: bool,
    left: Option<u64>,
    ends_after: Option<Duration>,
}

impl Tail {
    async fn run(&mut self, clock: Clock) -> Outcome {
        let mut leave =
            Leave::new().map_err(|error| Failure::Failed(format!("cannot listen to signals: {error}")))?;
        let ends = self.ends_after.map(|after| Instant::from_std(monotonic() + after));
        let (_handle, mut events) = client::open(self.options.clone(), clock);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let end = async {
                match ends {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                asked = leave.asked() => return match asked {
                    Asked::ToEnd => Ok(()),
                    Asked::ToStop => Err(Failure::Interrupted),
                },
                taken = take(&mut events, &mut batch) => if taken == 0 {
                    return Err(Failure::Broken);
                },
                () = end => return self.watch.verdict(),
            }
            if self.write(batch.drain(..))? {
                return Ok(());
            }
        }
    }

    /// Writes what was heard and says what changed; true when the limit is reached.
    fn write(&mut self, events: impl Iterator<Item = Event>) -> Result<bool, Failure> {
        let mut stdout = BufWriter::new(io::stdout().lock());
        for event in events {
            let Some(line) = self.line(event)? else { continue };
            writeln!(stdout, "{line}")?;
            if let Some(left) = &mut self.left {
                *left -= 1;
                if *left == 0 {
                    stdout.flush()?;
                    return Ok(true);
                }
            }
        }
        stdout.flush()?;
        Ok(false)
    }

    /// The line of an event, if there is one; everything else is told on stderr.
    fn line(&mut self, event: Event) -> Result<Option<String>, Failure> {
        let line = match event {
            Event::Heard(heard) => {
                let (record, meaning) = self.ingest.read(heard);
                Line::heard(&record, meaning.err())
            }
            Event::Odd(odd) => Line::odd(odd),
            Event::Link(link) => return self.watch.link(&link).map(|()| None),
            Event::Topic(topic) => {
                self.watch.topic(&topic);
                return Ok(None);
            }
            Event::Gap(gap) => {
                self.watch.gap(&gap);
                return Ok(None);
            }
            Event::Back(back) => {
                self.watch.back(back);
                return Ok(None);
            }
            // Nothing is kept.
            Event::Cursors(_) => return Ok(None),
        };
        let wanted = self.select.takes(&line);
        Ok(wanted.then(|| if self.json { line.json() } else { line.text(&self.zone) }))
    }
}

/// Waits for events and takes all that are there.
async fn take(events: &mut client::Events, batch: &mut Vec<Event>) -> usize {
    events.recv_many(batch, BATCH).await
}
