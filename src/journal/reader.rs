//! Reading a history, in this process or in another, while it is being written.
//!
//! Every question is answered in pages, each by a short read transaction, so that nothing a reader does holds the
//! writer up. Files come and go meanwhile; what can't be read is left out, and told in the notes.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::params;

use super::index::{Scratch, Searched, Words};
use super::segment::{self, Name, Segment, moment, signed, unsigned};
use super::{Error, Notes, Record};

/// Channels up to which a look goes by channel; beyond, everything is looked through.
const FEW: usize = 16;
/// Entries that one page looks through.
const LOOK: usize = 20_000;
/// Entries of one page of a scan.
const PAGE: usize = 500;
/// Bytes of data of one page; one entry may always be in it.
const BYTES: usize = 4 << 20;

/// Reads a folder's history.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    files: Vec<File>,
    broken: HashMap<Name, String>,
}

#[derive(Debug)]
struct File {
    segment: Segment,
    channels: HashMap<i64, (String, String)>,
    newest_id: i64,
}

/// What [`Reader::since`] found.
#[derive(Debug, Default)]
pub struct Page {
    /// The entries, oldest first.
    pub records: Vec<Record>,
    /// Everything up to this offset has been looked at.
    pub upto: u64,
    /// Whether there was nothing more when it was read.
    pub last: bool,
}

/// What retention or a loss has taken of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// The last offset that may be gone of any channel.
    pub any: u64,
    /// The last offset that is gone of a channel, by name.
    pub channels: HashMap<String, u64>,
}

/// What to look for. Everything that is left out is not asked for.
pub struct Query<'a> {
    /// One log's, or all.
    pub log: Option<&'a str>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Whether entries of a channel are wanted.
    pub channel: &'a dyn Fn(&str) -> bool,
    /// Whether entries of that name are wanted.
    pub event: &'a dyn Fn(&str) -> bool,
    /// Words that must be in it, each the beginning of one.
    pub text: Option<&'a str>,
    /// Whether the newest come first.
    pub newest_first: bool,
}

impl Default for Query<'_> {
    fn default() -> Self {
        Self {
            log: None,
            from: None,
            until: None,
            channel: &|_| true,
            event: &|_| true,
            text: None,
            newest_first: false,
        }
    }
}

