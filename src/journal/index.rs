//! The full-text index: a file of its own beside each day's, filled behind the writing, and made anew if need be.
//!
//! Indexed is an event's name, its channel and its data as a reader sees it: what JSON writes as `\u00e9` is found
//! as é. A search is for all of its words, each the beginning of one. What the index has not come to yet is searched
//! by the very same rules, through an index in memory.

use std::path::Path;

use rusqlite::{Connection, params};

use super::segment::{self, Name, Segment, signed, unsigned};
use super::{Error, Record, private};

/// Entries that are indexed at a time.
const STEP: i64 = 1000;
/// The version of the index; another one is made anew.
const VERSION: i64 = 1;

const TABLE: &str = "
    CREATE VIRTUAL TABLE words USING fts5(
        channel, event, data, content = '', tokenize = 'unicode61 remove_diacritics 2'
    );
    INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
";

/// Brings the index of a file forward by one step, and says whether there is more to do.
pub(super) fn advance(folder: &Path, name: &Name) -> Result<bool, Error> {
    let segment = Segment::read(folder, name.clone())?;
    let last = segment.last().map_err(|source| Error::sqlite("read", &segment.path, source))?;
    let path = name.index(folder);
    let opened = open(&path).and_then(|db| Ok((upto(&db)?, db)));
    let (upto, db) = match opened {
        Ok((upto, db)) if upto <= last => (upto, db),
        // Broken, or made for a file that had more in it.
        Ok(_) | Err(_) => {
            segment::remove(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
            let db = open(&path).map_err(|source| Error::sqlite("index in", &path, source))?;
            (0, db)
        }
    };
    if upto >= last {
        return Ok(false);
    }
    let done = step(&segment, &db, upto).map_err(|source| Error::sqlite("index in", &path, source))?;
    Ok(done < last)
}

fn step(segment: &Segment, db: &Connection, after: u64) -> rusqlite::Result<u64> {
    let mut rows = segment.db.prepare(
        "SELECT offset, name, event, data FROM entry JOIN channel ON id = channel
         WHERE offset > ?1 ORDER BY offset LIMIT ?2",
    )?;
    let mut rows = rows.query(params![signed(after), STEP])?;
    let all = rusqlite::Transaction::new_unchecked(db, rusqlite::TransactionBehavior::Immediate)?;
    let mut upto = after;
    while let Some(row) = rows.next()? {
        upto = unsigned(row.get(0)?);
        insert(db, upto, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?)?;
    }
    db.execute("UPDATE done SET upto = ?1", [signed(upto)])?;
    all.commit()?;
    Ok(upto)
}

fn insert(db: &Connection, offset: u64, channel: &str, event: &str, data: &str) -> rusqlite::Result<()> {
    let mut insert =
        db.prepare_cached("INSERT INTO words (rowid, channel, event, data) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![signed(offset), channel, event, legible(data)]).map(|_| ())
}

/// Takes a record out of an index that has it.
pub(super) fn take_out(db: &Connection, record: &Record) -> rusqlite::Result<()> {
    let Record { offset, channel, event, data, .. } = record;
    let mut delete = db.prepare_cached(
        "INSERT INTO words (words, rowid, channel, event, data) VALUES ('delete', ?1, ?2, ?3, ?4)",
    )?;
    delete.execute(params![signed(*offset), channel, event, legible(data)]).map(|_| ())
}

/// Opens an index for writing, making it if need be.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    private::create(path).map_err(|_| rusqlite::Error::InvalidPath(path.to_owned()))?;
    let db = Connection::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // Lost, it is made anew.
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "secure_delete", true)?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE; {TABLE} CREATE TABLE done (upto INTEGER NOT NULL); INSERT INTO done VALUES (0);
             PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    } else if version != VERSION {
        return Err(rusqlite::Error::InvalidQuery);
    }
    Ok(db)
}

/// How far an index has come.
pub(super) fn upto(db: &Connection) -> rusqlite::Result<u64> {
    db.query_row("SELECT upto FROM done", [], |row| row.get(0)).map(unsigned)
}

/// What is searched: words, each the beginning of one that must be there.
#[derive(Clone, Debug)]
pub(super) struct Words(String);

impl Words {
    /// The words of a text; none if nothing in it could be found.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
        let words: Vec<String> = words.map(|word| format!("\"{}\"*", word.replace('"', "\"\""))).collect();
        (!words.is_empty()).then(|| Self(words.join(" ")))
    }
}

/// An index that is searched.
pub(super) struct Searched {
    db: Connection,
    /// How far it has come.
    pub(super) upto: u64,
}

