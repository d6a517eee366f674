//! All that came in, newest first: the records, and between them the notes of what happened to the link.
//!
//! Both are bounded; how many had to go is counted and shown. Every row has an id that stays the same and
//! grows from row to row, to which cursors hold on.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::domain::apply::Change;
use crate::domain::event::{Kind, VenueEvent};
use crate::domain::record::{Pushed, Reading, Ring};
use crate::ui::facts::{BackFacts, GapFacts, OddFacts};

/// A row's id: the number of its record, or of the record before it and its place among the notes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(u64, u64);

/// Something that came in and is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A frame that is none of the protocol's.
    Odd(OddFacts),
    /// Events may be missing.
    Gap(GapFacts),
    /// The link is back.
    Back(BackFacts),
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// An event, understood or not.
    Heard(&'a Reading),
    /// Something else.
    Note(&'a Note),
}

/// The rows.
#[derive(Clone, Debug, Default)]
pub struct Log {
    ring: Ring,
    notes: VecDeque<(RowId, Note)>,
    /// How many notes there ever were.
    noted: u64,
    last_seq: u64,
    rates: BTreeMap<String, Rate>,
}

/// How many notes are kept.
const NOTES: usize = 500;
/// Among how many of the last notes the gap of the same outage is looked for.
const RECENT: usize = 8;
/// How many channels' rates are kept; a server could invent names without end.
const CHANNELS: usize = 200;

/// How much a channel brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Events since the start.
    pub total: u64,
    /// When its last event was heard.
    pub last_at: Option<Timestamp>,
    /// Events in each second of the last minute in which there were any: the second since the epoch, and how
    /// many.
    seconds: VecDeque<(i64, u64)>,
}

impl Rate {
    /// How many seconds a rate looks back.
    const SECONDS: i64 = 60;

    fn count(&mut self, at: Timestamp) {
        self.total += 1;
        self.last_at = Some(at);
        let second = at.as_second();
        match self.seconds.back_mut() {
            // A clock that was set back does not make a second bucket.
            Some((last, count)) if *last >= second => *count += 1,
            Some(_) | None => self.seconds.push_back((second, 1)),
        }
        while self.seconds.front().is_some_and(|(first, _)| *first <= second - Self::SECONDS) {
            self.seconds.pop_front();
        }
    }

    /// Takes in what another channel brings.
    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.last_at = self.last_at.max(other.last_at);
        for (second, count) in &other.seconds {
            match self.seconds.binary_search_by_key(second, |(known, _)| *known) {
                Ok(index) => self.seconds[index].1 += count,
                Err(index) => self.seconds.insert(index, (*second, *count)),
            }
        }
    }

    /// Events in the last sixty seconds.
    pub fn last_minute(&self, now: Timestamp) -> u64 {
        let from = now.as_second() - Self::SECONDS;
        self.seconds.iter().filter(|(second, _)| *second > from).map(|(_, count)| count).sum()
    }
}

impl Log {
    /// Takes in an event.
    pub fn hear(&mut self, reading: Reading) -> Pushed {
        self.last_seq = self.last_seq.max(reading.record.seq);
        let channel = reading.record.channel.clone().unwrap_or_default();
        if self.rates.len() < CHANNELS || self.rates.contains_key(&channel) {
            self.rates.entry(channel).or_default().count(reading.record.heard_at);
        }
        self.ring.push(reading)
    }

    /// Takes in something else. Gaps of several topics in one outage are one row, although each topic was heard
    /// again at a moment of its own.
    pub fn note(&mut self, note: Note) {
        if let Note::Gap(gap) = &note
            && let Some(known) = self.same_outage(gap)
        {
            known.from = known.from.min(gap.from);
            known.to = known.to.max(gap.to);
            // A server that invents topics does not make a row without end.
            if known.topic.split(", ").all(|topic| topic != gap.topic) && known.topic.len() < 200 {
                known.topic = format!("{}, {}", known.topic, gap.topic);
            }
            return;
        }
        self.noted += 1;
        self.notes.push_back((RowId(self.last_seq, self.noted), note));
        if self.notes.len() > NOTES {
            self.notes.pop_front();
        }
    }

    /// Among the last notes the gap that shares a stretch of time with this one, for the same reason.
    fn same_outage(&mut self, gap: &GapFacts) -> Option<&mut GapFacts> {
        self.notes.iter_mut().rev().take(RECENT).find_map(|(_, note)| match note {
            Note::Gap(known) => {
                let meets = gap.from < known.to && known.from < gap.to;
                let same = (gap.from, gap.to) == (known.from, known.to);
                (known.reason == gap.reason && (meets || same)).then_some(known)
            }
            Note::Odd(_) | Note::Back(_) => None,
        })
    }

    /// All rows, newest first.
    pub fn rows(&self) -> impl Iterator<Item = (RowId, Row<'_>)> {
        let mut heard = self
            .ring
            .iter()
            .rev()
            .map(|reading| (RowId(reading.record.seq, 0), Row::Heard(reading)))
            .peekable();
        let mut notes = self.notes.iter().rev().map(|(id, note)| (*id, Row::Note(note))).peekable();
        std::iter::from_fn(move || match (heard.peek(), notes.peek()) {
            (Some((a, _)), Some((b, _))) if a > b => heard.next(),
            (Some(_), None) => heard.next(),
            (Some(_) | None, Some(_)) => notes.next(),
            (None, None) => None,
        })
    }

