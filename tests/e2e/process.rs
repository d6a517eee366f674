//! A child process whose lines are read as they come, and which ends with its owner.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use frontdesk::time::monotonic;

/// How long anything may take that a test waits for, on a machine that is busy with all the other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A running program, known by a name in messages.
pub(crate) struct Process {
    name: String,
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    transcript: Arc<Mutex<String>>,
}

/// Which of a process's outputs.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Process {
    pub(crate) fn start(name: impl Into<String>, mut command: Command) -> Self {
        let name = name.into();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let transcript = Arc::default();
        let out = lines(child.stdout.take().unwrap(), "out", &transcript);
        let err = lines(child.stderr.take().unwrap(), "err", &transcript);
        Self { name, child, out, err, transcript }
    }

    /// Writes a line to the process.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line, if one comes in time.
    pub(crate) fn line(&self, stream: Stream, within: Duration) -> Option<String> {
        self.stream(stream).recv_timeout(within).ok()
    }

    /// Reads on until a line is what the test waits for.
    pub(crate) fn until<T>(&self, stream: Stream, what: &str, mut pick: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = monotonic() + PATIENCE;
        loop {
            match self.stream(stream).recv_timeout(left(deadline)) {
                Ok(line) => {
                    if let Some(picked) = pick(&line) {
                        return picked;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{}: no {what} in time\n{}", self.name, self.transcript())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{}: ended, no {what}\n{}", self.name, self.transcript())
                }
            }
        }
    }

    /// Waits until the process ends by itself.
    pub(crate) fn end(&mut self) -> ExitStatus {
        // Both streams end with the process.
        let deadline = monotonic() + PATIENCE;
        for stream in [Stream::Out, Stream::Err] {
            while let Err(RecvTimeoutError::Timeout) | Ok(_) =
                self.stream(stream).recv_timeout(left(deadline))
            {
                assert!(monotonic() < deadline, "{} does not end\n{}", self.name, self.transcript());
            }
        }
        self.child.wait().unwrap()
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to end, as `kill` does.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// All that the process has printed.
    pub(crate) fn transcript(&self) -> String {
        self.transcript.lock().unwrap().clone()
    }

    fn stream(&self, stream: Stream) -> &Receiver<String> {
        match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(monotonic())
}

fn lines(
    from: impl Read + Send + 'static,
    name: &'static str,
    into: &Arc<Mutex<String>>,
) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let transcript = Arc::clone(into);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            writeln!(transcript.lock().unwrap(), "  {name}| {line}").unwrap();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
