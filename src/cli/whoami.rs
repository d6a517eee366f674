//! `frontdesk whoami`: whose the token is, and which of the channels it may join.

use clap::Args as ClapArgs;

use super::flags::{self, Backend, Channels, Files, Server};
use super::{Failure, Outcome, block_on, login};
use crate::client::{self, Refusal};
use crate::config::Settings;
use crate::login::{BackendError, Login};
use crate::{telemetry, tls};

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
pub(crate) fn run(args: &Args) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.server, &args.backend, &args.channels])?;
    let _log = telemetry::start(&settings.telemetry(None, false))?;
    let origin = settings.token_origin()?.ascii_serialization();
    let Some(login) = settings.login()? else {
        return Err(Failure::Failed(format!("not logged in at {origin}; run `frontdesk login`")));
    };
    block_on(async {
        person(&settings, &login).await?;
        channels(&settings).await
    })
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

/// Asks for each name that needs a signature whether the token may join.
async fn channels(settings: &Settings) -> Outcome {
    let has_key = settings.key.is_some();
    // Only to see whether the backend signs for the same app: who gives no key does not ask that.
    let options =
        Settings { key: settings.key.clone().or(Some(String::new())), ..settings.clone() }.client()?;
    let http =
        tls::http_client(settings.ca_file.as_deref()).map_err(|error| Failure::Usage(error.to_string()))?;
    let answers = client::may_join(&options, &http).await.map_err(|off| {
        let next = off.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        Failure::Failed(format!("{off}{next}"))
    })?;
    let mut refused = None;
    for (name, refusal) in answers {
        match refusal.filter(|refusal| has_key || !matches!(refusal, Refusal::OtherApp { .. })) {
            None => super::print(&format!("may join      {name}"))?,
            Some(Refusal::NotAllowed) => super::print(&format!("may not join  {name}"))?,
            Some(refusal) => {
                super::print(&format!("not answered  {name}: {refusal}"))?;
                refused.get_or_insert(refusal);
            }
        }
    }
    // A "no" is an answer; no answer is a failure.
    refused.map_or(Ok(()), |refusal| Err(Failure::Failed(format!("{refusal}; {}", refusal.advice()))))
}
