//! `frontdesk relay`: settings into a running relay, what it serves in a few lines, signals into a drain.
//!
//! The relay's folder (`relay/` of the data directory) has one owner at a time, by a lock that the kernel frees
//! however the process ends, and holds the log and the history, unless nothing is to be kept on disk.

mod address;
mod summary;
mod token;
mod tokens_file;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use url::Url;

use super::flags::{self, Credentials, Files, Says};
use super::{Failure, Outcome, say};
use crate::app::leave::Leave;
use crate::config::{Layer, Loaded, Settings, value};
use crate::journal::{self, Folder, Journal, Taking};
use crate::protocol::{ChannelKind, Subscription};
use crate::relay::{self, App, Engine, Forward, OnStoreError, Tokens};
use crate::telemetry;
use crate::time::Clock;
use address::Listen;
use tokens_file::{Follower, TokensFile};

/// The relay's own folder in the data directory.
const FOLDER: &str = "relay";
/// How long history is kept where nobody says otherwise.
const HISTORY: Duration = Duration::from_secs(7 * 24 * 3600);

/// Run the relay: a Pusher-compatible server
///
/// Without any settings it serves the app app-id / app-key / app-secret to this machine. SIGTERM and Ctrl-C
/// drain it: clients are told to come back, and it ends with 0; a second one ends it at once.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where to listen; localhost means both loopbacks [default: localhost:6001]
    #[arg(long, value_name = "HOST:PORT", value_parser = Listen::parse)]
    listen: Option<Listen>,
    /// The app's public key
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    credentials: Credentials,
    /// Who may join what: a file of [[token]] entries, by which the relay answers its own auth endpoint, and
    /// which is read anew when it changes [default: relay/tokens.toml in the data directory]
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// The Laravel that is asked who may join what, for everybody whom the tokens do not know: its address,
    /// `http://127.0.0.1:8000` for one, or with a path its auth endpoint
    #[arg(long, value_name = "URL", value_parser = value::web)]
    auth_forward: Option<Url>,
    /// How long events are kept for who comes back, as in 12h or 7d [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = value::span)]
    history: Option<Duration>,
    /// Public names that only a signature opens to other machines [default: admin,staff,booking.*]
    #[arg(long, value_name = "A,B,C", value_parser = Guard::parse)]
    guard: Option<Guard>,
    /// Guard nothing: whoever has the app key hears every public name
    #[arg(long, conflicts_with = "guard")]
    open: bool,
    /// Touch no disk: no lock, no log but the lines on stderr
    #[arg(long)]
    ephemeral: bool,
    /// Log lines, as the relay does in any case: it has no screen of its own
    #[arg(long)]
    headless: bool,
    /// Read all settings, say what the relay would do, and end
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Subcommand)]
enum Command {
    Token(token::Args),
}

/// A list of public names, as one value to clap.
#[derive(Clone, Debug)]
struct Guard(Vec<Subscription>);

impl Guard {
    fn parse(text: &str) -> Result<Self, value::Expected> {
        let expected = || "expected public names, as in admin,staff,booking.*".to_owned();
        let names = value::channels(text).map_err(|_| expected())?;
        let parsed: Vec<Subscription> =
            names.iter().filter_map(|name| Subscription::parse(name).ok()).collect();
        let public = parsed.iter().all(|name| name.kind() == ChannelKind::Public);
        if public { Ok(Self(parsed)) } else { Err(expected()) }
    }
}

/// The app that flags name.
struct AppFlags<'a>(&'a Args);

impl Says for AppFlags<'_> {
    fn over(&self, weaker: Layer) -> Layer {
        let own = Layer { key: self.0.key.clone(), ..Layer::default() };
        self.0.credentials.over(own.over(weaker))
    }
}

/// Serves until a signal, or does what the command below `relay` says.
pub(crate) fn run(args: &Args, clock: Clock) -> Outcome {
    match &args.command {
        Some(Command::Token(args)) => token::run(args),
        None => start(args, clock),
    }
}

