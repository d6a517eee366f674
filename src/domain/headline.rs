//! One event as the parts of a line in a feed: data, not words. The screens put them into their language.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::apply::Change;
use super::booking::BookingRef;
use super::event::{NotUnderstood, VenueEvent};
use super::money::Money;
use super::payment::Outcome;
use super::record::Reading;
use super::session::SessionKey;
use super::venue::Venue;

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Free places were told.
    Free,
    /// Taken places were told.
    Used,
    /// A booking's status.
    Status,
    /// A payment's status.
    Paid,
    /// A new booking.
    Book,
    /// A payment to verify.
    Pay,
    /// A guest came in.
    In,
    /// A guest came in who was inside already.
    Again,
    /// A guest left.
    Out,
    /// An event that was not understood.
    Odd,
}

/// The parts of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// When it happened: by its own account, else when it was heard.
    pub at: Timestamp,
    /// What kind of line it is.
    pub mark: Mark,
    /// The booking's code, or `#` and its id.
    pub code: Option<String>,
    /// Whose it is.
    pub name: Option<String>,
    /// The session it is about.
    pub session: Option<String>,
    /// The day it is about.
    pub date: Option<Date>,
    /// The money it is about.
    pub amount: Option<Money>,
    /// What else there is to say.
    pub detail: Detail,
    /// How often it was heard.
    pub times: u32,
}

/// What else a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// How long a guest stayed.
    Stayed(Duration),
    /// When a guest who came in again had first come in.
    FirstIn(Timestamp),
    /// A guest left whom nobody saw coming in.
    Unseen,
    /// A payment waits; holds how it was paid.
    Waits(Option<String>),
    /// Places taken and free of all, as far as they were told.
    Places {
        /// Taken.
        used: Option<i64>,
        /// Free.
        free: Option<i64>,
        /// Altogether.
        total: Option<i64>,
    },
    /// Status words, as they came, and how they ended a wait if they did.
    Words {
        /// The booking's status.
        status: Option<String>,
        /// The payment's status.
        payment_status: Option<String>,
        /// Whether a payment stopped waiting by it.
        outcome: Option<Outcome>,
    },
    /// Why it was not understood; the event's name without its namespace stands before it.
    Reason {
        /// The event's name.
        event: String,
        /// Why.
        reason: NotUnderstood,
    },
}

impl Headline {
    /// The line of a reading.
    pub fn of(reading: &Reading) -> Self {
        let blank = Self {
            at: reading.at(),
            mark: Mark::Odd,
            code: None,
            name: None,
            session: None,
            date: None,
            amount: None,
            detail: Detail::None,
            times: reading.times,
        };
        let change = reading.change.as_ref();
        match &reading.event {
            Ok(event) => blank.understood(event, change),
            Err(reason) => {
                let event = reading.record.short_event().to_owned();
                Self { detail: Detail::Reason { event, reason: reason.clone() }, ..blank }
            }
        }
    }

    /// The same line with its guest's name: outcomes are told by the booking's code alone, but the venue knows
    /// from other events whose booking it is.
    #[must_use]
    pub fn named(self, reading: &Reading, venue: &Venue) -> Self {
        let booking = match &reading.event {
            Ok(VenueEvent::BookingStatusUpdated(event)) => &event.booking,
            Ok(VenueEvent::PaymentStatusUpdated(event)) => &event.booking,
            Ok(
                VenueEvent::AvailabilityUpdated(_)
                | VenueEvent::CapacityUpdated(_)
                | VenueEvent::NewBookingNotification(_)
                | VenueEvent::PaymentVerificationRequired(_)
                | VenueEvent::CheckInNotification(_)
                | VenueEvent::CheckOutNotification(_),
            )
            | Err(_) => return self,
        };
        Self { name: self.name.or_else(|| venue.guest_of(booking)), ..self }
    }

