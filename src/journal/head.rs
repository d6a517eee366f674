//! How far a history has come, beside the files that hold it.
//!
//! A small file, rewritten in place after every commit, names the history (its epoch), the last offset that was
//! acknowledged, and itself, by the moment at which it was made. So it is noticed at the next opening when the
//! files next to it have lost something (their last offset is lower), and when the whole folder is a copy that
//! was put back (the copy of the file was made at another moment than it says). It is written after what it
//! tells is durable and not synced itself: after a power cut it may be behind the truth, never ahead of it.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::private;

/// The file's name.
const NAME: &str = "head";
/// Bytes of the file; every writing is one of that length.
const LENGTH: usize = 96;

/// What the file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Which history.
    pub(super) epoch: u64,
    /// The last offset that was acknowledged.
    pub(super) offset: u64,
    /// Whether the file is the very one that was written, and no copy.
    pub(super) original: bool,
}

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct Head {
    file: File,
    born: u128,
}

impl Head {
    /// Reads what a folder's file tells; none if there is none that can be understood.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Told>> {
        let mut file = match File::open(folder.join(NAME)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut words = text.split_ascii_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<u128>().ok());
        let (Some(epoch), Some(offset), Some(made), Some(sum)) = (number(), number(), number(), number())
        else {
            return Ok(None);
        };
        let (Ok(epoch), Ok(offset)) = (u64::try_from(epoch), u64::try_from(offset)) else { return Ok(None) };
        let fits = sum == check(epoch, offset, made);
        Ok(fits.then_some(Told { epoch, offset, original: made == born(&file) }))
    }

    /// Opens the file, making it if need be.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        let file = private::create(&path)?;
        let born = born(&file);
        Ok(Self { file, born })
    }

    /// Writes how far the history has come.
    pub(super) fn write(&mut self, epoch: u64, offset: u64) -> io::Result<()> {
        let sum = check(epoch, offset, self.born);
        let text = format!("{epoch} {offset} {} {sum}", self.born);
        self.file.rewind()?;
        self.file.write_all(format!("{text:<width$}\n", width = LENGTH - 1).as_bytes())
    }
}

/// When a file was made, in nanoseconds; 0 where the file system does not say.
fn born(file: &File) -> u128 {
    let made = file.metadata().and_then(|metadata| metadata.created());
    made.ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos())
}

/// Tells a whole line from a part of one.
fn check(epoch: u64, offset: u64, born: u128) -> u128 {
    (u128::from(epoch) ^ u128::from(offset).rotate_left(17) ^ born.rotate_left(31)) % 999_983
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_last_is_told_and_a_copy_is_known_for_one() {
        let place = tempfile::tempdir().expect("a folder");
        assert_eq!(Head::read(place.path()).expect("none"), None);
        let mut head = Head::open(place.path()).expect("a head");
        for offset in [u64::MAX, 7, 0, 12_345] {
            head.write(u64::MAX, offset).expect("written");
            let told = Told { epoch: u64::MAX, offset, original: true };
            assert_eq!(Head::read(place.path()).expect("read"), Some(told));
        }
        let other = tempfile::tempdir().expect("a folder");
        std::fs::copy(place.path().join(NAME), other.path().join(NAME)).expect("copied");
        let told = Head::read(other.path()).expect("read").expect("told");
        assert_eq!(told.original, head.born == 0, "only where the file system tells when a file was made");
    }

    #[test]
    fn a_part_of_it_and_garbage_tell_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let mut head = Head::open(place.path()).expect("a head");
        head.write(1 << 60, 1 << 50).expect("written");
        let path = place.path().join(NAME);
        let whole = std::fs::read_to_string(&path).expect("text");
        let text = whole.trim_end();
        for cut in 0..text.len() {
            std::fs::write(&path, &text[..cut]).expect("cut");
            assert_eq!(Head::read(place.path()).expect("read"), None, "{:?}", &text[..cut]);
        }
        std::fs::write(&path, [0xFF; 4096]).expect("garbage");
        assert_eq!(Head::read(place.path()).expect("read"), None);
    }
}
