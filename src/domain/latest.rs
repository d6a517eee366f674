//! What was told last, whatever the order in which it was heard.
//!
//! What is told here is joined: the greater of two values under a total order is kept. So telling is
//! commutative, associative and idempotent, and everything built from them is a function of the set of events.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;

/// When something was so: by its own account, or at least heard.
///
/// Ordered by worth: an event's own time goes before the moment it was heard; of two own times the later goes
/// first; of two moments heard the earlier, since hearing again changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    pub(super) told: bool,
}

impl Stamp {
    pub(super) fn new(told: Option<Timestamp>, heard_at: Timestamp) -> Self {
        Self { at: told.unwrap_or(heard_at), told: told.is_some() }
    }

    /// Whether one and the same event may have both: the same own time, or none.
    pub(super) fn same(self, other: Self) -> bool {
        self.told == other.told && (!self.told || self.at == other.at)
    }
}

impl Ord for Stamp {
    fn cmp(&self, other: &Self) -> Ordering {
        self.told
            .cmp(&other.told)
            .then_with(|| if self.told { self.at.cmp(&other.at) } else { other.at.cmp(&self.at) })
    }
}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The greatest `(when, what)` told so far; the latest value, that is, and the greater of two at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Latest<T>(Option<(Timestamp, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord + Clone> Latest<T> {
    /// Takes a value, if there is one and it is the later.
    pub(super) fn tell(&mut self, at: Timestamp, value: Option<T>) {
        if let Some(value) = value
            && self.0.as_ref().is_none_or(|(held_at, held)| (held_at, held) < (&at, &value))
        {
            self.0 = Some((at, value));
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        if let Some((at, value)) = &other.0 {
            self.tell(*at, Some(value.clone()));
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }
}

/// The last few tellings of something that should be told once; the one of most worth counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tellings<T>(BTreeSet<(Stamp, T)>);

impl<T> Default for Tellings<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

/// What a telling was to what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// One and the same event told it before.
    Again,
    /// It is not the one that counts.
    Late,
    /// It is the one that counts.
    Counts,
}

impl<T: Ord + Clone> Tellings<T> {
    /// How many tellings are remembered.
    const KEPT: usize = 32;

    pub(super) fn tell(&mut self, stamp: Stamp, value: T) -> Telling {
        let again = self.0.iter().any(|(held, _)| held.same(stamp));
        self.0.insert((stamp, value));
        trim(&mut self.0, Self::KEPT);
        match self.get() {
            _ if again => Telling::Again,
            Some((held, _)) if held > stamp => Telling::Late,
            Some(_) | None => Telling::Counts,
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        trim(&mut self.0, Self::KEPT);
    }

    /// The telling that counts.
    pub(super) fn get(&self) -> Option<(Stamp, &T)> {
        self.0.last().map(|(stamp, value)| (*stamp, value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Keeps the `limit` greatest of an ordered set; says how many had to go.
pub(super) fn trim<T: Ord>(set: &mut BTreeSet<T>, limit: usize) -> u64 {
    let mut gone = 0;
    while set.len() > limit {
        set.pop_first();
        gone += 1;
    }
    gone
}