    fn understood(self, event: &VenueEvent, change: Option<&Change>) -> Self {
        match event {
            VenueEvent::AvailabilityUpdated(event) => {
                let (free, total) = (event.available_slots, event.total_capacity);
                let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
                let line = self.places(&event.session, event.session_name.as_ref(), used, free, total);
                Self { mark: Mark::Free, ..line }
            }
            VenueEvent::CapacityUpdated(event) => {
                let (used, total) = (event.current_capacity, event.max_capacity);
                let free = total.zip(used).and_then(|(total, used)| total.checked_sub(used));
                let line = self.places(&event.session, event.session_name.as_ref(), used, free, total);
                Self { mark: Mark::Used, ..line }
            }
            VenueEvent::BookingStatusUpdated(event) => {
                let (status, payment_status) = (event.status.clone(), event.payment_status.clone());
                let detail = Detail::Words { status, payment_status, outcome: outcome(change) };
                let line = self.about(&event.booking, event.customer_name.as_ref(), None);
                Self { mark: Mark::Status, detail, ..line }
            }
            VenueEvent::PaymentStatusUpdated(event) => {
                let payment_status = event.payment_status.clone();
                let detail = Detail::Words { status: None, payment_status, outcome: outcome(change) };
                let line = self.about(&event.booking, event.customer_name.as_ref(), None);
                Self { mark: Mark::Paid, detail, ..line }
            }
            VenueEvent::NewBookingNotification(event) => {
                let (date, amount) = (event.booking_date, event.total_amount);
                let line =
                    self.about(&event.booking, event.customer_name.as_ref(), event.session_name.as_ref());
                Self { mark: Mark::Book, date, amount, ..line }
            }
            VenueEvent::PaymentVerificationRequired(event) => {
                let code = event.booking.as_ref().map(ToString::to_string);
                let detail = match outcome(change) {
                    // The outcome was heard before the question.
                    Some(ended) => Detail::Words { status: None, payment_status: None, outcome: Some(ended) },
                    None => Detail::Waits(event.payment_method.clone()),
                };
                let (name, amount) = (event.customer_name.clone(), event.amount);
                Self { mark: Mark::Pay, code, name, amount, detail, ..self }
            }
            VenueEvent::CheckInNotification(event) => {
                let (mark, detail) = match change {
                    Some(Change::InAgain { first_at }) => (Mark::Again, Detail::FirstIn(*first_at)),
                    Some(_) | None => (Mark::In, Detail::None),
                };
                let line =
                    self.about(&event.booking, event.customer_name.as_ref(), event.session_name.as_ref());
                Self { mark, detail, ..line }
            }
            VenueEvent::CheckOutNotification(event) => {
                let detail = match change {
                    Some(Change::Left { stayed }) => Detail::Stayed(*stayed),
                    Some(Change::LeftUnseen) => Detail::Unseen,
                    Some(_) | None => Detail::None,
                };
                let line =
                    self.about(&event.booking, event.customer_name.as_ref(), event.session_name.as_ref());
                Self { mark: Mark::Out, detail, ..line }
            }
        }
    }

    fn about(self, booking: &BookingRef, name: Option<&String>, session: Option<&String>) -> Self {
        Self { code: Some(booking.to_string()), name: name.cloned(), session: session.cloned(), ..self }
    }

    /// A session without a name is called by its id.
    fn places(
        self,
        key: &SessionKey,
        name: Option<&String>,
        used: Option<i64>,
        free: Option<i64>,
        total: Option<i64>,
    ) -> Self {
        let session = name.cloned().unwrap_or_else(|| format!("#{}", key.session_id));
        let detail = Detail::Places { used, free, total };
        Self { session: Some(session), date: Some(key.date), detail, ..self }
    }
}

