//! The ways in which a process is asked to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Error;

/// Waits for a signal to end.
pub(super) struct Leave {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Leave {
    /// From now on these signals no longer end the process by themselves.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ready when one came. A terminal that hangs up and a request to terminate are good ends.
    pub(super) async fn asked(&mut self) -> Result<(), Error> {
        tokio::select! {
            _ = self.hang_up.recv() => Ok(()),
            _ = self.terminate.recv() => Ok(()),
            _ = self.interrupt.recv() => Err(Error::Interrupted),
        }
    }
}