impl Reader {
    /// Opens a folder's history.
    ///
    /// # Errors
    /// The folder can't be read, or a newer program wrote it.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut reader = Self { folder: folder.to_owned(), files: Vec::new(), broken: HashMap::new() };
        reader.refresh()?;
        Ok(reader)
    }

    /// What can't be read, a sentence each.
    pub fn notes(&self) -> Notes {
        let mut broken: Vec<_> = self.broken.iter().collect();
        broken.sort();
        broken.into_iter().map(|(_, why)| why.clone()).collect()
    }

    /// The logs that there are.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn logs(&mut self) -> Result<Vec<String>, Error> {
        self.refresh()?;
        let all = self.files.iter().flat_map(|file| file.channels.values());
        let mut logs: Vec<_> = all.map(|(log, _)| log.clone()).collect();
        logs.sort();
        logs.dedup();
        Ok(logs)
    }

    /// The newest history's epoch, and the last offset in it; none where there is nothing.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn head(&mut self) -> Result<Option<(u64, u64)>, Error> {
        self.refresh()?;
        let newest = self.files.last().map(|file| Ok((file.segment.epoch, file.last()?)));
        newest.transpose()
    }

    /// What of a log is gone from the newest history.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn gone(&mut self, log: &str) -> Result<Gone, Error> {
        self.refresh()?;
        self.gone_of(log)
    }

    fn gone_of(&self, log: &str) -> Result<Gone, Error> {
        let Some(first) = self.chain().first() else { return Ok(Gone::default()) };
        let Segment { db, path, base, .. } = &first.segment;
        let gone = || {
            let facts = db.query_row("SELECT heir, forgotten FROM file", [], |row| {
                Ok((row.get::<_, bool>(0)?, row.get(1).map(unsigned)?))
            })?;
            let (true, any) = facts else {
                return Ok(Gone { any: *base, channels: HashMap::new() });
            };
            let mut rows =
                db.prepare_cached("SELECT name, before FROM channel WHERE log = ?1 AND before > ?2")?;
            let rows = rows
                .query_map(params![log, signed(any)], |row| Ok((row.get(0)?, row.get(1).map(unsigned)?)))?;
            Ok(Gone { any, channels: rows.collect::<Result<_, _>>()? })
        };
        gone().map_err(|source| Error::sqlite("read", path, source))
    }

    /// What the newest history has of a log within `after..=upto`, up to `most` entries of the channels for which
    /// `wanted` tells a floor, each after its own. None if something of them may be gone.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn since(
        &mut self,
        log: &str,
        (after, upto): (u64, u64),
        most: usize,
        wanted: &dyn Fn(&str) -> Option<u64>,
    ) -> Result<Option<Page>, Error> {
        self.refresh()?;
        let gone = self.gone_of(log)?;
        let lacks =
            |(name, gone): (&String, &u64)| wanted(name).is_some_and(|floor| *gone > floor.max(after));
        if gone.any > after || gone.channels.iter().any(lacks) {
            return Ok(None);
        }
        let mut page = Page { records: Vec::new(), upto: after, last: false };
        let mut room = LOOK;
        for file in self.chain() {
            let floors = file.floors(|of, name| if of == log { wanted(name) } else { None });
            let most = most - page.records.len();
            let last = file.last()?.min(upto);
            if last <= page.upto {
                continue;
            }
            let (records, reached) = file.page(&floors, (page.upto, last), false, most, &mut room)?;
            page.records.extend(records);
            page.upto = reached.unwrap_or(last);
            if reached.is_some() {
                return Ok(Some(page));
            }
        }
        page.last = true;
        Ok(Some(page))
    }

    /// Everything that answers a query, in the order of writing or against it.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn find<'a>(&'a mut self, query: Query<'a>) -> Result<Found<'a>, Error> {
        self.refresh()?;
        let words = match query.text {
            None => None,
            Some(text) => match Words::parse(text) {
                Some(words) => Some(words),
                // Nothing is searched for that could be found.
                None => {
                    return Ok(Found {
                        reader: self,
                        query,
                        words: None,
                        left: VecDeque::new(),
                        ready: VecDeque::new(),
                        scratch: None,
                    });
                }
            },
        };
        let mut left = VecDeque::new();
        for (at, file) in self.files.iter().enumerate() {
            let last = file.last()?;
            let indexed = words.as_ref().map(|_| Searched::open(&file.segment.name.index(&self.folder)));
            let indexed = indexed.flatten().map_or(0, |index| index.upto.min(last));
            for (after, upto) in file.ranges(&query, last)? {
                let parts = [(after, upto.min(indexed), true), (after.max(indexed), upto, false)];
                let parts = parts.into_iter().filter(|(after, upto, _)| after < upto);
                left.extend(parts.map(|(after, upto, index)| Part { file: at, after, upto, index }));
            }
        }
        if query.newest_first {
            left = left.into_iter().rev().collect();
        }
        Ok(Found { reader: self, query, words, left, ready: VecDeque::new(), scratch: None })
    }

    /// The files that follow on each other up to the newest.
    fn chain(&self) -> &[File] {
        segment::chain(&self.files, |file| (file.segment.name.number, file.segment.epoch))
    }

    fn refresh(&mut self) -> Result<(), Error> {
        let names = segment::list(&self.folder)?;
        self.files.retain(|file| names.contains(&file.segment.name));
        self.broken.retain(|name, _| names.contains(name));
        for name in names {
            if let Err(at) = self.files.binary_search_by(|file| file.segment.name.cmp(&name)) {
                match Segment::read(&self.folder, name.clone()) {
                    Ok(segment) => {
                        self.broken.remove(&name);
                        self.files.insert(at, File { segment, channels: HashMap::new(), newest_id: 0 });
                    }
                    Err(newer @ Error::Newer { .. }) => return Err(newer),
                    // It has just been removed.
                    Err(_) if !name.path(&self.folder).exists() => {}
                    Err(error) => {
                        self.broken.insert(name, error.to_string());
                    }
                }
            }
        }
        let mut broken = Vec::new();
        for file in &mut self.files {
            if let Err(error) = file.learn() {
                broken.push((file.segment.name.clone(), error.to_string()));
            }
        }
        for (name, error) in broken {
            self.files.retain(|file| file.segment.name != name);
            self.broken.insert(name, error);
        }
        Ok(())
    }
}

impl File {
    /// Learns the channels that are new.
    fn learn(&mut self) -> Result<(), Error> {
        let rows = self.segment.channels(self.newest_id);
        let rows = rows.map_err(|source| Error::sqlite("read", &self.segment.path, source))?;
        for (id, log, name) in rows {
            self.newest_id = self.newest_id.max(id);
            self.channels.insert(id, (log, name));
        }
        Ok(())
    }

