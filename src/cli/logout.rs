//! `frontdesk logout`: forgets the token that was kept for the backend.

use clap::Args as ClapArgs;

use super::Outcome;
use super::flags::{self, Files, Server};
use super::login::Endpoint;

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
    let known = settings.store()?.forget(&origin)?;
    let origin = origin.ascii_serialization();
    super::print(&if known {
        format!("logged out at {origin}")
    } else {
        format!("nobody was logged in at {origin}")
    })
}