fn start(args: &Args, clock: Clock) -> Outcome {
    let loaded = flags::load(&args.files, &[&AppFlags(args)])?;
    let listen = match &args.listen {
        Some(listen) => listen.clone(),
        None => Listen::parse(&loaded.relay.listen).map_err(|expected| {
            Failure::Usage(format!("listen under [relay] in the settings file: {expected}"))
        })?,
    };
    let (told, tokens, follower) = tokens(args, &loaded)?;
    let mut options = relay::Options {
        apps: apps(&loaded),
        ca_file: loaded.settings.ca_file.clone(),
        tokens,
        auth_forward: auth_forward(args, &loaded)?,
        history: args.history.unwrap_or(HISTORY),
        engine: Engine::Memory,
        guard: guard(args),
        clock,
    };
    if args.credentials.secret.is_some() {
        say("--secret shows in the process list; use PUSHER_APP_SECRET or --env-file where that matters");
    }
    if args.check {
        relay::validate(&listen.addresses(), &options).map_err(|error| Failure::Usage(error.to_string()))?;
        let place = if args.ephemeral { None } else { Some(loaded.settings.data_dir()?.join(FOLDER)) };
        let tokens = follower.as_ref().map(Follower::file);
        return summary::print(&listen.addresses(), &options, tokens, place.as_deref());
    }
    let on_store_error = loaded.relay.on_store_error;
    let folder = if args.ephemeral { None } else { claim(&loaded.settings, on_store_error)? };
    let log = folder.as_ref().map(|_| "relay/log");
    let log = telemetry::start(&loaded.settings.telemetry(log, true))?;
    if let Some(note) = &log.note {
        say(note);
    }
    let _folder = match folder {
        Some(folder) if !options.history.is_zero() => {
            options.engine = keep(folder, &options, on_store_error)?;
            None
        }
        // Ours all the same: it holds the log.
        folder => folder,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(serve(&listen, options, follower, told));
    // A second signal leaves at once: what still runs is not waited for.
    runtime.shutdown_background();
    outcome
}

/// Opens the history in the relay's folder.
fn keep(folder: Folder, options: &relay::Options, on_store_error: OnStoreError) -> Result<Engine, Failure> {
    let leaves_holes = match on_store_error {
        OnStoreError::Refuse => false,
        OnStoreError::Deliver => true,
    };
    let kept = journal::Options {
        keep: options.history,
        day_bytes: None,
        leaves_holes,
        clock: options.clock.clone(),
    };
    let (journal, notes) =
        Journal::open(folder, kept).map_err(|error| Failure::Failed(format!("{error}{ELSEWHERE}")))?;
    for note in notes {
        say(&note);
        tracing::warn!("{note}");
    }
    Ok(Engine::Journal { journal, on_store_error })
}

/// What to do about a folder that can't be used.
const ELSEWHERE: &str =
    "; start the relay with another --data-dir, or with --ephemeral, which keeps nothing on disk";

/// Makes the relay's folder ours. One that can't be written is a reason not to serve, where the settings do not
/// say that events are to be delivered all the same: nothing would be kept, and nobody would notice before the
/// first crash.
fn claim(settings: &Settings, on_store_error: OnStoreError) -> Result<Option<Folder>, Failure> {
    let path = settings.data_dir()?.join(FOLDER);
    match Folder::claim(&path) {
        Ok(folder) => Ok(Some(folder)),
        Err(error @ Taking::Taken { .. }) => Err(Failure::Failed(format!(
            "another relay is running: {error}; stop it, or start this one with another --data-dir or with --ephemeral"
        ))),
        Err(error @ Taking::Io { .. }) => match on_store_error {
            OnStoreError::Refuse => Err(Failure::Failed(format!("{error}{ELSEWHERE}"))),
            OnStoreError::Deliver => {
                say(&format!("nothing is kept on disk: {error}"));
                Ok(None)
            }
        },
    }
}

async fn serve(
    listen: &Listen,
    options: relay::Options,
    follower: Option<Follower>,
    told: watch::Sender<Tokens>,
) -> Outcome {
    let mut leave =
        Leave::new().map_err(|error| Failure::Failed(format!("cannot listen to signals: {error}")))?;
    let listeners = listen.bind().await.map_err(Failure::Failed)?;
    let addresses: Vec<_> =
        listeners.iter().filter_map(|listener: &TcpListener| listener.local_addr().ok()).collect();
    relay::validate(&addresses, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    let place = match &options.engine {
        Engine::Memory => None,
        Engine::Journal { journal, .. } => Some(journal.path()),
    };
    summary::print(&addresses, &options, follower.as_ref().map(Follower::file), place)?;
    if let Some(follower) = follower {
        tokio::spawn(follower.run(told));
    }
    let (drain, drained) = oneshot::channel::<()>();
    let shutdown = async {
        // An error means that the sender is gone, and then there is nobody left to wait for.
        let _ = drained.await;
    };
    tokio::select! {
        outcome = relay::run(listeners, options, shutdown) => {
            outcome.map_err(|error| Failure::Failed(error.to_string()))?;
            tracing::info!("drained");
            Ok(())
        }
        () = async {
            leave.asked().await;
            tracing::info!("draining: clients are told to come back; once more to leave at once");
            // A relay that has ended by itself waits for no drain.
            let _ = drain.send(());
            leave.asked().await;
        } => Err(Failure::Interrupted),
    }
}

/// The apps to serve: the settings file's, and the one that stronger layers name in full.
fn apps(Loaded { settings, relay }: &Loaded) -> Vec<App> {
    let mut apps = relay.apps.clone();
    let default = || App::default_app();
    if apps.is_empty() {
        let app = App::new(
            settings.app_id.clone().unwrap_or_else(|| default().id),
            settings.key.clone().unwrap_or_else(|| default().key),
            settings.secret.clone().unwrap_or_else(|| default().secret),
        );
        apps.push(App { limits: relay.limits, ..app });
    } else if let (Some(id), Some(key), Some(secret)) = (&settings.app_id, &settings.key, &settings.secret)
        && !apps.iter().any(|app| app.id == *id)
    {
        let secret: SecretString = secret.clone();
        apps.push(App { limits: relay.limits, ..App::new(id.clone(), key.clone(), secret) });
    }
    apps
}

/// The tokens, where others can be put in their place, and who sees to that.
type Known = (watch::Sender<Tokens>, watch::Receiver<Tokens>, Option<Follower>);

fn tokens(args: &Args, loaded: &Loaded) -> Result<Known, Failure> {
    let file = TokensFile::find(args.tokens.as_deref(), loaded);
    let opened = file.map(TokensFile::open).transpose()?;
    let (tokens, follower) =
        opened.map_or_else(Default::default, |(tokens, follower)| (tokens, Some(follower)));
    if let Some(follower) = follower.as_ref().filter(|_| tokens.has_plain()) {
        let path = follower.file().path().display();
        say(&format!("{path} holds tokens as they are; sha256 = \"…\" tells nobody"));
    }
    let (told, tokens) = watch::channel(tokens);
    Ok((told, tokens, follower))
}

fn auth_forward(args: &Args, loaded: &Loaded) -> Result<Option<Forward>, Failure> {
    let Some(url) = args.auth_forward.as_ref().or(loaded.relay.auth_forward.as_ref()) else {
        return Ok(None);
    };
    Forward::to(url, loaded.settings.ca_file.as_deref())
        .map(Some)
        .map_err(|error| Failure::Usage(format!("cannot forward to {url}: {error}")))
}

fn guard(args: &Args) -> Vec<Subscription> {
    if args.open {
        return Vec::new();
    }
    let default =
        || ["admin", "staff", "booking.*"].iter().filter_map(|name| Subscription::parse(name).ok()).collect();
    args.guard.clone().map_or_else(default, |guard| guard.0)
}