    fn last(&self) -> Result<u64, Error> {
        self.segment.last().map_err(|source| Error::sqlite("read", &self.segment.path, source))
    }

    /// The channels that are wanted, by id, each with its floor.
    fn floors(&self, wanted: impl Fn(&str, &str) -> Option<u64>) -> HashMap<i64, u64> {
        let floor = |(id, (log, name)): (&i64, &(String, String))| Some((*id, wanted(log, name)?));
        self.channels.iter().filter_map(floor).collect()
    }

    /// Where in the file a query's times can be, as offsets after one and up to another, in order.
    fn ranges(&self, query: &Query<'_>, last: u64) -> Result<Vec<(u64, u64)>, Error> {
        if query.from.is_none() && query.until.is_none() {
            return Ok(vec![(0, last)]);
        }
        let spans = || {
            let mut rows =
                self.segment.db.prepare_cached("SELECT last, earliest, latest FROM span ORDER BY last")?;
            let span = |row: &rusqlite::Row<'_>| Ok((row.get(0).map(unsigned)?, row.get(1)?, row.get(2)?));
            rows.query_map([], span)?.collect::<rusqlite::Result<Vec<(u64, i64, i64)>>>()
        };
        let spans = spans().map_err(|source| Error::sqlite("read", &self.segment.path, source))?;
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut after = 0;
        // What is not in a span yet can be of any time.
        for (upto, earliest, latest) in spans.into_iter().chain([(last, i64::MIN, i64::MAX)]) {
            let meets = query.from.is_none_or(|from| latest >= from.as_microsecond())
                && query.until.is_none_or(|until| earliest < until.as_microsecond());
            if meets {
                match ranges.last_mut() {
                    Some((_, end)) if *end == after => *end = upto,
                    Some(_) | None => ranges.push((after, upto)),
                }
            }
            after = upto;
        }
        Ok(ranges)
    }

    /// Up to `most` entries within `after..=upto`, of these channels, each after its floor; and the offset up to which
    /// (or, against the order, after which) it has looked, none if that is everything. `room` is how many entries may
    /// still be looked at.
    fn page(
        &self,
        floors: &HashMap<i64, u64>,
        range: (u64, u64),
        newest_first: bool,
        most: usize,
        room: &mut usize,
    ) -> Result<(Vec<Record>, Option<u64>), Error> {
        if floors.is_empty() {
            return Ok((Vec::new(), None));
        }
        let mut page = || {
            if floors.len() > FEW {
                return self.look_through(None, floors, range, newest_first, most, room);
            }
            let all = self.segment.db.unchecked_transaction()?;
            let mut found = Vec::new();
            let mut reached = None;
            for (&id, &floor) in floors {
                let (after, upto) = range;
                let one = (after.max(floor), upto);
                let mut looks = LOOK;
                let (records, upto) =
                    self.look_through(Some(id), floors, one, newest_first, most, &mut looks)?;
                found.extend(records);
                // Beyond the least, something of this one may be missing.
                reached = match (reached, upto) {
                    (Some(one), Some(other)) if newest_first => Some(u64::max(one, other)),
                    (Some(one), Some(other)) => Some(u64::min(one, other)),
                    (one, other) => one.or(other),
                };
            }
            all.finish()?;
            found.sort_unstable_by_key(|record| record.offset);
            if newest_first {
                found.reverse();
            }
            if let Some(reached) = reached {
                found.retain(
                    |record| if newest_first { record.offset > reached } else { record.offset <= reached },
                );
            }
            if found.len() > most {
                found.truncate(most);
                let at = found.last().map_or(0, |record| record.offset);
                reached = Some(if newest_first { at - 1 } else { at });
            }
            *room = room.saturating_sub(found.len());
            Ok((found, reached))
        };
        page().map_err(|source| Error::sqlite("read", &self.segment.path, source))
    }

