//! The venue's sessions: eight a day, three hours each, so that one is running whenever the demo is opened.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::domain::session::Hours;

/// What every day offers: the session's name, its places, and the price of one, in rupiah.
const DAY: [(&str, u32, i64); 8] = [
    ("Midnight Session", 20, 40_000),
    ("Dawn Session", 20, 40_000),
    ("Sunrise Session", 20, 50_000),
    ("Morning Session", 20, 50_000),
    ("Midday Session", 30, 50_000),
    ("Afternoon Session", 30, 60_000),
    ("Evening Session", 30, 60_000),
    ("Night Session", 20, 50_000),
];

/// One bookable time of the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Session {
    pub(super) date: Date,
    part: u8,
}

impl Session {
    /// The one that is running at `now`.
    pub(super) fn at(now: Timestamp, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(now);
        Self { date: local.date(), part: u8::try_from(local.hour() / 3).unwrap_or(0) }
    }

    /// The one after it; the last of a day is followed by the first of the next.
    pub(super) fn next(self) -> Self {
        if usize::from(self.part) + 1 < DAY.len() {
            Self { part: self.part + 1, ..self }
        } else {
            Self { date: self.date.tomorrow().unwrap_or(Date::MAX), part: 0 }
        }
    }

    /// The one before it on the same day.
    pub(super) fn previous(self) -> Option<Self> {
        Some(Self { part: self.part.checked_sub(1)?, ..self })
    }

    /// This one and all that follow, for so many days.
    pub(super) fn onwards(self, days: i32) -> impl Iterator<Item = Self> {
        let end = self.after_days(days);
        std::iter::successors(Some(self), |session| Some(session.next()))
            .take_while(move |session| *session < end)
    }

    /// The same session `days` later.
    pub(super) fn after_days(self, days: i32) -> Self {
        Self { date: self.date.saturating_add(Span::new().days(days)), ..self }
    }

    /// The same day's session `steps` further on, around the day's end.
    pub(super) fn turned(self, steps: u8) -> Self {
        Self { part: (self.part + steps) % 8, ..self }
    }

    pub(super) fn id(self) -> u8 {
        self.part + 1
    }

    pub(super) fn name(self) -> &'static str {
        DAY[usize::from(self.part)].0
    }

    pub(super) fn places(self) -> u32 {
        DAY[usize::from(self.part)].1
    }

    /// The price of one place, in rupiah.
    pub(super) fn price(self) -> i64 {
        DAY[usize::from(self.part)].2
    }

    pub(super) fn starts_at(self, zone: &TimeZone) -> Timestamp {
        let hour = i8::try_from(self.part * 3).unwrap_or(0);
        zone.to_timestamp(self.date.at(hour, 0, 0, 0)).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn ends_at(self, zone: &TimeZone) -> Timestamp {
        self.next().starts_at(zone)
    }
}

/// When the sessions of any day run, by name.
pub(super) fn hours() -> impl Iterator<Item = (&'static str, Hours)> {
    let time = |hour: i8| Time::constant(hour % 24, 0, 0, 0);
    DAY.iter()
        .zip((0..24).step_by(3))
        .map(move |((name, ..), from)| (*name, Hours { opens: time(from), closes: time(from + 3) }))
}
