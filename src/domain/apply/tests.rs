//! The promises of the picture, and above all that it does not depend on order and repetition.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::event::{
    AvailabilityUpdated, Backend, CapacityUpdated, CheckInNotification, CheckOutNotification, Kind, read,
};
use super::super::id::Id;
use super::super::money::{Currency, Money};
use super::super::session::{Contradiction, Hours};
use super::super::venue::{Need, Settings};
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A moment of the day that most tests play on.
fn clock(time: &str) -> Timestamp {
    at(&format!("2024-01-15T{time}:00Z"))
}

fn settings() -> Settings {
    let hours = [("Morning Session".to_owned(), Hours::parse("08:00-12:00").unwrap())].into_iter().collect();
    Settings { hours, ..Settings::default() }
}

fn venue() -> Venue {
    Venue::new(settings())
}

fn booking(id: u64) -> BookingRef {
    BookingRef::new(Id::parse(&id.to_string()), Some(&format!("BK{id}"))).unwrap()
}

fn check_in(id: u64, time: &str) -> VenueEvent {
    VenueEvent::CheckInNotification(CheckInNotification {
        booking: booking(id),
        customer_name: Some(format!("Guest {id}")),
        session_name: Some("Morning Session".to_owned()),
        checkin_time: Some(clock(time)),
    })
}

fn check_out(id: u64, time: &str) -> VenueEvent {
    VenueEvent::CheckOutNotification(CheckOutNotification {
        booking: booking(id),
        customer_name: None,
        session_name: None,
        checkout_time: Some(clock(time)),
    })
}

fn capacity(used: i64, total: i64, time: &str) -> VenueEvent {
    VenueEvent::CapacityUpdated(CapacityUpdated {
        session: session(),
        session_name: Some("Morning Session".to_owned()),
        current_capacity: Some(used),
        max_capacity: Some(total),
        updated_at: Some(clock(time)),
    })
}

fn availability(free: i64, total: i64, time: &str) -> VenueEvent {
    VenueEvent::AvailabilityUpdated(AvailabilityUpdated {
        session: session(),
        session_name: None,
        available_slots: Some(free),
        total_capacity: Some(total),
        updated_at: Some(clock(time)),
    })
}

fn session() -> SessionKey {
    SessionKey { date: "2024-01-15".parse().unwrap(), session_id: Id::parse("1").unwrap() }
}

fn asked(payment: u64, id: u64, amount: i64, time: &str) -> VenueEvent {
    VenueEvent::PaymentVerificationRequired(PaymentVerificationRequired {
        payment_id: Id::parse(&payment.to_string()).unwrap(),
        booking: Some(booking(id)),
        customer_name: None,
        amount: Some(Money { minor: amount, currency: Currency::IDR }),
        payment_method: Some("bank_transfer".to_owned()),
        submitted_at: Some(clock(time)),
    })
}

fn paid(booking: BookingRef, word: &str, time: &str) -> VenueEvent {
    VenueEvent::PaymentStatusUpdated(PaymentStatusUpdated {
        booking,
        customer_name: None,
        payment_status: Some(word.to_owned()),
        updated_at: Some(clock(time)),
    })
}

fn made(id: u64, amount: Option<Money>, time: &str) -> VenueEvent {
    VenueEvent::NewBookingNotification(NewBookingNotification {
        booking: booking(id),
        customer_name: Some(format!("Guest {id}")),
        session_name: Some("Morning Session".to_owned()),
        booking_date: None,
        total_amount: amount,
        created_at: Some(clock(time)),
    })
}

/// Applies each as heard when it happened; gives what the last one changed.
fn hear(venue: &mut Venue, events: &[VenueEvent]) -> Change {
    let mut last = None;
    for event in events {
        last = Some(venue.apply(event.at().unwrap_or(clock("12:00")), event));
    }
    last.unwrap()
}

/// Everything a screen can show of a venue.
fn picture(venue: &Venue, now: Timestamp) -> String {
    let sessions: Vec<_> = venue.dates().into_iter().map(|date| venue.sessions(date, now)).collect();
    format!(
        "{:#?}",
        (
            (venue.inside(now), venue.flow(now), venue.bookings(now), venue.queue(now), venue.ended(now)),
            (sessions, venue.contradictions(now), venue.needs(now)),
            (venue.counts_since(now), venue.last_heard_at(), venue.forgotten()),
        )
    )
}

