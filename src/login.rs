//! Where the token is kept, and for which origin.
//!
//! One file in the data directory, readable by its owner alone, holds a token for each origin that `login`
//! was run for, with the name and role that the backend gave. A token is only ever handed out for the origin
//! it was kept under. The file is replaced as a whole, so that a machine that dies in the middle leaves the
//! old one; a file that is damaged all the same is said to be so and is never guessed at: the next login
//! replaces it, the next logout removes it. [`Backend`] asks for a token, and whose one is.

mod backend;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Origin;

pub use backend::{Backend, Error as BackendError, User};

/// The file's version. An older one would be migrated; a newer one is left alone.
const VERSION: u32 = 1;

/// A token that was kept.
#[derive(Clone, Debug)]
pub struct Login {
    /// The bearer token.
    pub token: SecretString,
    /// Whose it is, where the backend said so.
    pub name: Option<String>,
    /// What the backend calls its role, `staff` or `admin`.
    pub role: Option<String>,
}

/// The file of tokens.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// What became of a token that was to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It is forgotten.
    Token,
    /// There was none.
    Nothing,
    /// The file was damaged and is removed, with whatever tokens it held.
    DamagedFile,
}

/// Why a token can't be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or its folder can't be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no file of tokens.
    #[error(
        "the token file {} is damaged (line {line}); `frontdesk login` replaces it, `frontdesk logout` removes it",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A later frontdesk wrote the file.
    #[error(
        "the token file {} has version {found}, this frontdesk knows {VERSION}; use the newer frontdesk",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A file that should hold one token holds something else.
    #[error("{} holds no token: expected one line, the token alone", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// A text that can't be sent as a token.
    #[error("this is no token: expected one word of visible ASCII characters")]
    BadToken,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(default)]
    tokens: BTreeMap<String, Entry>,
}

impl Default for File {
    fn default() -> Self {
        Self { version: VERSION, tokens: BTreeMap::new() }
    }
}

#[derive(Serialize, Deserialize)]
struct Entry {
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

impl Store {
    /// The store in this data directory. Nothing is touched yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join("token") }
    }

    /// Where the tokens are kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept for an origin.
    ///
    /// # Errors
    /// The file is there and can't be read or understood.
    pub fn get(&self, origin: &Origin) -> Result<Option<Login>, Error> {
        let entry = self.read()?.tokens.remove(&origin.ascii_serialization());
        Ok(entry.map(|entry| Login { token: entry.token.into(), name: entry.name, role: entry.role }))
    }

    /// Keeps a token for an origin, in the place of an earlier one, and a new file in the place of a damaged one:
    /// nothing can be had from that any more.
    ///
    /// # Errors
    /// The file can't be written, or a newer frontdesk's is there.
    pub fn put(&self, origin: &Origin, login: &Login) -> Result<(), Error> {
        let mut file = match self.read() {
            Err(Error::Damaged { .. }) => File::default(),
            read => read?,
        };
        let entry = Entry {
            token: login.token.expose_secret().to_owned(),
            name: login.name.clone(),
            role: login.role.clone(),
        };
        file.tokens.insert(origin.ascii_serialization(), entry);
        self.write(&file)
    }

    /// Forgets the token of an origin; a damaged file, which may hold it, goes as a whole.
    ///
    /// # Errors
    /// The file can't be written or removed, or is a newer frontdesk's.
    pub fn forget(&self, origin: &Origin) -> Result<Forgotten, Error> {
        let mut file = match self.read() {
            Err(Error::Damaged { .. }) => {
                self.remove()?;
                return Ok(Forgotten::DamagedFile);
            }
            read => read?,
        };
        if file.tokens.remove(&origin.ascii_serialization()).is_none() {
            return Ok(Forgotten::Nothing);
        }
        if file.tokens.is_empty() {
            self.remove()?;
        } else {
            self.write(&file)?;
        }
        Ok(Forgotten::Token)
    }

    fn remove(&self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|source| self.io("remove", source))
    }

    fn read(&self) -> Result<File, Error> {
        let text = match fs::read(&self.path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| self.damaged(1))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(File::default());
            }
            Err(source) => return Err(self.io("read", source)),
        };
        let file: File = serde_json::from_str(&text).map_err(|error| self.damaged(error.line()))?;
        if file.version > VERSION {
            return Err(Error::Newer { path: self.path.clone(), found: file.version });
        }
        if file.tokens.values().any(|entry| check(&entry.token).is_err()) {
            return Err(self.damaged(1));
        }
        Ok(file)
    }

    /// Writes a file beside the old one and moves it into its place.
    fn write(&self, file: &File) -> Result<(), Error> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let text = serde_json::to_string_pretty(file).unwrap_or_default();
        let written = fs::create_dir_all(folder).and_then(|()| {
            // Made for its owner alone (0600) from the first moment.
            let mut beside = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(beside, "{text}")?;
            beside.as_file().sync_all()?;
            beside.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(|source| self.io("write", source))
    }

    fn io(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Io { doing, path: self.path.clone(), source }
    }

    fn damaged(&self, line: usize) -> Error {
        Error::Damaged { path: self.path.clone(), line: line.max(1) }
    }
}

