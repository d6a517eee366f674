//! Where in its data an event has its fields.
//!
//! The data is peeled down to an object, then the [`Scope`] is looked for that holds the event's key: the object
//! itself, what is under its `data`, or under one of its object keys (`booking`, `payment` …). Names are compared
//! without case and underscores, so `booking_id` and `bookingId` are one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::value::RawValue;

use super::{Kind, NotUnderstood};

/// Names are compared without case, dots, dashes and underscores.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '.' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The JSON text inside JSON strings, three deep at most: some backends encode once more than Laravel does.
pub(super) fn peel(data: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(data.trim());
    for _ in 0..3 {
        if !text.starts_with('"') {
            break;
        }
        match serde_json::from_str::<String>(&text) {
            Ok(inner) => text = Cow::Owned(inner.trim().to_owned()),
            Err(_) => break,
        }
    }
    text
}

/// The data's object, or why there is none.
pub(super) fn open(data: &str) -> Result<Object, NotUnderstood> {
    let text = peel(data);
    if let Err(error) = serde_json::from_str::<&RawValue>(&text) {
        let was_text = data.trim_start().starts_with('"') && !text.starts_with('"');
        return Err(if was_text {
            NotUnderstood::NotAnObject("a text")
        } else {
            NotUnderstood::NotJson(error.to_string())
        });
    }
    match text.as_bytes().first() {
        Some(b'{') => Object::parse(&text).filter(|top| !top.0.is_empty()).ok_or(NotUnderstood::Empty),
        Some(b'[') if text[1..].trim_start().starts_with(']') => Err(NotUnderstood::Empty),
        Some(b'[') => Err(NotUnderstood::NotAnObject("a list")),
        Some(b'"') => Err(NotUnderstood::NotAnObject("a text")),
        Some(b'n') => Err(NotUnderstood::NotAnObject("null")),
        Some(b't' | b'f') => Err(NotUnderstood::NotAnObject("true or false")),
        Some(_) | None => Err(NotUnderstood::NotAnObject("a number")),
    }
}

/// A JSON object: folded name → the name as it came, and the value's own text.
pub(super) struct Object(BTreeMap<String, (String, Box<RawValue>)>);

impl Object {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        let mut object = BTreeMap::new();
        for (name, value) in raw {
            let entry = object.entry(folded(&name));
            match entry {
                Entry::Vacant(vacant) => {
                    vacant.insert((name, value));
                }
                // Both `booking_id` and `bookingId`: one that says something goes before one that is null.
                Entry::Occupied(mut taken) => {
                    if taken.get().1.get() == "null" {
                        taken.insert((name, value));
                    }
                }
            }
        }
        Some(Self(object))
    }

    /// The JSON text of a field that is there and not null.
    pub(super) fn get(&self, folded: &str) -> Option<&str> {
        self.0.get(folded).map(|(_, value)| value.get()).filter(|text| *text != "null")
    }

    fn object(&self, folded: &str) -> Option<Self> {
        self.get(folded).and_then(|text| Self::parse(&peel(text)))
    }

    /// A field by name, or by a path of names with dots between.
    fn path(&self, path: &str) -> Option<Cow<'_, str>> {
        match path.split_once('.') {
            None => self.get(path).map(Cow::Borrowed),
            Some((first, rest)) => self.object(first)?.path(rest).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// `{"data":…}` or `{"event":…,"data":…}`, around an object.
    pub(super) fn only_envelope(&self) -> bool {
        self.0.keys().all(|name| name == "data" || name == "event") && self.object("data").is_some()
    }
}

pub(super) const SESSION_ID: &[&str] = &["sessionid", "session.id"];
pub(super) const BOOKING_ID: &[&str] = &["bookingid", "booking.id"];
pub(super) const BOOKING_CODE: &[&str] = &["bookingcode", "booking.bookingcode", "booking.code"];
pub(super) const PAYMENT_ID: &[&str] = &["paymentid", "payment.id"];
pub(super) const SESSION_NAME: &[&str] =
    &["sessionname", "session.name", "booking.sessionname", "booking.session.name"];
pub(super) const CUSTOMER_NAME: &[&str] = &[
    "customername",
    "user.name",
    "customer.name",
    "booking.customername",
    "booking.user.name",
    "booking.customer.name",
];

/// The object that holds the event's fields, and how it was reached.
pub(super) struct Scope {
    object: Object,
    /// The folded name of the key it was under, if it was under one of its own: its `id` is that thing's id.
    noun: Option<String>,
    /// The keys that lead to it.
    pub(super) path: Vec<String>,
}

impl Scope {
    /// The first scope that has the event's key, from the outside in; the outermost envelope's inside if none has.
    pub(super) fn find(kind: Kind, top: Object) -> Self {
        let (keys, noun): (&[&[&str]], _) = match kind {
            Kind::AvailabilityUpdated | Kind::CapacityUpdated => (&[SESSION_ID], "session"),
            Kind::PaymentVerificationRequired => (&[PAYMENT_ID], "payment"),
            Kind::BookingStatusUpdated
            | Kind::PaymentStatusUpdated
            | Kind::NewBookingNotification
            | Kind::CheckInNotification
            | Kind::CheckOutNotification => (&[BOOKING_ID, BOOKING_CODE], "booking"),
        };
        // A direct name only: a path from here would find the key, but not the fields beside it.
        let holds = |scope: &Self| keys.iter().any(|names| scope.get(&names[..1]).is_some());

        let outer = Self { object: top, noun: None, path: Vec::new() };
        if holds(&outer) {
            return outer;
        }
        let data = outer.child("data").map(|data| Self { noun: None, ..data });
        if let Some(data) = data {
            if holds(&data) {
                return data;
            }
            if let Some(inner) = data.children(noun).into_iter().find(holds) {
                return inner;
            }
            if let Some(inner) = outer.children(noun).into_iter().find(holds) {
                return inner;
            }
            return data;
        }
        outer.children(noun).into_iter().find(holds).unwrap_or(outer)
    }

    fn child(&self, folded: &str) -> Option<Self> {
        let (name, _) = self.object.0.get(folded)?;
        let object = self.object.object(folded)?;
        let path = self.path.iter().chain([name]).cloned().collect();
        Some(Self { object, noun: Some(folded.to_owned()), path })
    }

    /// What is under its object keys, the key of this noun first.
    fn children(&self, noun: &str) -> Vec<Self> {
        let others = self.object.0.keys().map(String::as_str).filter(|name| *name != noun && *name != "data");
        [noun].into_iter().chain(others).filter_map(|name| self.child(name)).collect()
    }

    /// The JSON text of the first of these names that is there. Under `booking`, `id` is `booking_id`.
    pub(super) fn get(&self, names: &[&str]) -> Option<Cow<'_, str>> {
        names.iter().find_map(|name| {
            let short = || name.strip_prefix(self.noun.as_deref()?).filter(|short| !short.is_empty());
            self.object.path(name).or_else(|| self.object.path(short()?))
        })
    }
}