#[test]
fn a_guest_is_inside_from_check_in_to_check_out() {
    let mut venue = venue();
    assert_eq!(hear(&mut venue, &[check_in(1, "08:05")]), Change::Placed);
    let inside = venue.inside(clock("09:05"));
    assert_eq!(inside.len(), 1);
    assert_eq!(inside[0].stayed, Duration::from_secs(3600));
    assert_eq!(inside[0].customer_name.as_deref(), Some("Guest 1"));
    let stayed = Duration::from_secs(115 * 60);
    assert_eq!(hear(&mut venue, &[check_out(1, "10:00")]), Change::Left { stayed });
    assert!(venue.inside(clock("10:01")).is_empty());
    let flow = venue.flow(clock("10:01"));
    assert_eq!((flow.ins, flow.outs, flow.unmatched_outs), (1, 1, 0));
    assert_eq!((flow.ins_per_quarter.len(), flow.ins_per_quarter[32], flow.outs_per_quarter[40]), (96, 1, 1));
}

#[test]
fn a_second_check_in_is_again_and_an_unmatched_check_out_is_unseen() {
    let mut venue = venue();
    let change = hear(&mut venue, &[check_in(1, "08:05"), check_in(1, "08:20")]);
    assert_eq!(change, Change::InAgain { first_at: clock("08:05") });
    let inside = venue.inside(clock("09:00"));
    assert_eq!((inside[0].in_at, inside[0].again_at), (clock("08:05"), Some(clock("08:20"))));
    assert_eq!(hear(&mut venue, &[check_out(2, "09:00")]), Change::LeftUnseen);
    let flow = venue.flow(clock("09:00"));
    assert_eq!((flow.repeated_ins, flow.unmatched_outs, flow.earlier_outs), (1, 1, 0));
}

#[test]
fn yesterdays_guests_are_not_inside_today_but_may_still_leave() {
    let mut venue = venue();
    let late = VenueEvent::CheckInNotification(CheckInNotification {
        booking: booking(1),
        customer_name: None,
        session_name: None,
        checkin_time: Some(at("2024-01-14T23:00:00Z")),
    });
    hear(&mut venue, &[late]);
    assert!(venue.inside(clock("00:10")).is_empty());
    assert!(matches!(hear(&mut venue, &[check_out(1, "00:30")]), Change::Left { .. }));
    assert_eq!(hear(&mut venue, &[check_in(1, "09:00")]), Change::Placed);
    assert_eq!(venue.inside(clock("09:01")).len(), 1);
    let flow = venue.flow(clock("09:01"));
    assert_eq!((flow.repeated_ins, flow.unmatched_outs, flow.earlier_outs), (0, 0, 1));
}

#[test]
fn days_are_the_venues_own() {
    let zone = TimeZone::get("Asia/Jakarta").unwrap();
    let mut venue = Venue::new(Settings { zone, ..settings() });
    // 16:30 UTC is 23:30 in Jakarta, 17:30 is half past midnight of the next day.
    hear(&mut venue, &[check_in(1, "16:30"), check_in(2, "17:30")]);
    assert_eq!(venue.flow(clock("16:59")).ins, 1);
    let next = venue.flow(clock("17:31"));
    assert_eq!((next.ins, next.ins_per_quarter[2]), (1, 1));
}

#[test]
fn a_guest_is_overdue_after_the_sessions_end_if_its_hours_are_known() {
    let mut venue = venue();
    hear(&mut venue, &[check_in(1, "08:05"), check_in(2, "08:00")]);
    assert!(venue.inside(clock("12:00")).iter().all(|guest| guest.over.is_none()));
    let inside = venue.inside(clock("12:32"));
    assert!(inside.iter().all(|guest| guest.over == Some(Duration::from_secs(32 * 60))));
    assert_eq!(inside[0].in_at, clock("08:00"), "of two equally overdue the longest inside is first");
    venue.set(Settings::default());
    assert!(venue.inside(clock("12:32")).iter().all(|guest| guest.over.is_none()));
}

