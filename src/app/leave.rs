//! The ways in which a process is asked to end.

use std::io;
use std::time::Duration;

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

/// How long a process may take to do what it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// Sees to it that who was asked to end does: a terminal that stays open but takes no more text (Ctrl-S, a
/// stalled connection) holds up whoever writes to it, and with it everything that waits its turn.
///
/// # Errors
/// The system gives no thread, or does not let us listen to signals.
pub fn insist() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("leave".to_owned()).spawn(move || {
        runtime.block_on(async {
            let Ok(mut leave) = Leave::new() else { return };
            let code = match leave.asked().await {
                Asked::ToEnd => 0,
                Asked::ToStop => 130,
            };
            tokio::time::sleep(GRACE).await;
            std::process::exit(code);
        });
    })?;
    Ok(())
}
