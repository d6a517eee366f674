//! The servers that the promises are held against, each in a process of its own on a free port.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use frontdesk::time::monotonic;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::auth;
use crate::node::Node;
use crate::process::{PATIENCE, Process, Stream};
use crate::terminal::Terminal;

pub(crate) const APP: &str = "app-id";
pub(crate) const KEY: &str = "app-key";
pub(crate) const SECRET: &str = "app-secret";

/// The token of an admin, who may join every channel.
pub(crate) const ADMIN: &str = "1|the-token-of-an-admin";
/// The token of user 1, of the staff.
pub(crate) const STAFF: &str = "2|the-token-of-user-1-of-the-staff";

const TOKENS: &str = r#"
[[token]]
name = "ayu"
role = "admin"
token = "1|the-token-of-an-admin"

[[token]]
name = "john"
role = "staff"
token = "2|the-token-of-user-1-of-the-staff"
user_id = 1
"#;

/// The file's name in the server's home.
const SETTINGS: &str = "settings";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// soketi from npm, with an auth endpoint beside it.
    Soketi,
    /// Our own, which answers the auth endpoint itself.
    Relay,
}

/// A running server. Ends with its owner.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    /// Where the auth endpoint is: scheme, host and port.
    pub(crate) auth_origin: String,
    node: Node,
    home: TempDir,
    process: Process,
}

impl Server {
    /// Serves one app, [`APP`].
    pub(crate) fn start(kind: Kind, node: Node) -> Self {
        Self::launch(kind, node, None)
    }

    /// Serves what a settings file of that server says.
    pub(crate) fn start_with(kind: Kind, node: Node, settings: &str) -> Self {
        Self::launch(kind, node, Some(settings))
    }

    fn launch(kind: Kind, node: Node, settings: Option<&str>) -> Self {
        let port = free_port();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("tokens.toml"), TOKENS).unwrap();
        if let Some(settings) = settings {
            fs::write(home.path().join(SETTINGS), settings).unwrap();
        }
        let auth_origin = match kind {
            Kind::Soketi => auth::listen(),
            Kind::Relay => format!("http://127.0.0.1:{port}"),
        };
        let process = Process::start(format!("{kind:?}"), command(kind, node, port, home.path()));
        let server = Self { kind, port, auth_origin, node, home, process };
        server.wait_until_ready();
        server
    }

    /// Ends the server as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks the server to end, as `kill` does.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// Starts it again at the same address.
    pub(crate) fn start_again(&mut self) {
        let command = command(self.kind, self.node, self.port, self.home.path());
        self.process = Process::start(format!("{:?}, again", self.kind), command);
        self.wait_until_ready();
    }

    /// The auth endpoint's address.
    pub(crate) fn auth_endpoint(&self) -> String {
        format!("{}/api/broadcasting/auth", self.auth_origin)
    }

    /// `frontdesk`, with a subcommand or a flag first; it knows the server's address and nothing of this machine.
    pub(crate) fn frontdesk(&self, first: &str) -> Command {
        let mut command = frontdesk(self.home.path());
        command.arg(first).args(["--url", &format!("ws://127.0.0.1:{}", self.port)]);
        command
    }

    /// `frontdesk tail --json` with a token, from an auth endpoint, of some channels.
    pub(crate) fn tail(&self, key: &str, token: &str, auth_endpoint: &str, channels: &str) -> Process {
        let mut command = self.frontdesk("tail");
        command.args(["--json", "--key", key, "--auth-endpoint", auth_endpoint, "--channels", channels]);
        command.env("FRONTDESK_TOKEN", token);
        Process::start(format!("tail of {channels} from {:?}", self.kind), command)
    }

    /// The dashboard with a token, from an auth endpoint, of some channels, on a terminal of its own.
    pub(crate) fn dashboard(&self, key: &str, token: &str, auth_endpoint: &str, channels: &str) -> Terminal {
        let mut command = self.frontdesk("--locale=en");
        command.args(["--key", key, "--auth-endpoint", auth_endpoint, "--channels", channels]);
        command.env("FRONTDESK_TOKEN", token);
        Terminal::start(command, 160, 50)
    }

    /// A backend that publishes with npm's `pusher`.
    pub(crate) fn publisher(&self) -> Publisher {
        let options = json!({"appId": APP, "key": KEY, "secret": SECRET, "host": "127.0.0.1", "port": self.port.to_string()});
        Publisher(Process::start("npm's pusher", self.node.script("publisher.mjs", &options)))
    }

    fn wait_until_ready(&self) {
        let deadline = monotonic() + PATIENCE;
        while !self.is_ready() {
            assert!(monotonic() < deadline, "{:?} is not ready\n{}", self.kind, self.process.transcript());
            // It prints while it starts: a line is the moment to ask again, and silence is the pause.
            for stream in [Stream::Out, Stream::Err] {
                self.process.line(stream, Duration::from_millis(20));
            }
        }
    }

    /// Whether `GET /ready` is answered with 200.
    fn is_ready(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut status = [0; 12];
            stream.read_exact(&mut status).map(|()| status)
        };
        ask().is_ok_and(|status| status.ends_with(b" 200"))
    }
}

/// npm's `pusher`, kept running.
pub(crate) struct Publisher(Process);

impl Publisher {
    /// Publishes one event, and waits for the server's answer.
    pub(crate) fn publish(&mut self, channel: &str, event: &str, data: &Value) {
        self.0.say(&json!({"channel": channel, "event": event, "data": data}).to_string());
        let answer: Value =
            self.0.until(Stream::Out, "answer of the server", |line| serde_json::from_str(line).ok());
        assert_eq!(answer["status"], 200, "{event} on {channel}: {answer}");
        assert!(
            !answer["body"].as_str().unwrap_or_default().contains("error"),
            "{event} on {channel}: {answer}"
        );
    }
}

/// The program under test, with an environment that has nothing but a home.
pub(crate) fn frontdesk(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command.env_clear().env("HOME", home).current_dir(home);
    command
}

fn command(kind: Kind, node: Node, port: u16, home: &Path) -> Command {
    let settings = home.join(SETTINGS);
    match kind {
        Kind::Soketi => {
            let mut command = node.soketi();
            command
                .env("SOKETI_HOST", "127.0.0.1")
                .env("SOKETI_PORT", port.to_string())
                .env("SOKETI_METRICS_SERVER_PORT", free_port().to_string());
            if settings.exists() {
                command.arg("--config").arg(settings);
            } else {
                command
                    .env("SOKETI_DEFAULT_APP_ID", APP)
                    .env("SOKETI_DEFAULT_APP_KEY", KEY)
                    .env("SOKETI_DEFAULT_APP_SECRET", SECRET);
            }
            command
        }
        Kind::Relay => {
            let mut command = frontdesk(home);
            command.args(["relay", "--headless", "--listen", &format!("127.0.0.1:{port}")]);
            if settings.exists() {
                command.arg("--config").arg(settings);
            } else {
                command.args(["--app-id", APP, "--key", KEY, "--secret", SECRET]);
            }
            command.arg("--tokens").arg(home.join("tokens.toml"));
            command.arg("--data-dir").arg(home.join("relay"));
            command
        }
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}