#[test]
fn a_payment_waits_until_its_bookings_outcome_by_id_or_by_code() {
    let by_id = BookingRef::new(Id::parse("1"), None).unwrap();
    let by_code = BookingRef::new(None, Some("BK1")).unwrap();
    for name in [by_id, by_code, booking(1)] {
        let mut venue = venue();
        hear(
            &mut venue,
            &[asked(7, 1, 100, "08:00"), asked(8, 2, 50, "08:10"), paid(name.clone(), "pending", "08:15")],
        );
        let queue = venue.queue(clock("08:30"));
        assert_eq!(queue.payments.len(), 2);
        assert_eq!(queue.oldest(), Some(Duration::from_secs(1800)));
        assert_eq!(queue.payments[0].status.as_deref(), Some("pending"));
        assert_eq!(queue.amounts.iter().map(|sum| sum.minor).collect::<Vec<_>>(), [150]);

        let change = hear(&mut venue, &[paid(name, "Verified", "08:20")]);
        let waited = Duration::from_secs(1200);
        assert_eq!(change, Change::Ended { outcome: Outcome::Verified, payments: 1, waited });
        assert_eq!(venue.queue(clock("08:30")).payments.len(), 1);
        let ended = venue.ended(clock("08:30"));
        assert_eq!((ended.verified, ended.rejected, ended.median_wait), (1, 0, Some(waited)));
    }
}

#[test]
fn a_payment_says_what_was_heard_of_its_booking_and_which_others_it_has() {
    let mut venue = venue();
    let idr = |minor| Money { minor, currency: Currency::IDR };
    let told = [
        made(1, Some(idr(120)), "07:30"),
        asked(7, 1, 100, "08:00"),
        check_in(1, "08:05"),
        asked(8, 1, 120, "08:10"),
        asked(9, 2, 50, "08:20"),
        paid(BookingRef::new(None, Some("BK2")).unwrap(), "rejected", "08:25"),
    ];
    hear(&mut venue, &told);
    let now = clock("08:30");
    let queue = venue.queue(now).payments;
    assert_eq!(queue.iter().map(|payment| payment.payment_id.as_str()).collect::<Vec<_>>(), ["7", "8"]);
    assert_eq!(queue, venue.payments_for(&booking(1), now));
    for payment in &queue {
        assert_eq!(venue.payment(&payment.payment_id, now).as_ref(), Some(payment));
        assert_eq!(payment.siblings, 2);
        let seen = &payment.seen;
        assert_eq!((seen.made_at, seen.amount), (Some(clock("07:30")), Some(idr(120))));
        assert_eq!(seen.in_at, Some(clock("08:05")));
    }
    assert_eq!(queue[0].differs_from(), Some(idr(120)));
    assert_eq!(queue[1].differs_from(), None);
    let ended = venue.payment(&Id::parse("9").unwrap(), now).unwrap();
    assert_eq!(ended.ended, Some((clock("08:25"), Outcome::Rejected)));
    assert_eq!(ended.age, Duration::from_secs(300), "a wait that ended grows no more");
    assert_eq!((ended.siblings, ended.differs_from(), ended.seen.made_at), (1, None, None));
}

#[test]
fn an_outcome_from_before_a_payment_was_submitted_does_not_end_its_wait() {
    let mut venue = venue();
    hear(&mut venue, &[paid(booking(1), "rejected", "08:00"), asked(7, 1, 100, "08:05")]);
    assert_eq!(venue.queue(clock("08:10")).payments.len(), 1);
}

#[test]
fn a_booking_status_tells_the_outcome_too() {
    let mut venue = venue();
    let status = VenueEvent::BookingStatusUpdated(BookingStatusUpdated {
        booking: booking(1),
        customer_name: None,
        status: Some("confirmed".to_owned()),
        payment_status: Some("paid".to_owned()),
        updated_at: Some(clock("08:20")),
    });
    let change = hear(&mut venue, &[asked(7, 1, 100, "08:00"), status]);
    assert!(matches!(change, Change::Ended { outcome: Outcome::Verified, .. }), "{change:?}");
}

#[test]
fn bookings_of_the_day_are_counted_once_and_summed_by_currency() {
    let usd = Money { minor: 700, currency: Currency::parse("USD").unwrap() };
    let idr = Money { minor: 5_000_000, currency: Currency::IDR };
    let mut venue = venue();
    let events = [
        made(1, Some(idr), "08:00"),
        made(1, Some(idr), "08:00"),
        made(2, Some(idr), "08:16"),
        made(3, Some(usd), "09:00"),
        made(4, None, "09:00"),
    ];
    hear(&mut venue, &events);
    let today = venue.bookings(clock("10:00"));
    assert_eq!((today.count, today.without_amount), (4, 1));
    assert_eq!(today.amounts.iter().map(Money::decimal).collect::<Vec<_>>(), ["100000", "7"]);
    assert_eq!(today.per_quarter[32..38], [1, 1, 0, 0, 2, 0]);
}

