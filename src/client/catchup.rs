//! Where we are in the server's history, across connections: what to ask for after an outage, and whether
//! all of it has come.
//!
//! Only our relay has a history. It answers a subscription's `since` with what it will do, sends what was
//! missed, oldest first, and then what is new; its last missed event needs no mark, since positions tell
//! it, and a short silence does where the newest one belongs to another channel. A position that was heard
//! on a channel is never told again.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::Cursors;
use crate::protocol::op::Recovery;
use crate::protocol::{ChannelName, Position, Subscription};

/// The silence that ends a catch-up whose end no position told.
const QUIET: Duration = Duration::from_millis(500);
/// How many channels are remembered one by one. A family of channels may have any number.
const CHANNELS: usize = 10_000;
/// After how many events whoever keeps the cursors is told of them again.
const EVENTS: u32 = 4_096;

/// Positions by subscription, and what is still on its way.
#[derive(Debug, Default)]
pub(super) struct Catchup {
    cursors: HashMap<Subscription, Position>,
    heard: HashMap<ChannelName, Position>,
    awaited: HashMap<Subscription, Position>,
    quiet_at: Option<Instant>,
    recovered: u64,
    skips: bool,
    /// Whether a cursor was set otherwise than by an event, and how many events have moved any since.
    is_set: bool,
    moved: u32,
}

/// What becomes of what was missed on a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// We asked for nothing.
    NothingAsked,
    /// All of it comes.
    Comes,
    /// Not all of it comes.
    Lost,
}

/// What an event's position says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It was heard before, on this very channel.
    Known,
    /// It was missed, and is here now.
    Missed,
    /// It is new.
    New,
}

impl Catchup {
    /// What comes next cannot be taken: to ask for it again would end the next connection as it ended this one.
    /// Nothing is asked for until all is heard again.
    pub(super) fn skip(&mut self) {
        self.cursors.clear();
        self.skips = true;
    }

    /// Whether what was missed is passed over because it cannot be taken.
    pub(super) fn skips(&self) -> bool {
        self.skips
    }

    /// Goes on where an earlier client stopped.
    pub(super) fn resume(&mut self, cursors: &Cursors) {
        let names =
            cursors.names.iter().filter_map(|(name, at)| Some((Subscription::parse(name).ok()?, (*at)?)));
        self.cursors = names.collect();
        let channels = cursors.channels.iter();
        self.heard = channels.filter_map(|(name, at)| Some((ChannelName::parse(name).ok()?, *at))).collect();
    }

