//! The ways in which a process is asked to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for a signal to end.
#[derive(Debug)]
pub struct Leave {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// How a process was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The terminal hung up, or somebody asked for the end: as good an end as any.
    ToEnd,
    /// Somebody interrupted what was being done.
    ToStop,
}

impl Leave {
    /// From now on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// The system does not let us listen to them.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ready when a signal came. Safe to cancel.
    pub async fn asked(&mut self) -> Asked {
        tokio::select! {
            _ = self.hang_up.recv() => Asked::ToEnd,
            _ = self.terminate.recv() => Asked::ToEnd,
            _ = self.interrupt.recv() => Asked::ToStop,
        }
    }
}
