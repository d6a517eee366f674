//! A bookable time of the venue, and the two sides from which its places are told.
//!
//! `AvailabilityUpdated` tells what is free, `CapacityUpdated` what is taken. Each side keeps its latest word; the
//! later of the two is the truth, and where they do not add up that is shown, not smoothed over.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::id::Id;
use super::latest::{Latest, trim};

/// A session on a day. Days first, so that they sort as in a calendar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The day.
    pub date: Date,
    /// The backend's id of the session; the same on every day.
    pub session_id: Id,
}

/// What one sees of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Which session, on which day.
    pub key: SessionKey,
    /// What it is called, if anybody said.
    pub name: Option<String>,
    /// Places taken: as told, or what is not free.
    pub used: Option<i64>,
    /// Places altogether.
    pub total: Option<i64>,
    /// Places free: as told, or what is not taken.
    pub free: Option<i64>,
    /// Guests of this session who are inside now.
    pub inside: usize,
    /// When the places were so, by the latest word.
    pub updated_at: Timestamp,
    /// Since when it has been full, if it is.
    pub full_since: Option<Timestamp>,
    /// What does not add up.
    pub contradictions: Vec<Contradiction>,
    /// Places taken over time, oldest first, at most 128 points.
    pub trend: Vec<Point>,
    /// How many places were taken (or freed, below zero) in the last ten minutes, if that is known.
    pub pace: Option<i64>,
}

impl SessionView {
    /// Whether nobody can book any more.
    pub fn is_full(&self) -> bool {
        self.free.is_some_and(|free| free <= 0)
    }

    /// Places taken of all, from 0 to 1 and above if overfull; `None` if one of them is not known.
    pub fn load(&self) -> Option<f64> {
        let (used, total) = (self.used?, self.total?);
        #[allow(clippy::cast_precision_loss, reason = "the length of a bar")]
        (total > 0).then(|| used as f64 / total as f64)
    }
}

/// Places taken at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub used: i64,
}

/// Something told about a session that cannot be, or two things that cannot both be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// More places taken than there are.
    Overfull {
        /// Places taken.
        used: i64,
        /// Places altogether.
        total: i64,
    },
    /// A number below zero; holds it.
    BelowZero(i64),
    /// More places free than there are.
    TooManyFree {
        /// Places free.
        free: i64,
        /// Places altogether.
        total: i64,
    },
    /// The last word on what is free and the last word on what is taken do not add up.
    SidesDisagree {
        /// `AvailabilityUpdated`: free places.
        free: i64,
        /// `AvailabilityUpdated`: all places.
        total: i64,
        /// When it said so.
        free_at: Timestamp,
        /// `CapacityUpdated`: places taken.
        used: i64,
        /// `CapacityUpdated`: all places.
        max: i64,
        /// When it said so.
        used_at: Timestamp,
    },
}

/// When a session opens and closes, by the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Guests may come from then on.
    pub opens: Time,
    /// They should have left by then; at or before `opens` means on the next day.
    pub closes: Time,
}

impl Hours {
    /// Reads `08:00-12:00`; the end may be `24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (opens, closes) = text.split_once(['-', '–'])?;
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once([':', '.'])?;
            Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
        };
        let closes = if closes.trim() == "24:00" { Time::midnight() } else { time(closes)? };
        Some(Self { opens: time(opens)?, closes })
    }

    /// When the session of a day ends, in the venue's zone.
    pub fn end(self, date: Date, zone: &TimeZone) -> Option<Timestamp> {
        let date = if self.closes <= self.opens { date.checked_add(1.day()).ok()? } else { date };
        zone.to_ambiguous_timestamp(date.to_datetime(self.closes)).compatible().ok()
    }
}

/// From which side a session's places were told. At one moment, what is taken is believed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// `AvailabilityUpdated`: places free.
    Free,
    /// `CapacityUpdated`: places taken.
    Used,
}

/// One side's word on a session's places at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) at: Timestamp,
    pub(super) side: Side,
    pub(super) places: Option<i64>,
    pub(super) total: Option<i64>,
}

