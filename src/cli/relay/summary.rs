//! What a relay says at its start: where it listens, what it serves, what is open, and what to paste where.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::ExposeSecret;

use super::super::Outcome;
use super::tokens_file::TokensFile;
use crate::relay::{App, Options, Webhook};

/// Prints it, a line each; `place` is where the history is, if it is on disk.
pub(super) fn print(
    addresses: &[SocketAddr],
    options: &Options,
    tokens: Option<&TokensFile>,
    place: Option<&Path>,
) -> Outcome {
    for line in text(addresses, options, tokens, place).lines() {
        super::super::print(line)?;
    }
    Ok(())
}

fn text(
    addresses: &[SocketAddr],
    options: &Options,
    tokens: Option<&TokensFile>,
    place: Option<&Path>,
) -> String {
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{words}");
    };
    let places: Vec<String> = addresses.iter().map(|address| format!("ws://{address}")).collect();
    line(format_args!(
        "frontdesk relay {}, listening on {}",
        env!("CARGO_PKG_VERSION"),
        places.join(" and ")
    ));
    for app in &options.apps {
        line(format_args!("app     {} with the key {}{}", app.id, app.key, remarks(app)));
        for webhook in &app.webhooks {
            line(format_args!("        tells {} of {}", webhook.place(), told(webhook)));
        }
    }
    line(format_args!("open    {}", opened(options)));
    line(format_args!("tokens  {}", bearers(options, tokens)));
    if let Some(forward) = &options.auth_forward {
        line(format_args!("auth    whoever has no such token is asked for at {}", forward.endpoint()));
    }
    line(format_args!("history {}", history(options, place)));
    let (Some(app), Some(address)) = (options.apps.first(), addresses.first()) else { return text };
    let host = if address.ip().is_unspecified() { "THIS-HOST".to_owned() } else { host_of(*address) };
    let port = address.port();
    let default = App::default_app().secret;
    let is_default = app.secret.expose_secret() == default.expose_secret();
    let secret = if is_default { default.expose_secret() } else { "(this app's secret)" };
    line(format_args!(
        "Laravel's .env (before version 11 BROADCAST_DRIVER instead of BROADCAST_CONNECTION):"
    ));
    line(format_args!("  BROADCAST_CONNECTION=pusher"));
    line(format_args!("  PUSHER_APP_ID={}", app.id));
    line(format_args!("  PUSHER_APP_KEY={}", app.key));
    line(format_args!("  PUSHER_APP_SECRET={secret}"));
    line(format_args!("  PUSHER_HOST={host}"));
    line(format_args!("  PUSHER_PORT={port}"));
    line(format_args!("  PUSHER_SCHEME=http"));
    line(format_args!("laravel-echo:"));
    line(format_args!(
        "  {{ broadcaster: \"pusher\", key: \"{}\", cluster: \"\", wsHost: \"{host}\", wsPort: {port}, forceTLS: false, authEndpoint: \"http://{host}:{port}/api/broadcasting/auth\" }}",
        app.key
    ));
    text
}

fn remarks(app: &App) -> String {
    let mut remarks = Vec::new();
    if !app.enabled {
        remarks.push("disabled");
    }
    if app.has_weak_secret() {
        remarks.push("its secret is the default one or short, so for this machine alone");
    }
    if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) }
}

fn told(webhook: &Webhook) -> String {
    let kinds: Vec<_> = webhook.events().iter().map(|kind| kind.name()).collect();
    if kinds.is_empty() { "everything".to_owned() } else { kinds.join(", ") }
}

fn opened(options: &Options) -> String {
    if options.guard.is_empty() {
        return "every public name, to whoever has the app key (--open)".to_owned();
    }
    let names: Vec<String> = options.guard.iter().map(ToString::to_string).collect();
    format!("public names, to this machine all, to others all but {} (--guard)", names.join(", "))
}

fn bearers(options: &Options, file: Option<&TokensFile>) -> String {
    let tokens = options.tokens.borrow();
    let place = file.map(|file| format!(" in {}", file.path().display())).unwrap_or_default();
    if !tokens.is_empty() {
        let names: Vec<String> =
            tokens.iter().map(|token| format!("{} ({})", token.name, token.role)).collect();
        return format!("{}{place}", names.join(", "));
    }
    if options.auth_forward.is_some() {
        return format!("none{place}");
    }
    format!("none{place}, so the auth endpoint here refuses everybody; `frontdesk relay token add` makes one")
}

fn history(options: &Options, place: Option<&Path>) -> String {
    let seconds = options.history.as_secs();
    let words = match seconds {
        0 => return "none".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    };
    match place {
        None => format!("{words}, in memory"),
        Some(place) => format!("{words}, in {}", place.display()),
    }
}

fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) if address.ip().is_loopback() => "localhost".to_owned(),
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) if address.ip().is_loopback() => "localhost".to_owned(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}
