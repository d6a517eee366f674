//! The demo's venue: seed and time in, publications out.
//!
//! Pure: it knows no socket, no clock and no randomness but its seed; the same seed, zone, start and rate
//! give the same publications for ever. [`Simulator`] is an iterator over what happens, each at its own
//! time: first the hours before the start, as fast as it is asked, then `rate` events a minute.
//! It only keeps the time; what happens is up to the [`house`].

mod booking;
mod calendar;
mod guest;
mod house;
mod publication;

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::domain::session::Hours;
use calendar::Session;
use house::House;

pub use publication::Publication;

/// How many events the hours before the start hold, about.
const MORNING_EVENTS: i64 = 460;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// When the venue's sessions open and close, by name.
pub fn session_hours() -> impl Iterator<Item = (&'static str, Hours)> {
    calendar::hours()
}

/// A venue that lives by itself.
#[derive(Debug)]
pub struct Simulator {
    random: ChaCha8Rng,
    house: House,
    start: Timestamp,
    /// From event to event on average, before the start and after it; without the second nothing follows.
    morning_pace: SignedDuration,
    pace: Option<SignedDuration>,
    /// The time of the next step.
    at: Timestamp,
    /// What happened and nobody has taken yet.
    waiting: VecDeque<(Timestamp, Publication)>,
}

impl Simulator {
    /// A venue whose screen opens at `start`, in `zone`; afterwards `rate` events a minute (0: nothing more).
    pub fn new(seed: u64, zone: TimeZone, start: Timestamp, rate: u32) -> Self {
        let running = Session::at(start, &zone);
        let first = running.previous().unwrap_or(running);
        // A start at midnight has no day behind it yet, and still a minute.
        let a_minute_ago = start.saturating_sub(MINUTE).unwrap_or(Timestamp::MIN);
        let opened_at = first.starts_at(&zone).min(a_minute_ago);
        let behind = start.duration_since(opened_at);
        // A house that has just opened has shorter stays behind it.
        let shortest_stay = SignedDuration::from_mins(12).min(behind / 8);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut house = House::new(random.random(), zone, shortest_stay);
        let waiting = house.open(opened_at, first).into_iter().map(|said| (opened_at, said)).collect();
        let nanos = |span: SignedDuration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self {
            random,
            house,
            start,
            morning_pace: SignedDuration::from_nanos(nanos(behind) / MORNING_EVENTS),
            pace: (rate > 0).then(|| SignedDuration::from_nanos(nanos(MINUTE) / i64::from(rate))),
            at: opened_at,
            waiting,
        }
    }

    /// What happened before the start: a few hundred publications, oldest first. Empty the second time.
    pub fn morning(&mut self) -> Vec<Publication> {
        while self.at < self.start {
            self.step();
        }
        let morning = self.waiting.partition_point(|(at, _)| *at < self.start);
        self.waiting.drain(..morning).map(|(_, said)| said).collect()
    }

    /// Something happens, and the time moves on to the next.
    fn step(&mut self) {
        let events = self.house.step(self.at);
        let before_start = self.at < self.start;
        let pace = if before_start { Some(self.morning_pace) } else { self.pace };
        let pause = self.pause(pace.unwrap_or(MINUTE), events.len());
        self.waiting.extend(events.into_iter().map(|event| (self.at, event)));
        self.at = self.at.saturating_add(pause).unwrap_or(Timestamp::MAX);
        if before_start {
            self.at = self.at.min(self.start);
        }
    }

    /// How long so many events stand for: in waves, many close together and then a rest, the pace on average.
    fn pause(&mut self, pace: SignedDuration, events: usize) -> SignedDuration {
        let hasty = self.random.random_ratio(7, 10);
        let percent =
            if hasty { self.random.random_range(20..60) } else { self.random.random_range(150..330) };
        let events = i32::try_from(events).unwrap_or(1).max(1);
        pace.saturating_mul(events).saturating_mul(percent) / 100
    }
}

/// What happens next, and when. Ends only with a rate of 0.
impl Iterator for Simulator {
    type Item = (Timestamp, Publication);

    fn next(&mut self) -> Option<Self::Item> {
        while self.waiting.is_empty() {
            if self.pace.is_none() && self.at >= self.start {
                return None;
            }
            self.step();
        }
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::booking::{Booking, Stage};
    use super::*;
    use crate::domain::event::{self, Backend};
    use crate::domain::venue::{Settings, Venue};

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Jakarta").unwrap()
    }

    fn start() -> Timestamp {
        "2026-11-22T14:32:10+07:00".parse().unwrap()
    }

