//! What the tests stand on: a home, runs of the binary in it, a relay, and a backend that answers as told.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use tempfile::TempDir;

/// A home, and an empty environment around it.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), variables: Vec::new() }
    }

    /// The home with this variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file in the home; its path is absolute.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary with these arguments, in this home.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
        command.args(args).env_clear().env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("the binary").into()
    }

    /// Runs it to its end with this text to read.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = self.command(args);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.expect("the binary");
        // A process that does not read its stdin may be gone by now.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        child.wait_with_output().expect("its end").into()
    }
}

/// A relay that runs until it is dropped.
pub(crate) struct Relay {
    pub(crate) child: Child,
    pub(crate) port: u16,
    out: BufReader<std::process::ChildStdout>,
}

impl Relay {
    /// Starts one on a free port with these further arguments, and waits until it listens.
    pub(crate) fn start(home: &Home, args: &[&str]) -> Self {
        let mut command = home.command(&["relay", "--listen", "localhost:0"]);
        let spawned = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.expect("the binary");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a first line");
        let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split_whitespace().next());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {line:?}"));
        Self { child, port, out }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://localhost:{}", self.port)
    }

    /// Asks for the end and waits for it.
    pub(crate) fn stop(mut self) -> Ran {
        signal(&self.child, "TERM");
        let code = self.child.wait().expect("its end").code();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.out.read_to_string(&mut stdout).expect("its output");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("its log");
        Ran { code, stdout, stderr }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It has ended by itself where a test has stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(status.expect("kill").success());
}

/// A backend on a free port that gives each request the answer for its path: status line, headers and body.
pub(crate) fn backend(answer: impl Fn(&str, &str) -> (&'static str, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            serve(stream, &answer);
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&str, &str) -> (&'static str, String)) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let (mut line, mut length) = (String::new(), 0);
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let (status, text) = answer(&path, &String::from_utf8_lossy(&body));
    let length = text.len();
    // Whoever asked may have gone.
    let _ =
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}");
}

/// Every file below a folder, as text.
pub(crate) fn all_text_below(folder: &Path) -> String {
    let mut text = String::new();
    let Ok(entries) = fs::read_dir(folder) else { return text };
    for entry in entries.map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&all_text_below(&path));
        } else {
            text.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()));
        }
    }
    text
}