impl Word {
    fn used(&self) -> Option<i64> {
        match self.side {
            Side::Used => self.places,
            Side::Free => self.total?.checked_sub(self.places?),
        }
    }

    fn is_full(&self) -> Option<bool> {
        match self.side {
            Side::Used => Some(self.places? >= self.total?),
            Side::Free => Some(self.places? <= 0),
        }
    }
}

/// Everything told about one session of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) name: Latest<String>,
    free: BTreeSet<Word>,
    used: BTreeSet<Word>,
}

impl Session {
    /// How many words of each side are kept.
    pub(super) const WORDS: usize = 128;
    /// Two sides may take this long to say the same before they are said to disagree.
    const SETTLE: Duration = Duration::from_secs(5);
    /// Over which time the pace is taken.
    const PACE: Duration = Duration::from_secs(600);

    fn side(&mut self, side: Side) -> &mut BTreeSet<Word> {
        match side {
            Side::Free => &mut self.free,
            Side::Used => &mut self.used,
        }
    }

    /// Takes a word; says whether it is new.
    pub(super) fn say(&mut self, word: Word) -> bool {
        let words = self.side(word.side);
        let new = words.insert(word);
        trim(words, Self::WORDS);
        new
    }

    /// The last word of a side that said how many places.
    pub(super) fn last(&self, side: Side) -> Option<&Word> {
        let words = match side {
            Side::Free => &self.free,
            Side::Used => &self.used,
        };
        words.iter().rev().find(|word| word.places.is_some()).or_else(|| words.last())
    }

    /// The last word of both sides.
    pub(super) fn truth(&self) -> Option<&Word> {
        // A word without a number says nothing, however late.
        let sides = [self.last(Side::Free), self.last(Side::Used)];
        sides.into_iter().flatten().max_by_key(|word| (word.places.is_some(), *word))
    }

    /// Whether nobody can book any more, as far as is known.
    pub(super) fn is_full(&self) -> bool {
        self.truth().and_then(|word| self.totalled(*word).is_full()).unwrap_or(false)
    }

    /// All that one sees of it but for the guests inside.
    pub(super) fn view(&self, key: &SessionKey, now: Timestamp) -> Option<SessionView> {
        let last = self.totalled(*self.truth()?);
        let used = last.used();
        let total = last.total;
        let free = match last.side {
            Side::Free => last.places,
            Side::Used => total.and_then(|total| total.checked_sub(used?)),
        };
        let words = self.words();
        let trend = trend(&words);
        let before = now.checked_sub(Self::PACE).ok();
        let then = before.and_then(|before| trend.iter().rfind(|point| point.at <= before));
        Some(SessionView {
            key: key.clone(),
            name: self.name.get().cloned(),
            used,
            total,
            free,
            inside: 0,
            updated_at: last.at,
            full_since: full_since(&words),
            contradictions: self.contradictions(&last, free, now),
            pace: used.zip(then).and_then(|(used, then)| used.checked_sub(then.used)),
            trend,
        })
    }

    /// A word with the other side's total where it does not say its own.
    fn totalled(&self, word: Word) -> Word {
        let totals = self.free.iter().chain(&self.used).filter(|other| other.total.is_some());
        let total = word.total.or_else(|| totals.max().and_then(|other| other.total));
        Word { total, ..word }
    }

    /// The words of both sides that say how many places, in the order of their times.
    fn words(&self) -> Vec<Word> {
        let mut words: Vec<Word> = self.free.iter().chain(&self.used).copied().collect();
        words.sort_unstable();
        words.into_iter().map(|word| self.totalled(word)).filter(|word| word.places.is_some()).collect()
    }