    fn venue(seed: u64, rate: u32) -> Simulator {
        Simulator::new(seed, zone(), start(), rate)
    }

    fn text<'a>(said: &'a Publication, field: &str) -> Option<&'a str> {
        said.data["data"][field].as_str()
    }

    fn own_time(said: &Publication) -> Timestamp {
        ["updated_at", "created_at", "submitted_at", "checkin_time", "checkout_time", "measured_at"]
            .into_iter()
            .find_map(|field| text(said, field))
            .unwrap()
            .parse()
            .unwrap()
    }

    #[test]
    fn the_same_seed_and_start_give_the_same_publications() {
        let first: Vec<_> = venue(7, 60).take(3_000).collect();
        assert_eq!(first, venue(7, 60).take(3_000).collect::<Vec<_>>());
        assert_ne!(first, venue(8, 60).take(3_000).collect::<Vec<_>>());
    }

    #[test]
    fn the_morning_is_what_an_iterator_gives_until_the_start() {
        let mut split = venue(7, 60);
        let mut joined: Vec<_> = split.morning();
        let morning = joined.len();
        joined.extend(split.by_ref().take(500).map(|(_, said)| said));
        let whole: Vec<_> = venue(7, 60).take(morning + 500).collect();
        assert_eq!(joined, whole.iter().map(|(_, said)| said.clone()).collect::<Vec<_>>());
        assert!(whole[..morning].iter().all(|(at, _)| *at < start()));
        assert!(whole[morning..].iter().all(|(at, _)| *at >= start()));
        assert!(split.morning().is_empty(), "it happens once");
    }

    #[test]
    fn without_a_rate_nothing_follows_the_morning() {
        let mut quiet = venue(7, 0);
        assert!(quiet.morning().len() > 300);
        assert_eq!(quiet.next(), None);
        assert_eq!(quiet.next(), None);
    }

    #[test]
    fn a_rate_is_kept_on_average() {
        for rate in [1, 60, 1_000, 100_000] {
            let mut venue = venue(3, rate);
            venue.morning();
            let (last, _) = venue.nth(2_999).unwrap();
            let minutes = last.duration_since(start()).as_secs_f64() / 60.0;
            let measured = 3_000.0 / minutes / f64::from(rate);
            assert!((0.9..1.1).contains(&measured), "{rate} a minute were {measured} times that");
        }
    }

    #[test]
    fn every_event_and_every_oddity_of_the_venue_occurs() {
        let said: Vec<_> = venue(1, 60).take(3_000).map(|(_, said)| said).collect();
        let seen: BTreeSet<_> =
            said.iter().map(|said| (said.channel.split('.').next().unwrap(), &*said.event)).collect();
        let expected = [
            ("availability", r"App\Events\AvailabilityUpdated"),
            ("availability", r"App\Events\CapacityUpdated"),
            ("private-admin", r"App\Events\NewBookingNotification"),
            ("private-admin", r"App\Events\PaymentVerificationRequired"),
            ("private-booking", r"App\Events\BookingStatusUpdated"),
            ("private-booking", r"App\Events\PaymentStatusUpdated"),
            ("private-staff", r"App\Events\CheckInNotification"),
            ("private-staff", r"App\Events\CheckOutNotification"),
            ("private-staff", r"App\Events\PoolTemperatureMeasured"),
        ];
        assert_eq!(seen, BTreeSet::from(expected));
        assert!(
            said.iter()
                .any(|said| said.data["data"]["customer_name"] == Value::Null
                    && said.channel == "private-staff")
        );
        assert!(said.iter().any(|said| text(said, "payment_status") == Some("rejected")));
        let mut inside = BTreeSet::new();
        let (mut again, mut unmatched) = (0, 0);
        for event in &said {
            let code = text(event, "booking_code").unwrap_or_default();
            if event.event.ends_with("CheckInNotification") {
                again += usize::from(!inside.insert(code));
            } else if event.event.ends_with("CheckOutNotification") {
                unmatched += usize::from(!inside.remove(code));
            }
        }
        assert!(again > 0 && unmatched > 0, "{again} second check-ins, {unmatched} unmatched check-outs");
    }

    #[test]
    fn the_morning_leaves_a_venue_worth_looking_at() {
        for seed in 0..20 {
            let said = venue(seed, 60).morning();
            assert!((350..600).contains(&said.len()), "seed {seed}: {} events", said.len());
            let codes = |class: &str| -> BTreeSet<&str> {
                let of_class = said.iter().filter(|said| said.event.ends_with(class));
                of_class.filter_map(|said| text(said, "booking_code")).collect()
            };
            let inside = codes("CheckInNotification").difference(&codes("CheckOutNotification")).count();
            assert!((4..45).contains(&inside), "seed {seed}: {inside} inside");
            let waiting =
                codes("PaymentVerificationRequired").difference(&codes("PaymentStatusUpdated")).count();
            assert!((1..15).contains(&waiting), "seed {seed}: {waiting} payments waiting");
        }
    }

    #[test]
    fn a_dashboard_that_heard_everything_knows_the_house_as_it_is() {
        for seed in 0..4 {
            let mut simulator = venue(seed, 600);
            let mut picture = Venue::new(Settings { zone: zone(), ..Settings::default() });
            let mut hear = |said: &Publication| match event::read(
                &said.event,
                &said.data.to_string(),
                &Backend::default(),
            ) {
                Ok(event) => drop(picture.apply(own_time(said), &event)),
                Err(_) => assert!(said.event.ends_with("PoolTemperatureMeasured"), "{said:?}"),
            };
            simulator.morning().iter().for_each(&mut hear);
            simulator.by_ref().take(2_000).for_each(|(_, said)| hear(&said));
            simulator.waiting.drain(..).for_each(|(_, said)| hear(&said));

            let (now, house) = (simulator.at, simulator.house.bookings());
            let codes = |is: &dyn Fn(&&Booking) -> bool| -> BTreeSet<String> {
                house.iter().filter(is).map(Booking::code).collect()
            };
            let seen = |codes: Vec<Option<String>>| codes.into_iter().flatten().collect::<BTreeSet<_>>();
            let inside = seen(picture.inside(now).into_iter().map(|guest| guest.code).collect());
            assert_eq!(inside, codes(&|booking| booking.inside_since().is_some()), "inside, seed {seed}");
            let waiting = seen(picture.queue(now).payments.into_iter().map(|payment| payment.code).collect());
            assert_eq!(
                waiting,
                codes(&|booking| matches!(booking.stage, Stage::Waiting { .. })),
                "waiting, seed {seed}"
            );
            let running = Session::at(now, &zone());
            for session in [running, running.next()] {
                let taken = house.iter().filter(|booking| booking.session == session).count();
                let views = picture.sessions(session.date, now);
                let view = views.iter().find(|view| view.name.as_deref() == Some(session.name())).unwrap();
                assert_eq!(view.used, i64::try_from(taken).ok(), "{session:?}, seed {seed}");
                assert!(view.contradictions.is_empty(), "{view:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn at_any_hour_of_any_day_the_story_is_consistent(
            seed: u64,
            minutes in 0_i64..60 * 24 * 400,
            rate in prop::sample::select(vec![1_u32, 60, 6_000]),
            zone in prop::sample::select(vec!["UTC", "Asia/Jakarta", "America/New_York", "Pacific/Apia"]),
        ) {
            let start = start() + SignedDuration::from_mins(minutes);
            let simulated = TimeZone::get(zone).unwrap();
            let mut venue = Simulator::new(seed, simulated.clone(), start, rate);
            let morning = venue.morning();
            prop_assert!(morning.len() > 100, "{} events", morning.len());
            prop_assert!(morning.iter().all(|said| own_time(said) < start));
            let mut last = start;
            let mut waiting = BTreeSet::new();
            let live = venue.take(500).collect::<Vec<_>>();
            for (at, _) in &live {
                prop_assert!(*at >= last);
                last = *at;
            }
            for said in morning.iter().chain(live.iter().map(|(_, said)| said)) {
                let data = &said.data["data"];
                if let (Some(taken), Some(total)) = (data["current_capacity"].as_u64(), data["max_capacity"].as_u64()) {
                    prop_assert!(taken <= total);
                }
                if let (Some(free), Some(total)) = (data["available_slots"].as_u64(), data["total_capacity"].as_u64()) {
                    prop_assert!(free <= total);
                }
                if said.channel == "availability" {
                    let told = (text(said, "date").unwrap().to_owned(), data["session_id"].as_u64().unwrap());
                    let running = Session::at(own_time(said), &simulated);
                    let running = (running.date.to_string(), u64::from(running.id()));
                    prop_assert!(told >= running, "the places of a session that is over: {said:?}");
                }
                if said.event.ends_with("PaymentVerificationRequired") {
                    waiting.insert(text(said, "booking_code").unwrap().to_owned());
                } else if said.event.ends_with("PaymentStatusUpdated") {
                    prop_assert!(waiting.remove(text(said, "booking_code").unwrap()), "only what waits is settled");
                }
            }
        }
    }
}
