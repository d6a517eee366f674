//! The dashboard's composition root: it starts the client, owns the terminal, and runs the loop between them.
//!
//! Events of the client and of the reader become messages, [`ui::update()`] takes them into the model, its
//! effects are carried out, and what changed is drawn, at most thirty times a second and only if something
//! did. It decides nothing about how things look, and knows no frame of the wire.

pub mod history;
pub mod ingest;
pub mod leave;
pub mod terminal;

mod effects;
mod facts;
mod pace;

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::client::{self, Event};
use crate::domain::event::Backend;
use crate::domain::venue::{self, Venue};
use crate::time::{Clock, monotonic};
use crate::ui::facts::{Identity, LinkFacts, LinkState};
use crate::ui::{self, Keymap, Locale, Model, Msg, Setup, Theme};

use effects::World;
use history::{History, Kept};
use ingest::Ingest;
use leave::{Asked, Leave};
use pace::Pace;
use terminal::{Input, Terminal};

/// How many events of the client are taken at once, before keys and drawing get their turn.
const BATCH: usize = 512;

/// All that a dashboard is told at its start.
#[derive(Debug)]
pub struct Options {
    /// What to connect to, and what to hear.
    pub client: client::Options,
    /// Who is logged in, as far as is known.
    pub identity: Option<Identity>,
    /// What one must know of the backend to read its events.
    pub backend: Backend,
    /// The venue's name, in row 0.
    pub venue_name: String,
    /// What the venue's people set; its zone is the one in which times are shown.
    pub venue: venue::Settings,
    /// From when on everything will have been heard, where that is known beforehand; else it is from the
    /// moment in which the topics are heard.
    pub complete_from: Option<Timestamp>,
    /// The language.
    pub locale: Locale,
    /// The keys.
    pub keymap: Keymap,
    /// The colours.
    pub theme: Theme,
    /// Where what is heard is kept, if it is.
    pub history: Option<history::Options>,
    /// Where the log is written, if it is.
    pub log_file: Option<PathBuf>,
    /// Told once, when everything that can be heard is heard.
    pub live: Option<oneshot::Sender<()>>,
}

/// Why there is no dashboard, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal can't be used.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] terminal::Error),
    /// The signals that ask a process to end can't be heard.
    #[error("cannot listen to signals: {0}")]
    Signals(#[source] io::Error),
    /// A part of the program panicked; whoever hears of panics has been told.
    #[error("something in frontdesk broke")]
    Broken,
    /// Somebody interrupted the process.
    #[error("interrupted")]
    Interrupted,
}

/// Runs the dashboard until the reader leaves, the terminal goes away, the process is asked to end, or `until`
/// is ready. The terminal is given back in any case.
///
/// # Errors
/// There is no terminal, or it can't be taken; a part of the program broke; or somebody interrupted it, by
/// Ctrl-C or by a signal.
#[allow(clippy::too_many_lines, reason = "one loop, in which everything meets")]
pub async fn run(options: Options, clock: Clock, until: impl Future<Output = ()>) -> Result<(), Error> {
    let Options { mut client, backend, theme, mut live, .. } = options;
    // Before the terminal, so that the terminal is given back before what waits is kept.
    let mut history = History::none();
    let mut leave = Leave::new().map_err(Error::Signals)?;
    leave::insist().map_err(Error::Signals)?;
    let mut terminal = Terminal::enter(std::env::var("TERM").ok().as_deref())?;
    let mut input = Input::open().map_err(terminal::Error::Io)?;
    let tmux = std::env::var_os("TMUX").is_some_and(|value| !value.is_empty());

    let now = clock.now();
    let mut venue = Venue::new(options.venue);
    let midnight = venue.day(now).starts_at;
    if let Some(from) = options.complete_from {
        venue.covered_from(from);
    }
    let mut model = Model::new(Setup {
        venue_name: options.venue_name,
        zone: venue.settings().zone.clone(),
        venue,
        locale: options.locale,
        keymap: options.keymap,
        link: LinkFacts::starting(facts::address(&client.url), now),
        log_file: options.log_file.map(|path| path.display().to_string()),
        size: terminal.size(),
        now,
    });
    ui::update(&mut model, Msg::Identity(options.identity));

    let mut pace = Pace::default();
    // The first frame comes before everything that could take time.
    let mut dirty = false;
    if let Err(error) = terminal.paint(|area, buffer| ui::draw(&model, &theme, area, buffer)) {
        return gone(&error);
    }
    pace.drawn(monotonic());
    model.take_dirty();

    let mut ingest = Ingest::new(backend);
    if let Some(options) = options.history {
        history = recall(options, &mut client, &mut model, &mut ingest, (&clock, midnight)).await?;
        dirty = model.take_dirty();
    }
    let (handle, mut events) = client::open(client, clock.clone());
    let mut batch = Vec::with_capacity(BATCH);
    let mut until = pin!(until);
    let mut next_second = second_after(&clock);
    loop {
        let due = pace.due(monotonic());
        let mut messages = Vec::new();
        // In this order, so that a flood of events keeps nobody from leaving and never stops the picture.
        tokio::select! {
            biased;
            asked = leave.asked() => return ended(asked),
            () = &mut until => return Ok(()),
            () = sleep_until(due.into()), if dirty => {
                dirty = false;
                if let Err(error) = terminal.paint(|area, buffer| ui::draw(&model, &theme, area, buffer)) {
                    return gone(&error);
                }
                pace.drawn(monotonic());
            }
            event = input.next() => {
                let Some(event) = event else { return Ok(()) };
                let message = Msg::from(event);
                if let Msg::Resize(columns, rows) = message
                    && let Err(error) = terminal.resize(columns, rows)
                {
                    return gone(&error);
                }
                messages.push(message);
            }
            () = sleep_until(next_second) => {
                next_second = second_after(&clock);
                if let Some((columns, rows)) = terminal.resized() {
                    if let Err(error) = terminal.resize(columns, rows) {
                        return gone(&error);
                    }
                    messages.push(Msg::Resize(columns, rows));
                }
                messages.extend(history.news().map(Msg::Journal));
                messages.push(Msg::Tick(clock.now()));
            }
            heard = events.recv_many(&mut batch, BATCH) => {
                if heard == 0 {
                    return Err(Error::Broken);
                }
                let (told, kept): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|event| message(event, &mut ingest, &clock)).unzip();
                messages.extend(told.into_iter().flatten());
                history.keep(kept.into_iter().flatten().collect());
            }
        }
        for message in messages {
            if let Msg::Link(link) = &message
                && link.state == LinkState::Live
                && let Some(live) = live.take()
            {
                // Whoever waited for it may be gone.
                let _ = live.send(());
            }
            for effect in ui::update(&mut model, message) {
                let mut world = World { terminal: &mut terminal, client: &handle, tmux };
                match world.carry_out(effect) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(asked)) => return ended(asked),
                    Err(error) => return gone(&error),
                }
            }
        }
        dirty |= model.take_dirty();
    }
}

