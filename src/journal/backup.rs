//! A copy of a history, made while it is being written.
//!
//! Each file is copied by one read transaction, the newest last, so that the copy is the history as it was at one
//! moment. Without its head it is no continuation: a relay that is started on it begins a new epoch, and whoever
//! comes back is told of a gap.

use std::fs;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};

use super::segment::{self, Segment};
use super::{Error, private};

/// Copies the history of a folder into another, and says how many files there are.
///
/// # Errors
/// A file can't be read, or the other folder can't be written or has a history already.
pub fn backup(folder: &Path, to: &Path) -> Result<usize, Error> {
    let io = |source| Error::Io { path: to.to_owned(), source };
    fs::create_dir_all(to).map_err(io)?;
    if !segment::list(to)?.is_empty() {
        return Err(io(std::io::ErrorKind::AlreadyExists.into()));
    }
    let mut count = 0;
    for name in segment::list(folder)? {
        let from = match Segment::read(folder, name.clone()) {
            // Retention was quicker.
            Err(_) if !name.path(folder).exists() => continue,
            from => from?,
        };
        let path = name.path(to);
        let copied = || {
            private::create(&path).map_err(|_| rusqlite::Error::InvalidPath(path.clone()))?;
            let mut copy = rusqlite::Connection::open(&path)?;
            match Backup::new(&from.db, &mut copy)?.step(-1)? {
                StepResult::Done => Ok(()),
                // Nobody else writes to the copy, and readers wait for nobody.
                _ => Err(rusqlite::Error::ExecuteReturnedResults),
            }
        };
        copied().map_err(|source| Error::sqlite("copy to", &path, source))?;
        count += 1;
    }
    Ok(count)
}
