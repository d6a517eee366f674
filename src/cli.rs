//! The commands: flags become options, a part of the program runs with them, errors become words and exit codes.
//!
//! One subcommand is one file. Nothing here knows how a thing is done; everything here knows how to say that
//! it could not be done: one sentence on stderr that ends in what to do. Exit codes: 0 done, 1 it could not
//! be done, 2 wrong usage or settings, 130 interrupted.

mod dashboard;
mod demo;
mod emit;
mod flags;
mod line;
mod log;
mod login;
mod logout;
mod panic;
mod prompt;
mod relay;
mod select;
mod tail;
mod whoami;

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::config;
use crate::time::Clock;
use crate::untrusted::Untrusted;

pub use panic::caught;

/// A venue that takes bookings, live in a terminal, and the relay that carries its events.
///
/// Without a command: the dashboard. It ends with 0 on q, with 130 on Ctrl-C.
#[derive(Debug, Parser)]
#[command(
    name = "frontdesk",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    dashboard: dashboard::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Relay(relay::Args),
    Tail(tail::Args),
    Log(log::Args),
    Emit(emit::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
}

/// How a command can end that did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage or settings: 2. The sentence says what was expected.
    Usage(String),
    /// It could not be done: 1. The sentence says why, and what to do.
    Failed(String),
    /// A part of the program panicked, and that has been said: 1.
    Broken,
    /// Somebody interrupted it: 130.
    Interrupted,
    /// Nobody reads the output any more, `head` for one: success.
    Unread,
}

/// What a command gives back.
pub(crate) type Outcome = Result<(), Failure>;

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        match error {
            config::Error::Token(error) => error.into(),
            config::Error::Unreadable { .. }
            | config::Error::File { .. }
            | config::Error::Variable { .. }
            | config::Error::Missing(_)
            | config::Error::Unknown { .. } => Self::Usage(error.to_string()),
        }
    }
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::Interrupted => Self::Interrupted,
            app::Error::Terminal(_) => Self::Failed(format!("{error}; `frontdesk tail` needs none")),
            app::Error::Broken => Self::Broken,
            app::Error::Signals(_) => Self::Failed(error.to_string()),
        }
    }
}

/// Of writing the output. Other errors of I/O have a better sentence where they happen.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            io::ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Failed(format!("cannot write the output: {error}")),
        }
    }
}

/// A file that can't be written is bad luck; one that says nonsense is a wrong setting.
impl From<crate::login::Error> for Failure {
    fn from(error: crate::login::Error) -> Self {
        use crate::login::Error as E;
        match error {
            E::Io { .. } => Self::Failed(error.to_string()),
            E::Damaged { .. } | E::Newer { .. } | E::NoToken { .. } | E::BadToken => {
                Self::Usage(error.to_string())
            }
        }
    }
}

/// Of a log that somebody asked for.
impl From<crate::telemetry::Error> for Failure {
    fn from(error: crate::telemetry::Error) -> Self {
        Self::Usage(format!("{error}; name a file that can be written with --log-file"))
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    caught(command).unwrap_or(ExitCode::from(1))
}

fn command() -> ExitCode {
    let cli = Cli::parse();
    let clock = Clock::system();
    let outcome = match cli.command {
        None => dashboard::run(&cli.dashboard, clock),
        Some(Command::Demo(args)) => demo::run(&args, clock),
        Some(Command::Relay(args)) => relay::run(&args, clock),
        Some(Command::Tail(args)) => tail::run(args, clock),
        Some(Command::Log(args)) => log::run(args, &clock),
        Some(Command::Emit(args)) => emit::run(args, clock),
        Some(Command::Login(args)) => login::run(&args),
        Some(Command::Logout(args)) => logout::run(&args),
        Some(Command::Whoami(args)) => whoami::run(&args),
    };
    match outcome {
        Ok(()) | Err(Failure::Unread) => ExitCode::SUCCESS,
        Err(Failure::Failed(words)) => {
            say(&words);
            ExitCode::from(1)
        }
        Err(Failure::Usage(words)) => {
            say(&words);
            ExitCode::from(2)
        }
        Err(Failure::Broken) => ExitCode::from(1),
        Err(Failure::Interrupted) => ExitCode::from(130),
    }
}

/// The widest line for words that may quote somebody else.
const COLUMNS: usize = 2_000;

/// Words for the person, on stderr. What a server or a file wrote may be in them, so they are made safe here.
pub(crate) fn say(words: &str) {
    let mut stderr = io::stderr();
    for (at, line) in words.lines().enumerate() {
        let before = if at == 0 { "frontdesk: " } else { "" };
        // Nobody is left to be told that stderr is gone.
        let _ = writeln!(stderr, "{before}{}", Untrusted::new(line).line(COLUMNS));
    }
}

/// Runs a command's own work, on this thread alone. What is still going on afterwards is not waited for: the
/// look-up of a host's name, which nothing can stop, may take longer than anybody has patience for.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

/// A line of output. Its text may come from a server, so it is made safe here.
pub(crate) fn print(line: &str) -> Outcome {
    writeln!(io::stdout(), "{}", Untrusted::new(line).line(COLUMNS))?;
    Ok(())
}