#[test]
fn of_two_sides_the_later_word_is_the_truth_and_a_disagreement_is_shown() {
    let mut venue = venue();
    hear(&mut venue, &[availability(5, 20, "08:00"), capacity(16, 20, "08:01")]);
    let view = venue.sessions(session().date, clock("08:10")).remove(0);
    assert_eq!((view.used, view.free, view.total), (Some(16), Some(4), Some(20)));
    assert!(matches!(view.contradictions[..], [Contradiction::SidesDisagree { free: 5, used: 16, .. }]));
    assert_eq!(hear(&mut venue, &[capacity(9, 20, "07:00")]), Change::Late);
    hear(&mut venue, &[availability(4, 20, "08:02")]);
    let view = venue.sessions(session().date, clock("08:10")).remove(0);
    assert_eq!((view.used, view.free, view.contradictions), (Some(16), Some(4), vec![]));
    assert_eq!(view.trend.iter().map(|point| point.used).collect::<Vec<_>>(), [9, 15, 16]);
}

#[test]
fn a_session_fills_and_frees_and_what_cannot_be_is_said() {
    let mut venue = venue();
    assert_eq!(hear(&mut venue, &[capacity(19, 20, "08:00")]), Change::Placed);
    assert_eq!(hear(&mut venue, &[capacity(20, 20, "08:10")]), Change::Filled);
    let needs = venue.needs(clock("08:30"));
    assert!(matches!(&needs[..], [Need::Full(view)] if view.full_since == Some(clock("08:10"))));
    assert_eq!(hear(&mut venue, &[capacity(18, 20, "08:20")]), Change::Freed);
    assert!(venue.needs(clock("08:30")).is_empty());
    let view = venue.sessions(session().date, clock("08:25")).remove(0);
    assert_eq!(view.pace, Some(-2));
    hear(&mut venue, &[capacity(21, 20, "08:40")]);
    let found = venue.contradictions(clock("08:40"));
    assert_eq!(found, [(session(), Contradiction::Overfull { used: 21, total: 20 })]);
}

#[test]
fn what_needs_somebody_is_payments_then_guests_then_sessions() {
    let mut venue = venue();
    hear(
        &mut venue,
        &[
            capacity(20, 20, "08:00"),
            check_in(1, "08:00"),
            asked(7, 2, 100, "12:00"),
            asked(8, 3, 1, "12:25"),
        ],
    );
    let needs = venue.needs(clock("12:30"));
    assert!(
        matches!(&needs[..], [Need::Pay(pay), Need::Over(_), Need::Full(_)] if pay.payment_id.as_str() == "7")
    );
}

#[test]
fn the_same_event_again_changes_nothing() {
    let at_noon = clock("12:00");
    for event in [
        check_in(1, "08:00"),
        check_out(1, "09:00"),
        capacity(20, 20, "08:00"),
        availability(0, 20, "08:00"),
        asked(1, 1, 100, "08:00"),
        paid(booking(1), "verified", "08:00"),
        made(1, None, "08:00"),
    ] {
        let mut venue = venue();
        hear(&mut venue, &[asked(9, 9, 1, "07:00"), event.clone()]);
        let before = picture(&venue, at_noon);
        assert_eq!(venue.apply(clock("11:00"), &event), Change::Again, "{event:?}");
        venue.apply(clock("08:00"), &event);
        assert_eq!(
            before.lines().filter(|line| !line.contains("T11:00:00Z")).count(),
            before.lines().count(),
            "only when something was last heard may change"
        );
        let heard = |picture: &str| picture.replace("2024-01-15T11:00:00Z", "");
        let mut without = venue.clone();
        without.apply(clock("11:00"), &event);
        assert_eq!(heard(&picture(&without, at_noon)), heard(&picture(&venue, at_noon)));
    }
}

