//! The file of tokens: found, read, changed as a whole, and read anew when it has changed.
//!
//! What is in it is [`Tokens`]' business; here is where it is and how it is kept. A change is made under a lock,
//! to a copy that takes the file's place at once, so that nobody ever reads half a file; what people wrote
//! into it, comments included, stays. A running relay looks at the file every second.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use toml_edit::{ArrayOfTables, DocumentMut, Item};

use super::super::Failure;
use crate::config::Loaded;
use crate::relay::auth::{BadTokens, Tokens};
use entry::{table, take_out};
use follower::stamp;

mod entry;
mod follower;

pub(super) use entry::Entry;
pub(super) use follower::Follower;

/// The file's name in the relay's folder.
const NAME: &str = "tokens.toml";

/// Where tokens are kept.
#[derive(Clone, Debug)]
pub(super) struct TokensFile {
    path: PathBuf,
    /// Whether somebody named it: then it has to be there.
    named: bool,
}

/// Why the tokens can't be had or kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The file can't be read.
    #[error("cannot read the tokens file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file can't be written.
    #[error("cannot write the tokens file {}: {source}; nothing is changed", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no file of tokens.
    #[error("{}: {reason}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        reason: BadTokens,
    },
    /// The tokens stand in a form that can't be added to.
    #[error("{}: write each token as a [[token]] of its own; nothing is changed", path.display())]
    Inline {
        /// The file.
        path: PathBuf,
    },
    /// The name is another token's.
    #[error(
        "a token for {name} is in {} already; `frontdesk relay token revoke {name}` takes it away",
        path.display()
    )]
    Taken {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// Nobody has this name.
    #[error("no token for {name} is in {}; `frontdesk relay token list` shows which are", path.display())]
    Unknown {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let words = error.to_string();
        match error {
            Error::Unreadable { .. } | Error::Bad { .. } | Error::Inline { .. } => Self::Usage(words),
            Error::Unwritable { .. } | Error::Taken { .. } | Error::Unknown { .. } => Self::Failed(words),
        }
    }
}