/// An event of the client's, for the screens and to be kept.
fn message(event: Event, ingest: &mut Ingest, clock: &Clock) -> (Option<Msg>, Option<Kept>) {
    match event {
        Event::Heard(heard) => {
            let (record, event) = ingest.read(heard);
            (Some(Msg::Heard(record.clone(), event)), Some(Kept::Heard(record)))
        }
        Event::Odd(odd) => (Some(Msg::Odd(facts::odd(odd.clone()))), Some(Kept::Odd(odd))),
        Event::Link(link) => (Some(Msg::Link(Box::new(facts::link(*link)))), None),
        Event::Topic(topic) => (Some(Msg::Topic(facts::topic(topic))), None),
        Event::Gap(gap) => {
            let gap = facts::gap(gap);
            (Some(Msg::Gap(gap.clone())), Some(Kept::Gap(gap)))
        }
        Event::Back(back) => (Some(Msg::Back(facts::back(back))), None),
        Event::Cursors(cursors) => (None, Some(Kept::Cursors(clock.now(), cursors))),
    }
}

/// Opens what is kept, on a thread that may wait for the disk; shows what was heard since `midnight`, and has the
/// client begin where the last one stopped.
async fn recall(
    options: history::Options,
    client: &mut client::Options,
    model: &mut Model,
    ingest: &mut Ingest,
    (clock, midnight): (&Clock, Timestamp),
) -> Result<History, Error> {
    let log = format!("{}/app/{}", facts::address(&client.url), client.key);
    let clock = clock.clone();
    let opening = move || History::open(&options, &log, &clock, midnight);
    let (mut history, past) = tokio::task::spawn_blocking(opening).await.map_err(|_| Error::Broken)?;
    let at = past.resume.as_ref().map(|resume| resume.at);
    client.resume = past.resume;
    let told = past.today.into_iter().filter_map(|kept| again(kept, ingest));
    let told = told.chain(at.map(|at| Msg::Past(at, past.covered_from)));
    for message in told.chain(history.news().map(Msg::Journal)) {
        ui::update(model, message);
    }
    Ok(history)
}

/// What was kept before, for the screens.
fn again(kept: Kept, ingest: &mut Ingest) -> Option<Msg> {
    match kept {
        Kept::Heard(record) => {
            let (record, event) = ingest.again(record);
            Some(Msg::Heard(record, event))
        }
        Kept::Odd(odd) => Some(Msg::Odd(facts::odd(odd))),
        Kept::Gap(gap) => Some(Msg::Gap(gap)),
        Kept::Cursors(..) => None,
    }
}

/// How a dashboard ends that was asked to, by a signal or by a key.
fn ended(asked: Asked) -> Result<(), Error> {
    match asked {
        Asked::ToEnd => Ok(()),
        Asked::ToStop => Err(Error::Interrupted),
    }
}

/// What a failed drawing means: as a rule that the terminal has gone away, and we go too.
fn gone(error: &io::Error) -> Result<(), Error> {
    match error.kind() {
        // A panic elsewhere has given the terminal back.
        io::ErrorKind::NotConnected => Err(Error::Broken),
        _ => Ok(()),
    }
}

/// The moment at which the wall's clock shows its next second.
fn second_after(clock: &Clock) -> Instant {
    let nanos = clock.now().subsec_nanosecond().rem_euclid(1_000_000_000);
    let rest = Duration::from_nanos(u64::try_from(1_000_000_000 - nanos).unwrap_or(1_000_000_000));
    (monotonic() + rest).into()
}