    fn look_through(
        &self,
        channel: Option<i64>,
        floors: &HashMap<i64, u64>,
        (after, upto): (u64, u64),
        newest_first: bool,
        most: usize,
        room: &mut usize,
    ) -> rusqlite::Result<(Vec<Record>, Option<u64>)> {
        let order = if newest_first { "DESC" } else { "ASC" };
        let of = if channel.is_some() { "channel = ?3" } else { "?3 IS NULL" };
        let mut rows = self.segment.db.prepare_cached(&format!(
            "SELECT offset, channel, at, event, data, note FROM entry
             WHERE offset > ?1 AND offset <= ?2 AND {of} ORDER BY offset {order}"
        ))?;
        let upto = signed(upto.min(i64::MAX.cast_unsigned()));
        let mut rows = rows.query(params![signed(after), upto, channel])?;
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut reached = if newest_first { unsigned(upto) } else { after };
        while let Some(row) = rows.next()? {
            if records.len() == most || *room == 0 || bytes > BYTES {
                return Ok((records, Some(reached)));
            }
            *room -= 1;
            let offset = unsigned(row.get(0)?);
            reached = if newest_first { offset - 1 } else { offset };
            let id: i64 = row.get(1)?;
            if floors.get(&id).is_none_or(|floor| offset <= *floor) {
                continue;
            }
            let Some((log, name)) = self.channels.get(&id) else { continue };
            let record = Record {
                epoch: self.segment.epoch,
                offset,
                at: moment(row.get(2)?),
                log: log.clone(),
                channel: name.clone(),
                event: row.get(3)?,
                data: row.get(4)?,
                note: row.get(5)?,
            };
            bytes += record.data.len();
            records.push(record);
        }
        Ok((records, None))
    }
}

/// What answers a query, one after the other. Ends with the first error.
pub struct Found<'a> {
    reader: &'a mut Reader,
    query: Query<'a>,
    words: Option<Words>,
    left: VecDeque<Part>,
    ready: VecDeque<Record>,
    scratch: Option<Scratch>,
}

/// Some of a file that is still to be looked through.
struct Part {
    file: usize,
    after: u64,
    upto: u64,
    /// Whether the index has it.
    index: bool,
}

impl Found<'_> {
    /// Looks at the next page.
    fn advance(&mut self) -> Result<(), Error> {
        let Some(part) = self.left.front_mut() else { return Ok(()) };
        let Query { log, from, until, channel, event, newest_first, .. } = self.query;
        let file = &self.reader.files[part.file];
        let range = (part.after, part.upto);
        let (mut records, reached) = if let (Some(words), true) = (&self.words, part.index) {
            file.matches(&self.reader.folder, words, range, newest_first)?
        } else {
            let wanted =
                |of: &str, name: &str| (log.is_none_or(|log| log == of) && channel(name)).then_some(0);
            file.page(&file.floors(wanted), range, newest_first, PAGE, &mut { LOOK })?
        };
        match reached {
            Some(reached) if newest_first => part.upto = reached,
            Some(reached) => part.after = reached,
            None => part.upto = part.after,
        }
        let (index, path) = (part.index, &file.segment.path);
        if part.after >= part.upto {
            self.left.pop_front();
        }
        records.retain(|record| {
            log.is_none_or(|log| log == record.log)
                && channel(&record.channel)
                && event(&record.event)
                && from.is_none_or(|from| record.at >= from)
                && until.is_none_or(|until| record.at < until)
        });
        if let (Some(words), false) = (&self.words, index) {
            let mut searched = || {
                let scratch = match self.scratch.take() {
                    Some(scratch) => scratch,
                    None => Scratch::new()?,
                };
                self.scratch.insert(scratch).retain(words, &mut records)
            };
            searched().map_err(|source| Error::sqlite("search", path, source))?;
        }
        self.ready.extend(records);
        Ok(())
    }
}

impl File {
    /// The same as a page, of what the index has.
    fn matches(
        &self,
        folder: &Path,
        words: &Words,
        range: (u64, u64),
        newest_first: bool,
    ) -> Result<(Vec<Record>, Option<u64>), Error> {
        let Some(index) = Searched::open(&self.segment.name.index(folder)) else {
            return Ok((Vec::new(), None));
        };
        let found = || {
            let offsets = index.matches(words, range, newest_first, PAGE)?;
            let full = offsets.len() == PAGE;
            let reached =
                offsets.last().filter(|_| full).map(|&last| if newest_first { last - 1 } else { last });
            let mut records = Vec::new();
            for offset in offsets {
                records.extend(self.segment.record(offset)?);
            }
            Ok((records, reached))
        };
        found().map_err(|source| Error::sqlite("search", &self.segment.path, source))
    }
}

impl Iterator for Found<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.left.is_empty() {
            if let Err(error) = self.advance() {
                self.left.clear();
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