    fn contradictions(&self, last: &Word, free: Option<i64>, now: Timestamp) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for number in [last.places, last.total].into_iter().flatten() {
            if number < 0 {
                found.push(Contradiction::BelowZero(number));
            }
        }
        if let (Some(used), Some(total)) = (last.used(), last.total)
            && last.side == Side::Used
            && used > total
        {
            found.push(Contradiction::Overfull { used, total });
        }
        if let (Some(free), Some(total)) = (free, last.total)
            && last.side == Side::Free
            && free > total
        {
            found.push(Contradiction::TooManyFree { free, total });
        }
        if let (Some(one), Some(other)) = (self.last(Side::Free), self.last(Side::Used))
            && let (Some(free), Some(total), Some(used), Some(max)) =
                (one.places, one.total, other.places, other.total)
            && (total != max || total.checked_sub(free) != Some(used))
            && one.at.max(other.at).checked_add(Self::SETTLE).is_ok_and(|settled| settled <= now)
        {
            let (free_at, used_at) = (one.at, other.at);
            found.push(Contradiction::SidesDisagree { free, total, free_at, used, max, used_at });
        }
        found
    }
}

/// Places taken over time, without the points at which nothing changed.
fn trend(words: &[Word]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for word in words {
        let Some(used) = word.used() else { continue };
        match points.last_mut() {
            Some(last) if last.used == used => {}
            Some(last) if last.at == word.at => last.used = used,
            Some(_) | None => points.push(Point { at: word.at, used }),
        }
    }
    let surplus = points.len().saturating_sub(Session::WORDS);
    points.drain(..surplus);
    points
}

/// Since when every word has said that it is full.
fn full_since(words: &[Word]) -> Option<Timestamp> {
    let full = words.iter().rev().take_while(|word| word.is_full() == Some(true));
    full.last().map(|word| word.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_end_on_their_own_day_or_past_midnight() {
        let zone = TimeZone::get("Asia/Jakarta").unwrap();
        let date: Date = "2024-01-15".parse().unwrap();
        for (hours, end) in [
            ("08:00-12:00", "2024-01-15T05:00:00Z"),
            (" 8:00 – 12.30 ", "2024-01-15T05:30:00Z"),
            ("18:00-24:00", "2024-01-15T17:00:00Z"),
            ("22:00-02:00", "2024-01-15T19:00:00Z"),
        ] {
            assert_eq!(Hours::parse(hours).unwrap().end(date, &zone), Some(at(end)), "{hours}");
        }
        for text in ["", "08:00", "08:00-25:00", "8-12", "a:b-c:d"] {
            assert_eq!(Hours::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_word_without_a_number_hides_no_word_that_has_one() {
        let mut session = Session::default();
        let word =
            Word { at: at("2024-01-15T08:00:00Z"), side: Side::Used, places: Some(5), total: Some(20) };
        session.say(word);
        session.say(Word { at: at("2024-01-15T09:00:00Z"), side: Side::Free, places: None, total: None });
        assert_eq!(session.truth(), Some(&word));
    }

    #[test]
    fn a_side_without_a_total_has_the_others() {
        let mut session = Session::default();
        let early = at("2024-01-15T08:00:00Z");
        session.say(Word { at: early, side: Side::Free, places: Some(5), total: Some(20) });
        session.say(Word { at: at("2024-01-15T09:00:00Z"), side: Side::Used, places: Some(20), total: None });
        assert!(session.is_full());
    }

    #[test]
    fn what_cannot_be_is_found_whichever_side_told_it() {
        let contradictions = |side, places, total| {
            let mut session = Session::default();
            let now = at("2024-01-15T08:00:00Z");
            session.say(Word { at: now, side, places: Some(places), total: Some(total) });
            let key = SessionKey { date: "2024-01-15".parse().unwrap(), session_id: Id::parse("1").unwrap() };
            session.view(&key, now).unwrap().contradictions
        };
        assert_eq!(contradictions(Side::Used, 21, 20), [Contradiction::Overfull { used: 21, total: 20 }]);
        assert_eq!(contradictions(Side::Free, 21, 20), [Contradiction::TooManyFree { free: 21, total: 20 }]);
        assert_eq!(contradictions(Side::Free, -1, 20), [Contradiction::BelowZero(-1)]);
        assert_eq!(contradictions(Side::Used, i64::MIN, 20)[0], Contradiction::BelowZero(i64::MIN));
        assert_eq!(contradictions(Side::Used, 20, 20), []);
    }
}