/// The token in a file that holds it alone (`--token-file`).
///
/// # Errors
/// The file can't be read, or holds something else.
pub fn read_token_file(path: &Path) -> Result<SecretString, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    parse_token(&text).map_err(|_| Error::NoToken { path: path.to_owned() })
}

/// A token as somebody typed or piped it: spaces around it and a leading `Bearer` do not count.
///
/// # Errors
/// What is left can't be sent in a header.
pub fn parse_token(text: &str) -> Result<SecretString, Error> {
    let text = text.trim();
    let named = text.strip_prefix("Bearer").filter(|rest| rest.is_empty() || rest.starts_with(' '));
    let token = named.unwrap_or(text).trim_start();
    check(token)?;
    Ok(token.into())
}

fn check(token: &str) -> Result<(), Error> {
    let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(()) } else { Err(Error::BadToken) }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse::<Url>().expect(text).origin()
    }

    fn login(token: &str) -> Login {
        Login { token: token.into(), name: Some("sari".into()), role: Some("staff".into()) }
    }

    #[test]
    fn a_token_belongs_to_the_origin_it_was_kept_for_and_to_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(&folder.path().join("not/yet/there"));
        let home = origin("http://localhost:6001/api/broadcasting/auth");
        assert!(store.get(&home).expect("no file is no token").is_none());
        store.put(&home, &login("3|secret")).expect("kept");
        let kept = store.get(&origin("http://localhost:6001")).expect("read").expect("there");
        assert_eq!(
            (kept.token.expose_secret(), kept.name.as_deref(), kept.role.as_deref()),
            ("3|secret", Some("sari"), Some("staff"))
        );
        for other in
            ["https://localhost:6001", "http://localhost:6002", "http://127.0.0.1:6001", "http://localhost"]
        {
            assert!(store.get(&origin(other)).expect("read").is_none(), "{other}");
        }
        store.put(&origin("https://b.test"), &login("b")).expect("kept");
        assert_eq!(store.forget(&home).expect("forgotten"), Forgotten::Token);
        assert_eq!(store.forget(&home).expect("nothing left"), Forgotten::Nothing);
        assert_eq!(store.forget(&origin("https://b.test")).expect("forgotten"), Forgotten::Token);
        assert!(!store.path().exists(), "the last token takes the file along");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone_also_when_it_was_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path());
        store.put(&origin("http://a.test"), &login("a")).expect("kept");
        fs::set_permissions(store.path(), fs::Permissions::from_mode(0o644)).expect("opened");
        store.put(&origin("http://a.test"), &login("b")).expect("kept");
        let mode = fs::metadata(store.path()).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 1, "nothing is left beside the file");
    }

    #[test]
    fn every_half_of_a_file_is_said_to_be_damaged_and_makes_room_for_a_login_and_a_logout() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path());
        let home = origin("http://a.test");
        store.put(&home, &login("3|secret")).expect("kept");
        let whole = fs::read_to_string(store.path()).expect("a file");
        for end in 0..whole.trim_end().len() {
            fs::write(store.path(), &whole[..end]).expect("cut");
            let error = store.get(&home).expect_err("half a file").to_string();
            assert!(error.contains("damaged") && error.contains("frontdesk login"), "{error}");
            assert!(!error.contains("secret"), "{error}");
            assert_eq!(fs::read_to_string(store.path()).expect("a file"), whole[..end], "left as it is");
            assert_eq!(store.forget(&home).expect("removed"), Forgotten::DamagedFile);
            assert!(store.get(&home).expect("no file is no token").is_none());
            fs::write(store.path(), &whole[..end]).expect("cut");
            store.put(&home, &login("b")).expect("replaced");
            assert_eq!(store.get(&home).expect("read").expect("there").token.expose_secret(), "b");
        }
        for garbage in [
            &b"\xff\xfe\x00"[..],
            b"null",
            b"[]",
            b"{\"version\":1,\"tokens\":{\"a\":{\"token\":\"x\\u001b[2J\"}}}",
        ] {
            fs::write(store.path(), garbage).expect("garbage");
            assert!(matches!(store.get(&home), Err(Error::Damaged { .. })));
        }
        let newer = "{\"version\":2,\"tokens\":{}}";
        fs::write(store.path(), newer).expect("a newer file");
        assert!(matches!(store.get(&home), Err(Error::Newer { found: 2, .. })));
        assert!(matches!(store.put(&home, &login("b")), Err(Error::Newer { .. })));
        assert!(matches!(store.forget(&home), Err(Error::Newer { .. })));
        assert_eq!(fs::read_to_string(store.path()).expect("a file"), newer, "a newer file is left alone");
    }

    #[test]
    fn a_typed_token_is_one_word() {
        for good in ["3|abc", " 3|abc\n", "Bearer 3|abc", "3|abc\r\n"] {
            assert_eq!(parse_token(good).expect(good).expose_secret(), "3|abc", "{good:?}");
        }
        for bad in ["", " \n", "two words", "a\nb", "a\u{1b}[2J", "é", "Bearer "] {
            assert!(matches!(parse_token(bad), Err(Error::BadToken)), "{bad:?}");
        }
    }
}