    /// The row of this id.
    pub fn get(&self, id: RowId) -> Option<Row<'_>> {
        if id.1 == 0 {
            return self.ring.get(id.0).map(Row::Heard);
        }
        let index = self.notes.binary_search_by_key(&id, |(known, _)| *known).ok()?;
        self.notes.get(index).map(|(_, note)| Row::Note(note))
    }

    /// The id of the newest row.
    pub fn newest(&self) -> Option<RowId> {
        self.rows().next().map(|(id, _)| id)
    }

    /// How many records had to go.
    pub fn gone(&self) -> u64 {
        self.ring.gone()
    }

    /// How many records are here.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether nothing has come in.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.notes.is_empty()
    }

    /// What a wire name brings, or a family of names (`private-booking.*`).
    pub fn rate(&self, name: &str) -> Rate {
        let mut rate = Rate::default();
        let family = name.strip_suffix('*');
        for (known, one) in &self.rates {
            if family.map_or(known == name, |stem| known.starts_with(stem)) {
                rate.add(one);
            }
        }
        rate
    }

    /// The rates by wire name, the numbered channels of one family together; events without a channel under
    /// the empty name.
    pub fn rates(&self) -> BTreeMap<String, Rate> {
        let mut rates: BTreeMap<String, Rate> = BTreeMap::new();
        for (name, rate) in &self.rates {
            let family = name.rsplit_once('.').map(|(stem, _)| format!("{stem}.*"));
            rates.entry(family.unwrap_or_else(|| name.clone())).or_default().add(rate);
        }
        rates
    }

    /// How many rows of the live feed are newer than this one.
    pub fn news_since(&self, id: RowId) -> u64 {
        let newer = self.rows().take_while(|(newer, _)| *newer > id).filter(|(_, row)| is_news(*row));
        newer.count() as u64
    }

    /// The rows of the live feed, newest first: what a person at the desk wants to know, bursts folded. With
    /// `until` as if nothing newer than that row had come.
    pub fn feed(&self, until: Option<RowId>) -> Vec<Fold> {
        let mut folds: Vec<Fold> = Vec::new();
        let shown = self.rows().filter(|(id, row)| until.is_none_or(|until| *id <= until) && is_news(*row));
        for (id, row) in shown {
            match (folds.last_mut(), row) {
                (Some(fold), Row::Heard(reading)) if fold.takes(reading) => fold.add(id, reading),
                (_, row) => folds.push(Fold::new(id, row)),
            }
        }
        folds
    }
}

/// Whether a row belongs into the live feed. Each change of a number of places would drown the rest; that a
/// session filled or has places again is news.
fn is_news(row: Row<'_>) -> bool {
    match row {
        Row::Note(Note::Gap(_) | Note::Back(_)) => true,
        Row::Note(Note::Odd(_)) => false,
        Row::Heard(reading) => match (&reading.change, &reading.event) {
            (Some(Change::Filled | Change::Freed), _) => true,
            (None | Some(Change::Late | Change::Again), _) | (_, Err(_)) => false,
            (Some(_), Ok(event)) => match event.kind() {
                Kind::AvailabilityUpdated | Kind::CapacityUpdated => false,
                Kind::BookingStatusUpdated
                | Kind::PaymentStatusUpdated
                | Kind::NewBookingNotification
                | Kind::PaymentVerificationRequired
                | Kind::CheckInNotification
                | Kind::CheckOutNotification => true,
            },
        },
    }
}

/// A row of the feed: one row of the log, or a burst of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The id of its oldest row, which stays when the burst goes on.
    pub id: RowId,
    /// The id of its newest row.
    pub newest: RowId,
    /// How many rows it holds.
    pub count: u64,
    kind: Option<Kind>,
    at: Timestamp,
    heard_at: Timestamp,
}

impl Fold {
    /// Rows of one kind closer together than this are one burst.
    const BURST_MILLIS: i64 = 400;

