//! `frontdesk logout`: forgets the token that was kept for the backend.

use clap::Args as ClapArgs;

use super::Outcome;
use super::flags::{self, Files, Server};
use super::login::Endpoint;
use crate::login::Forgotten;

/// Forget the token that was kept for the backend
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    backend: Endpoint,
    #[command(flatten)]
    files: Files,
}

/// Forgets a token.
pub(crate) fn run(args: &Args) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.server, &args.backend.as_backend()])?;
    let origin = settings.token_origin()?;
    let store = settings.store()?;
    let forgotten = store.forget(&origin)?;
    let origin = origin.ascii_serialization();
    super::print(&match forgotten {
        Forgotten::Token => format!("logged out at {origin}"),
        Forgotten::Nothing => format!("nobody was logged in at {origin}"),
        Forgotten::DamagedFile => format!(
            "the token file {} was damaged and is removed: nobody is logged in anywhere",
            store.path().display()
        ),
    })
}