/// How waits ended by the event that changed this.
fn outcome(change: Option<&Change>) -> Option<Outcome> {
    match change? {
        Change::Ended { outcome, .. } => Some(*outcome),
        Change::Again
        | Change::Late
        | Change::Placed
        | Change::InAgain { .. }
        | Change::Left { .. }
        | Change::LeftUnseen
        | Change::Filled
        | Change::Freed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Backend, read};
    use super::super::record::Record;
    use super::super::venue::Settings;
    use super::*;

    /// The lines that a feed shows for these events, heard one after another.
    fn lines(events: &[(&str, &str)]) -> Vec<Headline> {
        hear(events).0.iter().map(Headline::of).collect()
    }

    /// What these events read as, heard one after another, and the venue that has heard them.
    fn hear(events: &[(&str, &str)]) -> (Vec<Reading>, Venue) {
        let mut venue = Venue::new(Settings::default());
        let heard_at: Timestamp = "2024-01-15T12:00:00Z".parse().unwrap();
        let mut readings = Vec::new();
        for (seq, (event, data)) in (1_u64..).zip(events) {
            let record = Record {
                seq,
                heard_at,
                channel: None,
                event: (*event).to_owned(),
                data: (*data).to_owned(),
                position: None,
                connection: 1,
            };
            let read = read(event, data, &Backend::default());
            let change = read.as_ref().ok().map(|event| venue.apply(heard_at, event));
            readings.push(Reading::new(record, read, change));
        }
        (readings, venue)
    }

    #[test]
    fn a_guests_visit_reads_in_again_out_and_unseen() {
        let lines = lines(&[
            (
                "CheckInNotification",
                r#"{"booking_code":"BK1","customer_name":"Budi","checkin_time":"2024-01-15T08:00:00Z"}"#,
            ),
            ("CheckInNotification", r#"{"booking_code":"BK1","checkin_time":"2024-01-15T08:10:00Z"}"#),
            ("CheckOutNotification", r#"{"booking_code":"BK1","checkout_time":"2024-01-15T10:14:00Z"}"#),
            ("CheckOutNotification", r#"{"booking_id":7,"checkout_time":"2024-01-15T10:15:00Z"}"#),
        ]);
        assert_eq!(
            lines.iter().map(|line| line.mark).collect::<Vec<_>>(),
            [Mark::In, Mark::Again, Mark::Out, Mark::Out]
        );
        assert_eq!(lines[0].name.as_deref(), Some("Budi"));
        assert_eq!(lines[1].detail, Detail::FirstIn(lines[0].at));
        assert_eq!(lines[2].detail, Detail::Stayed(Duration::from_secs(134 * 60)));
        assert_eq!((lines[3].detail.clone(), lines[3].code.as_deref()), (Detail::Unseen, Some("#7")));
    }

    #[test]
    fn a_payment_waits_until_the_line_that_ends_it() {
        let lines = lines(&[
            (
                "PaymentVerificationRequired",
                r#"{"payment_id":1,"booking_id":1,"amount":"50000","payment_method":"bank_transfer","submitted_at":"2024-01-15T08:00:00Z"}"#,
            ),
            (
                "PaymentStatusUpdated",
                r#"{"booking_id":1,"payment_status":"pending","updated_at":"2024-01-15T08:01:00Z"}"#,
            ),
            (
                "PaymentStatusUpdated",
                r#"{"booking_id":1,"payment_status":"verified","updated_at":"2024-01-15T08:02:00Z"}"#,
            ),
        ]);
        assert_eq!(lines[0].detail, Detail::Waits(Some("bank_transfer".to_owned())));
        let outcomes = lines[1..].iter().map(|line| match &line.detail {
            Detail::Words { outcome, .. } => *outcome,
            other => panic!("{other:?}"),
        });
        assert_eq!(outcomes.collect::<Vec<_>>(), [None, Some(Outcome::Verified)]);
    }

    #[test]
    fn an_outcome_gets_the_name_that_the_booking_was_made_under() {
        let told = [
            ("NewBookingNotification", r#"{"booking_id":1,"booking_code":"BK1","customer_name":"Dewi"}"#),
            ("BookingStatusUpdated", r#"{"booking_code":"BK1","status":"confirmed"}"#),
            ("PaymentStatusUpdated", r#"{"booking_id":1,"payment_status":"verified"}"#),
            ("PaymentStatusUpdated", r#"{"booking_id":2,"payment_status":"verified"}"#),
        ];
        let (readings, venue) = hear(&told);
        let names = readings.iter().map(|reading| Headline::of(reading).named(reading, &venue).name);
        let dewi = || Some("Dewi".to_owned());
        assert_eq!(names.collect::<Vec<_>>(), [dewi(), dewi(), dewi(), None]);
    }

    #[test]
    fn what_was_not_understood_says_so_under_its_short_name() {
        let lines = lines(&[("App\\Events\\CapacityUpdated", "[]")]);
        let event = "CapacityUpdated".to_owned();
        assert_eq!(lines[0].mark, Mark::Odd);
        assert_eq!(lines[0].detail, Detail::Reason { event, reason: NotUnderstood::Empty });
    }

    #[test]
    fn places_are_told_as_taken_and_free_from_either_side() {
        let lines = lines(&[
            (
                "AvailabilityUpdated",
                r#"{"session_id":3,"date":"2024-01-15","available_slots":5,"total_capacity":20}"#,
            ),
            (
                "CapacityUpdated",
                r#"{"session_id":3,"date":"2024-01-15","current_capacity":15,"max_capacity":20}"#,
            ),
        ]);
        for line in lines {
            assert_eq!(line.session.as_deref(), Some("#3"));
            assert_eq!(line.detail, Detail::Places { used: Some(15), free: Some(5), total: Some(20) });
        }
    }
}