    fn new(id: RowId, row: Row<'_>) -> Self {
        let (kind, at, heard_at) = match row {
            Row::Heard(reading) => {
                (reading.event.as_ref().ok().map(VenueEvent::kind), reading.at(), reading.record.heard_at)
            }
            Row::Note(_) => (None, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        };
        Self { id, newest: id, count: 1, kind, at, heard_at }
    }

    /// Whether a row that is older than all of it belongs to the same burst: the same kind, heard together,
    /// and happened together. A morning that is fetched at once is no burst.
    fn takes(&self, reading: &Reading) -> bool {
        let near = |a: Timestamp, b: Timestamp| {
            (a.as_millisecond() - b.as_millisecond()).abs() <= Self::BURST_MILLIS
        };
        let Ok(event) = &reading.event else { return false };
        self.kind == Some(event.kind())
            && near(self.heard_at, reading.record.heard_at)
            && near(self.at, reading.at())
    }

    fn add(&mut self, id: RowId, reading: &Reading) {
        self.id = id;
        self.count += 1;
        (self.at, self.heard_at) = (reading.at(), reading.record.heard_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{self, Backend};
    use crate::domain::record::Record;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).expect("a moment")
    }

    /// A booking that was made and heard so many milliseconds after the beginning of time.
    fn booking(seq: u64, channel: &str, millis: i64) -> Reading {
        let name = "NewBookingNotification";
        let data = format!("{{\"booking_id\":{seq},\"created_at\":\"{}\"}}", at(millis));
        let event = event::read(name, &data, &Backend::default());
        let record = Record {
            seq,
            heard_at: at(millis),
            channel: Some(channel.to_owned()),
            event: name.to_owned(),
            data,
            position: None,
            connection: 1,
        };
        Reading::new(record, event, Some(Change::Placed))
    }

    fn gap(n: i64) -> Note {
        Note::Gap(GapFacts { topic: "staff".to_owned(), from: at(n), to: at(n), reason: None })
    }

    #[test]
    fn rows_come_newest_first_whatever_they_are_and_each_is_found_by_its_id() {
        let mut log = Log::default();
        log.note(gap(0));
        log.hear(booking(1, "admin", 0));
        log.note(gap(1));
        log.note(gap(2));
        log.hear(booking(2, "admin", 1));
        let ids: Vec<RowId> = log.rows().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 5);
        assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
        for (id, row) in log.rows() {
            let found = log.get(id).expect("the row");
            assert_eq!(format!("{row:?}"), format!("{found:?}"));
        }
        assert_eq!(log.newest(), ids.first().copied());
    }

    #[test]
    fn gaps_of_one_outage_are_one_row_and_those_of_another_are_not() {
        let mut log = Log::default();
        let gap = |topic: &str, from, to| {
            Note::Gap(GapFacts { topic: topic.to_owned(), from: at(from), to: at(to), reason: None })
        };
        for (n, topic) in ["staff", "admin", "availability", "staff"].into_iter().enumerate() {
            let n = i64::try_from(n).expect("small");
            log.note(gap(topic, 10 - n, 20 + n));
            log.hear(booking(n.unsigned_abs(), "admin", 30));
        }
        log.note(gap("staff", 40, 50));
        let gaps: Vec<_> = log
            .rows()
            .filter_map(|(_, row)| match row {
                Row::Note(Note::Gap(gap)) => Some((gap.topic.as_str(), gap.from, gap.to)),
                Row::Note(_) | Row::Heard(_) => None,
            })
            .collect();
        assert_eq!(gaps, [("staff", at(40), at(50)), ("staff, admin, availability", at(7), at(23))]);
    }

    #[test]
    fn nothing_grows_without_end() {
        let mut log = Log::default();
        for n in 0..6_000 {
            log.hear(booking(n, &format!("channel-{n}"), 0));
            log.note(gap(i64::try_from(n).expect("small")));
        }
        assert_eq!((log.len(), log.gone()), (5_000, 1_000));
        assert_eq!((log.notes.len(), log.rates.len()), (NOTES, CHANNELS));
    }

    #[test]
    fn a_burst_keeps_its_id_while_it_grows_and_what_is_far_apart_is_none() {
        let mut log = Log::default();
        log.hear(booking(1, "admin", 0));
        let id = log.feed(None)[0].id;
        for n in 2..10 {
            log.hear(booking(n, "admin", 100 * i64::try_from(n).expect("small")));
        }
        let folds = log.feed(None);
        assert_eq!((folds.len(), folds[0].id, folds[0].count), (1, id, 9));
        log.hear(booking(10, "admin", 5_000));
        assert_eq!(log.feed(None).len(), 2);
        assert_eq!(log.feed(Some(id))[0].count, 1, "a held feed is as it was");
    }

    #[test]
    fn a_rate_is_what_was_heard_in_the_last_sixty_seconds() {
        let mut log = Log::default();
        for (n, millis) in [0, 500, 59_000, 60_000, 61_000].into_iter().enumerate() {
            log.hear(booking(n as u64, ["booking.1", "booking.2"][n % 2], millis));
        }
        let rates = log.rates();
        let rate = |millis| rates["booking.*"].last_minute(at(millis));
        assert_eq!((rate(61_000), rate(119_500), rate(120_000), rate(121_000)), (3, 2, 1, 0));
        assert_eq!(rates["booking.*"].total, 5);
    }

    #[test]
    fn numbered_channels_of_one_family_are_counted_together() {
        let mut log = Log::default();
        for (n, channel) in ["booking.1", "booking.2", "staff", "booking.1"].into_iter().enumerate() {
            log.hear(booking(n as u64, channel, 60_000 * i64::try_from(n).expect("small")));
        }
        let rates = log.rates();
        assert_eq!(rates.keys().map(String::as_str).collect::<Vec<_>>(), ["booking.*", "staff"]);
        assert_eq!(
            (rates["booking.*"].total, log.rate("booking.1").total, log.rate("booking.*").total),
            (3, 2, 3)
        );
    }
}