#[test]
fn the_captured_day_is_one_visit_one_payment_and_one_session_in_any_order() {
    let captured = include_str!("../../../tests/data/events/captured.jsonl");
    let mut events: Vec<VenueEvent> = captured
        .lines()
        .filter_map(|line| {
            let frame: serde_json::Value = serde_json::from_str(line).unwrap();
            read(frame["event"].as_str()?, frame["data"].as_str()?, &Backend::default()).ok()
        })
        .collect();
    let now = clock("12:00");
    let mut pictures = Vec::new();
    for _ in 0..2 {
        let mut venue = venue();
        for event in &events {
            venue.apply(now, event);
        }
        let flow = venue.flow(now);
        assert_eq!((flow.ins, flow.outs, venue.inside(now).len()), (1, 1, 0));
        assert_eq!(venue.bookings(now).count, 2, "booking 1, and the one whose id passes 2^53");
        assert_eq!((venue.queue(now).payments.len(), venue.ended(now).verified), (0, 1));
        let sessions = venue.sessions(session().date, now);
        assert_eq!((sessions.len(), sessions[0].used, sessions[0].free), (1, Some(15), Some(5)));
        assert_eq!(sessions[0].contradictions, []);
        pictures.push(picture(&venue, now));
        events.reverse();
    }
    assert_eq!(pictures[0], pictures[1]);
}

#[test]
fn counts_say_since_when_unless_they_cover_the_day() {
    let mut venue = venue();
    assert_eq!(venue.counts_since(clock("13:05")), Some(clock("13:05")));
    hear(&mut venue, &[check_in(1, "13:10")]);
    assert_eq!(venue.counts_since(clock("14:00")), Some(clock("13:10")));
    venue.covered_from(clock("13:05"));
    assert_eq!(venue.counts_since(clock("14:00")), Some(clock("13:05")));
    venue.covered_from(clock("00:00"));
    assert_eq!(venue.counts_since(clock("14:00")), None);
    venue.missed(clock("13:20"), clock("13:30"));
    venue.missed(clock("09:00"), clock("09:10"));
    venue.covered_from(clock("00:00"));
    assert_eq!(venue.counts_since(clock("14:00")), Some(clock("13:30")), "the end of the latest gap");
    let tomorrow = clock("14:00") + jiff::SignedDuration::from_hours(24);
    assert_eq!((venue.counts_since(tomorrow), venue.has_missed(tomorrow)), (None, false));
}

#[test]
fn a_flood_stays_within_bounds_and_is_counted() {
    let mut venue = venue();
    // Each is two facts: the booking, and its check-in.
    let rounds = Venue::BOOKING_FACTS as u64 * 2 / 3;
    for id in 0..rounds {
        let second = i64::try_from(id).unwrap();
        let booking = BookingRef::new(Id::parse(&id.to_string()), None).unwrap();
        let checkin_time = Some(clock("00:00") + jiff::SignedDuration::from_secs(second));
        let event = CheckInNotification { booking, customer_name: None, session_name: None, checkin_time };
        venue.apply(clock("12:00"), &VenueEvent::CheckInNotification(event));
    }
    let inside = venue.inside(clock("18:00")).len() as u64;
    assert!(venue.forgotten() > 0);
    assert_eq!(inside + venue.forgotten(), rounds);
}

