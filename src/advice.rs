//! What a person can do next, where something is not heard: one word of the vocabulary that the client, which
//! knows the reason, and the screens, which tell it, share.
//!
//! Its sentences are in English here, for logs and for `tail`; for the screens each language's catalogue has
//! them.

use std::fmt;

/// What a person can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Nothing: it is tried again by itself.
    Wait,
    /// Get a token.
    LogIn,
    /// Have the token's user allowed to join.
    AskForRights,
    /// Name the auth endpoint.
    SetEndpoint,
    /// Correct the auth endpoint's address.
    CheckEndpoint,
    /// Find out what redirects the auth endpoint.
    CheckRedirect,
    /// Put the auth route behind `auth:sanctum`, outside the web group.
    CheckMiddleware,
    /// Look into the backend's log, if it does not pass by itself.
    CheckBackend,
    /// Make server and backend use one app.
    CheckEnvironment,
    /// Make server and backend use one secret.
    CheckSecret,
    /// Use https for the auth endpoint.
    UseHttps,
    /// Use `wss://`.
    UseTls,
    /// Correct the app key.
    CheckKey,
    /// Correct the server's address.
    CheckUrl,
    /// Correct the host's name.
    CheckHost,
    /// Start the other side, or open the way to it.
    CheckReachable,
    /// Trust the server's authority, or renew its certificate.
    CheckCertificate,
    /// Use a server of protocol 7.
    CheckServer,
    /// Talk to whoever runs the server.
    AskOperator,
    /// Correct the settings.
    CheckSettings,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wait => "nothing to do: it is tried again by itself",
            Self::LogIn => "run frontdesk login",
            Self::AskForRights => {
                "log in as somebody who may, or allow it in the backend's routes/channels.php"
            }
            Self::SetEndpoint => "name the backend's auth endpoint with --auth-endpoint",
            Self::CheckEndpoint => {
                "check --auth-endpoint; Laravel's is /api/broadcasting/auth or /broadcasting/auth"
            }
            Self::CheckRedirect => {
                "check the endpoint's scheme and host, and that its route is behind auth:sanctum"
            }
            Self::CheckMiddleware => "the route belongs behind auth:sanctum, outside the web middleware",
            Self::CheckBackend => "it is tried again by itself; the backend's log says why it fails",
            Self::CheckEnvironment => {
                "server and backend are of two environments: compare their PUSHER_APP_KEY"
            }
            Self::CheckSecret => "server and backend do not agree: compare their PUSHER_APP_SECRET",
            Self::UseHttps => "use https for the auth endpoint, or set insecure_auth = true",
            Self::UseTls => "use wss:// in --url",
            Self::CheckKey => "check --key: the server's PUSHER_APP_KEY",
            Self::CheckUrl => "check --url: host, port and path",
            Self::CheckHost => "check the host's name in --url",
            Self::CheckReachable => "is the server running, and the port open?",
            Self::CheckCertificate => "check the server's certificate, its name and its date, or set ca_file",
            Self::CheckServer => "the server speaks another version of the protocol",
            Self::AskOperator => "ask whoever runs the server",
            Self::CheckSettings => "correct the settings",
        })
    }
}