impl Searched {
    /// Opens the index of a file; none where there is none that can be used.
    pub(super) fn open(path: &Path) -> Option<Self> {
        if !path.exists() {
            return None;
        }
        let db = segment::connect_read_only(path).ok()?;
        let upto = upto(&db).ok()?;
        Some(Self { db, upto })
    }

    /// Up to `most` offsets of matches within `after..=upto`, from one end or the other.
    pub(super) fn matches(
        &self,
        words: &Words,
        (after, upto): (u64, u64),
        newest_first: bool,
        most: usize,
    ) -> rusqlite::Result<Vec<u64>> {
        let order = if newest_first { "DESC" } else { "ASC" };
        let mut rows = self.db.prepare_cached(&format!(
            "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid > ?2 AND rowid <= ?3
             ORDER BY rowid {order} LIMIT ?4"
        ))?;
        let upto = signed(upto.min(i64::MAX.cast_unsigned()));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        rows.query_map(params![words.0, signed(after), upto, most], |row| row.get(0).map(unsigned))?.collect()
    }
}

/// Searches records that no index has.
pub(super) struct Scratch(Connection);

impl Scratch {
    /// An empty one.
    pub(super) fn new() -> rusqlite::Result<Self> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(TABLE)?;
        Ok(Self(db))
    }

    /// Keeps of some records those that match.
    pub(super) fn retain(&self, words: &Words, records: &mut Vec<Record>) -> rusqlite::Result<()> {
        let all = self.0.unchecked_transaction()?;
        for Record { offset, channel, event, data, .. } in &*records {
            insert(&self.0, *offset, channel, event, data)?;
        }
        let mut rows = self.0.prepare_cached("SELECT rowid FROM words WHERE words MATCH ?1")?;
        let matching: Result<std::collections::HashSet<i64>, _> =
            rows.query_map([&words.0], |row| row.get(0))?.collect();
        drop(rows);
        // Nothing of it stays.
        all.rollback()?;
        let matching = matching?;
        records.retain(|record| matching.contains(&signed(record.offset)));
        Ok(())
    }
}

/// JSON's text as its reader sees it: without escapes. Of other text nothing that matters changes.
pub(super) fn legible(data: &str) -> String {
    let mut text = String::with_capacity(data.len());
    let mut rest = data;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (meant, length) = escape(&rest[at..]);
        text.push(meant);
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    text
}

/// The character that an escape stands for, and the escape's length in bytes; a backslash that begins none stands
/// for itself.
fn escape(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    };
    match text.as_bytes().get(1) {
        Some(b'n' | b'r' | b't' | b'b' | b'f') => (' ', 2),
        Some(b'/') => ('/', 2),
        Some(b'"') => ('"', 2),
        Some(b'\\') => ('\\', 2),
        Some(b'u') => match unit(0) {
            Some(high @ 0xD800..=0xDBFF) => match unit(6) {
                Some(low @ 0xDC00..=0xDFFF) => {
                    let meant = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    (char::from_u32(meant).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                Some(_) | None => (char::REPLACEMENT_CHARACTER, 6),
            },
            Some(unit) => (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            None => ('\\', 1),
        },
        Some(_) | None => ('\\', 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_anything_else_stays() {
        for (data, expected) in [
            ("plain é", "plain é"),
            (r"Jos\u00e9 S\u00e1nchez", "José Sánchez"),
            (r"\ud83c\udfab ticket", "🎫 ticket"),
            (r#"{\"name\":\"A\/B\"}"#, r#"{"name":"A/B"}"#),
            (r"a\nb\tc", "a b c"),
            (r"C:\x \u12 \uZZZZ \u+0e9 \", r"C:\x \u12 \uZZZZ \u+0e9 \"),
            (r"\ud83c alone", "\u{FFFD} alone"),
            (r"\ud83c\u0041", "\u{FFFD}A"),
            (r"\u", r"\u"),
            (r"\u00é", r"\u00é"),
        ] {
            assert_eq!(legible(data), expected, "{data}");
        }
    }

    #[test]
    fn words_are_searched_whatever_is_in_them() {
        assert!(Words::parse("").is_none() && Words::parse(" * \" - ").is_none());
        for text in ["a", "a b", "\"a", "a OR", "NEAR(a", "a:b", "^a", "(a", "a*", "it's", "x@y.z", "50.000"]
        {
            let words = Words::parse(text).expect(text);
            let scratch = Scratch::new().expect("an index");
            scratch.retain(&words, &mut Vec::new()).expect(text);
        }
    }
}
