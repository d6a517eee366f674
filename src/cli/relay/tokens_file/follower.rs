//! A running relay's look at the file: read anew when it has changed, and only then.

use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::TokensFile;
use crate::relay::Tokens;

/// How often a running relay looks whether the file has changed.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a file looks from outside; none where it is not there.
pub(super) type Stamp = Option<(SystemTime, u64)>;

pub(super) fn stamp(metadata: io::Result<fs::Metadata>) -> Stamp {
    let metadata = metadata.ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Reads the file anew when it has changed.
#[derive(Debug)]
pub(in crate::cli::relay) struct Follower {
    pub(super) file: TokensFile,
    pub(super) seen: Stamp,
}

impl Follower {
    /// The file that is followed.
    pub(in crate::cli::relay) fn file(&self) -> &TokensFile {
        &self.file
    }

    /// Puts the file's tokens into the channel whenever it has changed, until nobody listens there. A file that
    /// can't be used is said so once, and the old tokens stay.
    pub(in crate::cli::relay) async fn run(mut self, told: watch::Sender<Tokens>) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told.closed() => return,
                _ = looks.tick() => {}
            }
            let stamp = stamp(tokio::fs::metadata(&self.file.path).await);
            if stamp == self.seen {
                continue;
            }
            self.seen = stamp;
            match self.file.text().and_then(|text| self.file.parse(&text)) {
                Ok(tokens) => {
                    let names: Vec<&str> = tokens.iter().map(|token| token.name.as_str()).collect();
                    tracing::info!(?names, "the tokens file {} has changed", self.file.path.display());
                    told.send_replace(tokens);
                }
                Err(error) => tracing::warn!("the tokens stay as they were: {error}"),
            }
        }
    }
}