    /// Where these names are, if whoever keeps that should be told now.
    pub(super) fn take_cursors<'a>(
        &mut self,
        names: impl Iterator<Item = &'a Subscription>,
    ) -> Option<Cursors> {
        if !std::mem::take(&mut self.is_set) && self.moved < EVENTS {
            return None;
        }
        self.moved = 0;
        let names: BTreeMap<_, _> =
            names.map(|name| (name.to_string(), self.cursors.get(name).copied())).collect();
        // The families wait for their other channels: what is ahead of one would come again.
        let families = self.cursors.iter().filter(|(name, _)| matches!(name, Subscription::Pattern(_)));
        let families: Vec<_> = families.collect();
        let is_ahead = |channel: &ChannelName, at: &Position| {
            families.iter().any(|(name, family)| name.covers(channel) && family.offset < at.offset)
        };
        let channels = self.heard.iter().filter(|(channel, at)| is_ahead(channel, at));
        let channels = channels.map(|(channel, at)| (channel.to_string(), *at)).collect();
        Some(Cursors { names, channels })
    }

    /// From where to ask, for a name that was heard before.
    pub(super) fn since(&self, name: &Subscription) -> Option<Position> {
        self.cursors.get(name).copied()
    }

    /// The server accepted a subscription, and said what becomes of what was missed.
    pub(super) fn accepted(
        &mut self,
        name: &Subscription,
        recovery: Option<Recovery>,
        now: Instant,
    ) -> Verdict {
        let asked = self.cursors.get(name).copied();
        self.is_set = true;
        match (asked, recovery) {
            (None, None) => Verdict::NothingAsked,
            (None, Some(recovery)) => {
                self.cursors.insert(name.clone(), recovery.head);
                Verdict::NothingAsked
            }
            // A server without a history has taken over.
            (Some(_), None) => {
                self.cursors.remove(name);
                Verdict::Lost
            }
            (Some(asked), Some(recovery)) if recovery.recovered => {
                if asked != recovery.head {
                    self.awaited.insert(name.clone(), recovery.head);
                    self.quiet_at = Some(now + QUIET);
                }
                Verdict::Comes
            }
            (Some(_), Some(recovery)) => {
                self.cursors.insert(name.clone(), recovery.head);
                Verdict::Lost
            }
        }
    }

    /// The server cannot cover what was missed, and goes on from `head`.
    pub(super) fn gap(&mut self, name: &Subscription, head: Option<Position>) {
        self.awaited.remove(name);
        self.is_set = true;
        if let Some(head) = head {
            self.cursors.insert(name.clone(), head);
        }
    }

    /// An event came on a channel that these subscriptions cover.
    pub(super) fn heard(
        &mut self,
        channel: &ChannelName,
        position: Position,
        by: &[Subscription],
        now: Instant,
    ) -> Place {
        let newer = |old: &Position| old.epoch != position.epoch || old.offset < position.offset;
        if self.heard.get(channel).is_some_and(|last| !newer(last)) {
            return Place::Known;
        }
        if self.heard.len() >= CHANNELS && !self.heard.contains_key(channel) {
            self.heard.clear();
        }
        self.heard.insert(channel.clone(), position);
        self.moved = self.moved.saturating_add(1);
        let mut place = Place::New;
        // Where a channel is heard by its own name and by its family's, its own name alone moves on: the
        // family's other channels may still be behind.
        let own = by.iter().find(|name| matches!(name, Subscription::Channel(_)));
        for name in own.map_or(by, std::slice::from_ref) {
            if let Some(head) = self.awaited.get(name).copied()
                && head.epoch == position.epoch
            {
                if position.offset <= head.offset {
                    place = Place::Missed;
                    self.quiet_at = Some(now + QUIET);
                }
                if position.offset >= head.offset {
                    self.awaited.remove(name);
                }
            }
            if self.cursors.get(name).is_none_or(newer) {
                self.cursors.insert(name.clone(), position);
            }
        }
        if place == Place::Missed {
            self.recovered += 1;
        }
        place
    }

    /// When to look again whether all has come.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.quiet_at.filter(|_| !self.awaited.is_empty())
    }

    /// Whether nothing that was missed is still on its way.
    pub(super) fn is_complete(&mut self, now: Instant) -> bool {
        if self.quiet_at.is_some_and(|at| at <= now) {
            self.awaited.clear();
        }
        self.awaited.is_empty()
    }

    /// The connection is lost: what was on its way is asked for again, from where it stopped.
    pub(super) fn lost(&mut self) {
        self.awaited.clear();
        self.quiet_at = None;
    }

    /// All is heard again: how many missed events have come since this was last so.
    pub(super) fn take_recovered(&mut self) -> u64 {
        self.skips = false;
        std::mem::take(&mut self.recovered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Epoch;
    use crate::time::monotonic;

    fn at(offset: u64) -> Position {
        Position { epoch: Epoch(7), offset }
    }

    fn name(text: &str) -> Subscription {
        Subscription::parse(text).expect(text)
    }

    fn channel(text: &str) -> ChannelName {
        ChannelName::parse(text).expect(text)
    }

    fn recovery(recovered: bool, from: Option<u64>, head: u64) -> Recovery {
        Recovery { recovered, from: from.map(at), head: at(head) }
    }

    #[test]
    fn the_first_subscription_asks_for_nothing_and_the_next_from_the_last_event() {
        let (now, mut catchup, staff) = (monotonic(), Catchup::default(), name("staff"));
        assert_eq!(catchup.since(&staff), None);
        assert_eq!(catchup.accepted(&staff, Some(recovery(false, None, 4)), now), Verdict::NothingAsked);
        assert_eq!(catchup.since(&staff), Some(at(4)), "a channel that stays silent has a cursor too");
        assert_eq!(catchup.heard(&channel("staff"), at(9), std::slice::from_ref(&staff), now), Place::New);
        assert_eq!(catchup.since(&staff), Some(at(9)));
    }

    #[test]
    fn missed_events_are_counted_until_the_head_is_there() {
        let (now, mut catchup, staff) = (monotonic(), Catchup::default(), name("staff"));
        catchup.accepted(&staff, Some(recovery(false, None, 4)), now);
        catchup.lost();
        assert_eq!(catchup.accepted(&staff, Some(recovery(true, Some(4), 8)), now), Verdict::Comes);
        assert!(!catchup.is_complete(now));
        for (offset, place) in
            [(5, Place::Missed), (8, Place::Missed), (9, Place::New), (9, Place::Known), (5, Place::Known)]
        {
            assert_eq!(
                catchup.heard(&channel("staff"), at(offset), std::slice::from_ref(&staff), now),
                place,
                "{offset}"
            );
        }
        assert!(catchup.is_complete(now));
        assert_eq!((catchup.take_recovered(), catchup.take_recovered()), (2, 0));
    }

    #[test]
    fn a_head_on_another_channel_is_awaited_until_it_is_quiet() {
        let (now, mut catchup, staff) = (monotonic(), Catchup::default(), name("staff"));
        catchup.accepted(&staff, Some(recovery(false, None, 4)), now);
        catchup.accepted(&staff, Some(recovery(true, Some(4), 8)), now);
        catchup.heard(&channel("staff"), at(5), &[staff], now + QUIET / 2);
        assert!(!catchup.is_complete(now + QUIET));
        assert_eq!(catchup.deadline(), Some(now + QUIET / 2 + QUIET));
        assert!(catchup.is_complete(now + QUIET / 2 + QUIET));
        assert_eq!(catchup.deadline(), None);
    }

    #[test]
    fn what_the_server_cannot_give_is_said_and_not_asked_for_again() {
        let (now, mut catchup, staff) = (monotonic(), Catchup::default(), name("staff"));
        catchup.accepted(&staff, Some(recovery(false, None, 4)), now);
        assert_eq!(catchup.accepted(&staff, Some(recovery(false, Some(4), 90)), now), Verdict::Lost);
        assert_eq!(catchup.since(&staff), Some(at(90)));
        assert_eq!(catchup.accepted(&staff, None, now), Verdict::Lost, "a server without history took over");
        assert_eq!(catchup.since(&staff), None);
        assert_eq!(catchup.accepted(&staff, None, now), Verdict::NothingAsked);
    }

    #[test]
    fn a_new_epoch_is_a_new_history() {
        let (now, mut catchup, staff) = (monotonic(), Catchup::default(), name("staff"));
        catchup.accepted(&staff, Some(recovery(false, None, 400)), now);
        catchup.heard(&channel("staff"), at(401), std::slice::from_ref(&staff), now);
        let fresh = Position { epoch: Epoch(8), offset: 1 };
        assert_eq!(catchup.heard(&channel("staff"), fresh, std::slice::from_ref(&staff), now), Place::New);
        assert_eq!(catchup.since(&staff), Some(fresh));
    }

    #[test]
    fn a_channel_of_a_family_does_not_move_the_family_past_the_others() {
        let (now, mut catchup) = (monotonic(), Catchup::default());
        let (own, family) = (name("booking.7"), name("booking.*"));
        for name in [&own, &family] {
            catchup.accepted(name, Some(recovery(false, None, 4)), now);
        }
        catchup.heard(&channel("booking.7"), at(9), &[family.clone(), own.clone()], now);
        assert_eq!((catchup.since(&own), catchup.since(&family)), (Some(at(9)), Some(at(4))));
        catchup.heard(&channel("booking.8"), at(10), std::slice::from_ref(&family), now);
        assert_eq!(catchup.since(&family), Some(at(10)));
    }
}