impl TokensFile {
    /// The file that a flag names, or the settings, else the one in the relay's folder. None without any: a
    /// machine without a home.
    pub(super) fn find(flag: Option<&Path>, loaded: &Loaded) -> Option<Self> {
        let named = flag.or(loaded.relay.tokens.as_deref());
        let own = || loaded.settings.data_dir.as_ref().map(|folder| folder.join("relay").join(NAME));
        let path = named.map(Path::to_owned).or_else(own)?;
        Some(Self { path, named: named.is_some() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The tokens in it, and who tells when they have changed. One that nobody named may be missing, and holds
    /// none then.
    ///
    /// # Errors
    /// It can't be read, or is no file of tokens.
    pub(super) fn open(self) -> Result<(Tokens, Follower), Error> {
        // What changes after this look is seen at the next one.
        let seen = stamp(fs::metadata(&self.path));
        let tokens = match self.text() {
            Err(Error::Unreadable { ref source, .. }) if !self.named && is_absent(source) => {
                Tokens::default()
            }
            text => self.parse(&text?)?,
        };
        Ok((tokens, Follower { file: self, seen }))
    }

    /// The tokens in it; none where it is not there yet.
    ///
    /// # Errors
    /// It can't be read, or is no file of tokens.
    pub(super) fn read(&self) -> Result<Tokens, Error> {
        self.parse(&self.text_or_none()?)
    }

    /// Keeps one more token, and makes the file if need be.
    ///
    /// # Errors
    /// The name is taken, or the file can't be changed; it is as it was then.
    pub(super) fn add(&self, entry: &Entry<'_>) -> Result<(), Error> {
        self.change(|tokens, document| {
            if tokens.iter().any(|token| token.name == entry.name) {
                return Err(Error::Taken { name: entry.name.to_owned(), path: self.path.clone() });
            }
            let entries = document.entry("token").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
            let entries = entries.as_array_of_tables_mut();
            let entries = entries.ok_or_else(|| Error::Inline { path: self.path.clone() })?;
            entries.push(table(entry));
            Ok(())
        })
    }

    /// Takes a name's tokens away, and says how many there were.
    ///
    /// # Errors
    /// There is none, or the file can't be changed; it is as it was then.
    pub(super) fn remove(&self, name: &str) -> Result<usize, Error> {
        self.change(|tokens, document| {
            if !tokens.iter().any(|token| token.name == name) {
                return Err(Error::Unknown { name: name.to_owned(), path: self.path.clone() });
            }
            let entries = document.get_mut("token").and_then(Item::as_array_of_tables_mut);
            let entries = entries.ok_or_else(|| Error::Inline { path: self.path.clone() })?;
            let (count, comment) = take_out(entries, name);
            if entries.is_empty() {
                document.remove("token");
            }
            let trailing = format!("{comment}{}", document.trailing().as_str().unwrap_or_default());
            document.set_trailing(trailing);
            Ok(count)
        })
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&Tokens, &mut DocumentMut) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let unwritable = |source| Error::Unwritable { path: self.path.clone(), source };
        // Behind a symbolic link the file itself is replaced, not the link.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(unwritable)?;
        let _lock = lock(&path).map_err(unwritable)?;
        let text = self.text_or_none()?;
        let tokens = self.parse(&text)?;
        // Whatever parses as tokens parses as a document.
        let mut document: DocumentMut =
            text.parse().map_err(|_| Error::Inline { path: self.path.clone() })?;
        let done = change(&tokens, &mut document)?;
        let text = document.to_string();
        self.parse(&text)?;
        replace(&path, folder, &text).map_err(unwritable)?;
        Ok(done)
    }

    fn text(&self) -> Result<String, Error> {
        fs::read_to_string(&self.path).map_err(|source| Error::Unreadable { path: self.path.clone(), source })
    }

    fn text_or_none(&self) -> Result<String, Error> {
        match self.text() {
            Err(Error::Unreadable { ref source, .. }) if is_absent(source) => Ok(String::new()),
            text => text,
        }
    }

    fn parse(&self, text: &str) -> Result<Tokens, Error> {
        Tokens::parse(text).map_err(|reason| Error::Bad { path: self.path.clone(), reason })
    }
}

/// Whether there is no such file, or not even its folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Waits until nobody else changes the file. The lock is a file beside it, because the file is replaced.
fn lock(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(name)?;
    lock.lock()?;
    Ok(lock)
}

/// Puts a text in the file's place.
fn replace(path: &Path, folder: &Path, text: &str) -> io::Result<()> {
    // Made for its owner alone (0600) from the first moment.
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    keep_owner(beside.as_file(), path, folder)?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whoever could read the old file, the relay's own user for one, can read the new one; all others can't.
#[cfg(unix)]
fn keep_owner(file: &File, path: &Path, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let Ok(old) = fs::metadata(path) else {
        // Root makes the first one for whom the folder belongs to; everybody else can't, and need not.
        if let Ok(folder) = fs::metadata(folder) {
            let _ = fchown(file, Some(folder.uid()), Some(folder.gid()));
        }
        return Ok(());
    };
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(0o600 | (old.mode() & 0o040)))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::follower::LOOK_EVERY;
    use super::*;
    use crate::relay::Role;

    fn file(folder: &tempfile::TempDir, text: Option<&str>) -> TokensFile {
        let path = folder.path().join("somewhere/tokens.toml");
        if let Some(text) = text {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file");
        }
        TokensFile { path, named: false }
    }

    fn entry(name: &str) -> Entry<'_> {
        Entry { name, role: Role::Staff, sha256: "00".repeat(32), user_id: None, channels: None }
    }

    fn names(file: &TokensFile) -> Vec<String> {
        file.read().expect("tokens").iter().map(|token| token.name.clone()).collect()
    }

    const HAND_WRITTEN: &str = r#"# Who may join what.
# Ask Ayu before you change it.

# The desk at the door.
[[token]]
name = 'sari'   # since May
role = "staff"
token = "1|sari"
channels = [
  "private-staff",  # and
  "private-hall.*",
]

# The office.
[[token]]
role = "admin"
name = "ayu"
token = "2|ayu"

# That is all.
"#;

    #[test]
    fn what_people_wrote_stays_when_a_token_comes_and_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder, Some(HAND_WRITTEN));
        file.add(&entry("budi")).expect("added");
        let text = fs::read_to_string(&file.path).expect("a file");
        for line in HAND_WRITTEN.lines() {
            assert!(text.lines().any(|other| other == line), "{line:?} is gone: {text}");
        }
        assert_eq!(names(&file), ["sari", "ayu", "budi"]);
        assert_eq!(file.remove("budi").expect("removed"), 1);
        let text = fs::read_to_string(&file.path).expect("a file");
        assert_eq!(text, HAND_WRITTEN);
    }

    #[test]
    fn an_entry_takes_its_own_comment_along_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder, Some(HAND_WRITTEN));
        file.remove("sari").expect("removed");
        let text = fs::read_to_string(&file.path).expect("a file");
        assert!(!text.contains("The desk at the door") && !text.contains("since May"), "{text}");
        for kept in ["# Who may join what.\n# Ask Ayu", "\n\n# The office.\n[[token]]", "# That is all."] {
            assert!(text.contains(kept), "{kept:?}: {text}");
        }
        file.remove("ayu").expect("removed");
        let text = fs::read_to_string(&file.path).expect("a file");
        assert_eq!(text, "# Who may join what.\n# Ask Ayu before you change it.\n\n# That is all.\n");
        file.add(&entry("budi")).expect("added");
        assert_eq!(names(&file), ["budi"]);
    }

    #[test]
    fn every_entry_of_a_name_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder, Some(&HAND_WRITTEN.replace("\"ayu\"", "\"sari\"")));
        assert_eq!(file.remove("sari").expect("removed"), 2);
        assert!(names(&file).is_empty());
    }

    #[test]
    fn a_refused_change_leaves_the_file_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let inline = "token = [{ name = \"a\", role = \"staff\", token = \"t\" }]\n";
        let cases = [
            (HAND_WRITTEN, "sari", "already", "is in"),
            ("[[token]]\nname = \"a\"\n", "b", "line 1: missing field `role`", "line 1"),
            ("\n[[token]\n", "b", "line 2", "line 2"),
            (inline, "b", "[[token]]", "no token for b"),
        ];
        for (text, name, added, removed) in cases {
            let file = file(&folder, Some(text));
            let error = file.add(&entry(name)).expect_err(text).to_string();
            assert!(error.contains(added), "{text}: {error}");
            if name != "sari" {
                let error = file.remove(name).expect_err(text).to_string();
                assert!(error.contains(removed), "{text}: {error}");
            }
            assert_eq!(fs::read_to_string(&file.path).expect("a file"), text);
        }
    }

    #[test]
    fn two_at_once_both_find_their_token_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder, None);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d", "e", "f"] {
                let file = &file;
                scope.spawn(move || file.add(&entry(name)).expect(name));
            }
        });
        let mut names = names(&file);
        names.sort();
        assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
    }

    #[cfg(unix)]
    #[test]
    fn it_is_its_owners_alone_and_a_link_to_it_stays_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder, None);
        let mode = || fs::metadata(&file.path).expect("a file").permissions().mode() & 0o777;
        file.add(&entry("a")).expect("added");
        assert_eq!(mode(), 0o600);
        for (before, after) in [(0o644, 0o640), (0o600, 0o600), (0o666, 0o640)] {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(before)).expect("changed");
            file.add(&entry("b")).expect("added");
            assert_eq!(mode(), after);
            file.remove("b").expect("removed");
        }
        let link = TokensFile { path: folder.path().join("link.toml"), named: true };
        std::os::unix::fs::symlink(&file.path, &link.path).expect("a link");
        link.add(&entry("c")).expect("added");
        assert!(fs::symlink_metadata(&link.path).expect("a link").is_symlink());
        assert_eq!(names(&file), ["a", "c"]);
    }

    #[tokio::test]
    async fn a_change_is_told_and_a_fault_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder, None);
        let (tokens, follower) = file.clone().open().expect("no file is no token");
        assert!(tokens.is_empty());
        tokio::time::pause();
        let (told, mut tokens) = watch::channel(tokens);
        let task = tokio::spawn(follower.run(told));
        for (name, count) in [("a", 1), ("b", 2)] {
            file.add(&entry(name)).expect("added");
            tokens.changed().await.expect("told");
            assert_eq!(tokens.borrow_and_update().iter().count(), count);
        }
        let good = fs::read_to_string(&file.path).expect("a file");
        fs::write(&file.path, "nonsense").expect("written");
        let waited = tokio::time::timeout(LOOK_EVERY * 5, tokens.changed()).await;
        assert!(waited.is_err(), "the old tokens stay");
        fs::remove_file(&file.path).expect("removed");
        let waited = tokio::time::timeout(LOOK_EVERY * 5, tokens.changed()).await;
        assert!(waited.is_err(), "also without a file");
        fs::write(&file.path, good.replace("\"b\"", "\"c\"")).expect("written");
        tokens.changed().await.expect("told");
        assert!(tokens.borrow().iter().any(|token| token.name == "c"));
        drop(tokens);
        task.await.expect("ends when nobody listens");
    }

    #[test]
    fn a_file_that_somebody_named_has_to_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = TokensFile { named: true, ..file(&folder, None) };
        assert!(matches!(file.open(), Err(Error::Unreadable { .. })));
    }
}