/// Events about few things, so that they meet: each with the moment it was heard.
fn any_event() -> impl Strategy<Value = (Timestamp, VenueEvent)> {
    let word = prop::sample::select(vec!["pending", "verified", "rejected", "paid"]);
    let minute = |minute: i64| clock("00:00") + jiff::SignedDuration::from_mins(minute * 7);
    (prop::sample::select(Kind::ALL.to_vec()), 0_u64..4, 0_u8..3, 0_i64..30, 0_i64..30, any::<bool>(), word)
        .prop_map(move |(kind, id, named, time, heard, told, word)| {
            let id_text = Id::parse(&id.to_string());
            let code = format!("BK{id}");
            let booking = match named {
                0 => BookingRef::new(id_text.clone(), None),
                1 => BookingRef::new(None, Some(&code)),
                _ => BookingRef::new(id_text.clone(), Some(&code)),
            }
            .unwrap();
            // A state without its own time is as new as its hearing, and cannot be told from an older one heard again;
            // everything else can be timeless.
            let own = told.then(|| minute(time));
            let state_at = Some(minute(time));
            let name = (named != 0).then(|| format!("Guest {}", time % 3));
            let session_name = Some(["Morning Session", "Evening Session"][usize::from(told)].to_owned());
            let session_key =
                SessionKey { date: session().date, session_id: Id::parse(&(id % 2).to_string()).unwrap() };
            let money = Some(Money { minor: time * 100, currency: Currency::IDR });
            let event = match kind {
                Kind::AvailabilityUpdated => VenueEvent::AvailabilityUpdated(AvailabilityUpdated {
                    session: session_key,
                    session_name,
                    available_slots: told.then_some(time % 5),
                    total_capacity: Some(20),
                    updated_at: state_at,
                }),
                Kind::CapacityUpdated => VenueEvent::CapacityUpdated(CapacityUpdated {
                    session: session_key,
                    session_name,
                    current_capacity: Some(20 - time % 5),
                    max_capacity: told.then_some(20),
                    updated_at: state_at,
                }),
                Kind::BookingStatusUpdated => VenueEvent::BookingStatusUpdated(BookingStatusUpdated {
                    booking,
                    customer_name: name,
                    status: None,
                    payment_status: told.then(|| word.to_owned()),
                    updated_at: state_at,
                }),
                Kind::PaymentStatusUpdated => VenueEvent::PaymentStatusUpdated(PaymentStatusUpdated {
                    booking,
                    customer_name: name,
                    payment_status: Some(word.to_owned()),
                    updated_at: state_at,
                }),
                Kind::NewBookingNotification => VenueEvent::NewBookingNotification(NewBookingNotification {
                    booking,
                    customer_name: name,
                    session_name,
                    booking_date: None,
                    total_amount: money,
                    created_at: own,
                }),
                Kind::PaymentVerificationRequired => {
                    VenueEvent::PaymentVerificationRequired(PaymentVerificationRequired {
                        payment_id: id_text.unwrap(),
                        booking: Some(booking),
                        customer_name: name,
                        amount: money,
                        payment_method: None,
                        submitted_at: own,
                    })
                }
                Kind::CheckInNotification => VenueEvent::CheckInNotification(CheckInNotification {
                    booking,
                    customer_name: name,
                    session_name,
                    checkin_time: own,
                }),
                Kind::CheckOutNotification => VenueEvent::CheckOutNotification(CheckOutNotification {
                    booking,
                    customer_name: name,
                    session_name,
                    checkout_time: own,
                }),
            };
            (minute(heard), event)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn who_is_inside_is_who_came_in_less_who_went_out_but_for_those_that_are_told(
        moves in prop::collection::vec((1..5_u64, any::<bool>(), -720..1440_i64), 0..40)
    ) {
        let mut venue = venue();
        for (id, comes, minute) in moves {
            let at = clock("00:00") + jiff::SignedDuration::from_mins(minute);
            let event = if comes {
                VenueEvent::CheckInNotification(CheckInNotification {
                    booking: booking(id),
                    customer_name: None,
                    session_name: None,
                    checkin_time: Some(at),
                })
            } else {
                VenueEvent::CheckOutNotification(CheckOutNotification {
                    booking: booking(id),
                    customer_name: None,
                    session_name: None,
                    checkout_time: Some(at),
                })
            };
            hear(&mut venue, &[event]);
        }
        let (flow, now) = (venue.flow(clock("23:59")), clock("23:59"));
        let ins = flow.ins - flow.repeated_ins;
        let outs = flow.outs - flow.unmatched_outs - flow.earlier_outs;
        prop_assert_eq!(venue.inside(now).len(), ins - outs);
    }

    /// Late, doubled, shuffled or replayed: the same events give the same picture.
    #[test]
    fn the_picture_is_a_function_of_the_set_of_events(
        (told, shuffled) in prop::collection::vec(any_event(), 1..40).prop_flat_map(|events| {
            let doubled: Vec<_> = events.iter().chain(events.iter().step_by(2)).cloned().collect();
            (Just(events), Just(doubled).prop_shuffle())
        }),
        minutes in 0_i64..2_000,
    ) {
        let (mut one, mut other) = (venue(), venue());
        for (heard_at, event) in &told {
            one.apply(*heard_at, event);
        }
        for (heard_at, event) in &shuffled {
            other.apply(*heard_at, event);
        }
        let now = clock("00:00") + jiff::SignedDuration::from_mins(minutes);
        prop_assert_eq!(picture(&one, now), picture(&other, now));
    }

    /// An event that has its own time may be heard again at any later moment.
    #[test]
    fn an_event_with_its_own_time_heard_again_later_changes_nothing(
        events in prop::collection::vec(any_event(), 1..30),
        again in 0_usize..30,
    ) {
        let mut venue = venue();
        for (heard_at, event) in &events {
            venue.apply(*heard_at, event);
        }
        let (_, event) = &events[again % events.len()];
        if event.at().is_some() {
            let now = clock("23:00");
            venue.apply(clock("22:00"), &check_in(1, "07:30"));
            let before = picture(&venue, now);
            prop_assert_eq!(venue.apply(clock("22:00"), event), Change::Again);
            prop_assert_eq!(picture(&venue, now), before);
        }
    }
}
