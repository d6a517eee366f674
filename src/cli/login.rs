//! `frontdesk login`: a token, or an e-mail address and a password, in; a kept token out.

use clap::Args as ClapArgs;
use secrecy::SecretString;

use super::flags::{self, Backend, Files, Server};
use super::{Failure, Outcome, block_on, prompt, say};
use crate::config::Settings;
use crate::login::{self, BackendError, Login};
use crate::{telemetry, tls};

/// Keep a bearer token for the backend
///
/// Asks for the token without showing it, or takes it from stdin, or gets one for an e-mail address and a
/// password. It is kept for the auth endpoint's origin, readable by you alone, and sent nowhere else.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Take the token from the first line of stdin
    #[arg(long, conflicts_with = "email")]
    token_stdin: bool,
    /// Get a token for this address; the password is asked for (or taken from a pipe)
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    backend: Endpoint,
    #[command(flatten)]
    files: Files,
}

/// As [`Backend`], without the file of a token: there is none yet.
#[derive(Debug, ClapArgs)]
pub(crate) struct Endpoint {
    /// Where the backend authorises subscriptions; the token is kept for its origin [default: `APP_URL`,
    /// else the server, with /api/broadcasting/auth]
    #[arg(long, value_name = "URL", value_parser = crate::config::value::web)]
    auth_endpoint: Option<url::Url>,
}

impl Endpoint {
    pub(crate) fn as_backend(&self) -> Backend {
        Backend { auth_endpoint: self.auth_endpoint.clone(), token_file: None }
    }
}

/// Keeps a token.
pub(crate) fn run(args: &Args) -> Outcome {
    let settings = flags::settings(&args.files, &[&args.server, &args.backend.as_backend()])?;
    let _log = telemetry::start(&settings.telemetry(None, false))?;
    let origin = settings.token_origin()?;
    let store = settings.store()?;
    // What is wrong with the store is said before anybody types.
    match store.get(&origin) {
        Err(login::Error::Damaged { path, .. }) => say(&format!(
            "the token file {} is damaged: this login replaces it, and those at other servers are lost",
            path.display()
        )),
        got => drop(got?),
    }
    let found = if let Some(email) = &args.email {
        let password = SecretString::from(prompt::hidden(&format!("Password of {email}: "))?);
        block_on(exchange(&settings, email, &password))?
    } else {
        let text = if args.token_stdin {
            prompt::first_line()?
        } else {
            prompt::hidden(&format!("Token for {}: ", origin.ascii_serialization()))?
        };
        let token = login::parse_token(&text)?;
        block_on(check(&settings, token))?
    };
    store.put(&origin, &found)?;
    let role = found.role.as_deref().map(|role| format!(", {role}")).unwrap_or_default();
    let who = found.name.as_deref().map(|name| format!(" as {name}{role}")).unwrap_or_default();
    super::print(&format!("logged in at {}{who}", origin.ascii_serialization()))
}

async fn exchange(settings: &Settings, email: &str, password: &SecretString) -> Result<Login, Failure> {
    let Some(url) = &settings.login_url else { return Err(Failure::Usage(NO_URL.to_owned())) };
    match backend(settings)?.exchange(url, email, password).await {
        Ok(login) if login.name.is_some() => Ok(login),
        Ok(login) => check(settings, login.token).await,
        Err(BackendError::NoRoute { url, .. }) => Err(Failure::Failed(format!(
            "{url} takes no logins; name the right page as login_url under [auth] in the settings file, or log in with a token"
        ))),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// Asks the backend whose the token is. A token that it refuses is not kept; one that it can't judge is.
async fn check(settings: &Settings, token: SecretString) -> Result<Login, Failure> {
    let nameless = |token| Ok(Login { token, name: None, role: None });
    let Some(url) = &settings.user_url else { return nameless(token) };
    match backend(settings)?.user(url, &token).await {
        Ok(user) => Ok(Login { token, name: user.name, role: user.role }),
        Err(error @ (BackendError::BadToken { .. } | BackendError::Unsafe { .. })) => {
            Err(Failure::Failed(error.to_string()))
        }
        Err(BackendError::NoRoute { .. }) => nameless(token),
        Err(
            error @ (BackendError::Tls(_)
            | BackendError::Unreachable { .. }
            | BackendError::Refused { .. }
            | BackendError::Odd { .. }),
        ) => {
            say(&format!("the token is kept unchecked: {error}"));
            nameless(token)
        }
    }
}

/// The backend that the settings name.
pub(crate) fn backend(settings: &Settings) -> Result<login::Backend, Failure> {
    let http =
        tls::http_client(settings.ca_file.as_deref()).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(login::Backend::new(http, settings.insecure_auth))
}

const NO_URL: &str = "a hosted cluster does not tell where to log in: name login_url under [auth] in the settings \
                      file, or give --auth-endpoint";
