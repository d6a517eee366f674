//! A folder with one owner at a time.
//!
//! The owner holds an advisory lock on the file `lock` in it, which the kernel frees however the process
//! ends, and has written its process id there for whoever is refused. Reading what is in it takes no lock.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::private;

/// A folder that is ours for as long as this lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Why the folder is not ours.
#[derive(Debug, thiserror::Error)]
pub enum Taking {
    /// Another process has it.
    #[error(
        "{} writes to {}",
        pid.as_ref().map_or("another process".to_owned(), |pid| format!("process {pid}")),
        path.display()
    )]
    Taken {
        /// The folder.
        path: PathBuf,
        /// The other process, if it has had the time to write that down.
        pid: Option<u32>,
    },
    /// It can't be written.
    #[error("cannot write to {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Folder {
    /// Makes the folder if need be, and takes it.
    ///
    /// # Errors
    /// Somebody else has it, or it can't be written.
    pub fn claim(path: &Path) -> Result<Self, Taking> {
        let io = |source| Taking::Io { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(io)?;
        let mut lock = private::create(&path.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // What can't be read is left out of the sentence.
                let _ = lock.read_to_string(&mut text);
                return Err(Taking::Taken { path: path.to_owned(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let written = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        written.map_err(io)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_with_the_firsts_process_and_a_later_one_is_not() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("relay");
        let first = Folder::claim(&path).expect("the first");
        let error = Folder::claim(&path).expect_err("the second").to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        Folder::claim(&path).expect("the next");
    }

    #[test]
    fn a_lock_file_with_garbage_in_it_is_taken_over() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("lock"), b"\xff\xfe 99999999999999999999").expect("garbage");
        Folder::claim(place.path()).expect("ours");
        let text = fs::read_to_string(place.path().join("lock")).expect("our process");
        assert_eq!(text.trim(), std::process::id().to_string());
    }
}
