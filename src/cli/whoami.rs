//! `frontdesk whoami`: whose the token is, and which of the channels it may join.

use clap::Args as ClapArgs;

use super::flags::{self, Backend, Channels, Files, Server};
use super::{Failure, Outcome, block_on, login};
use crate::config::Settings;
use crate::login::{BackendError, Login};
use crate::telemetry;

/// Say whose the token is, and which of the channels it may join
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    backend: Backend,
    #[command(flatten)]
    channels: Channels,
    #[command(flatten)]
    files: Files,
}

/// Asks the backend, and says what it said.
pub(crate) fn run(args: Args) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.server, &args.backend, &args.channels])?;
    let _log = telemetry::start(&settings.telemetry(None, false))?;
    let origin = settings.token_origin()?.ascii_serialization();
    let Some(login) = settings.login()? else {
        return Err(Failure::Failed(format!("not logged in at {origin}; run `frontdesk login`")));
    };
    block_on(person(&settings, &login))
}

async fn person(settings: &Settings, login: &Login) -> Outcome {
    let Some(url) = &settings.user_url else { return Ok(()) };
    match login::backend(settings)?.user(url, &login.token).await {
        Ok(user) => {
            let name = user.name.as_deref().unwrap_or("a person without a name");
            let role = user.role.map(|role| format!(", {role}")).unwrap_or_default();
            super::print(&format!("{name}{role}"))
        }
        Err(BackendError::NoRoute { url, status }) => super::print(&format!(
            "the backend does not tell whose the token is: nothing at {url} ({status}); user_url under [auth] names another page"
        )),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}
