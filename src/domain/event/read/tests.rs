//! The whole set of captured events, and the shapes that the captures do not have.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::super::read as read_event;
use super::super::{fields as fields_of, object};
use super::*;

/// An event as a real Laravel application sent it through a real Pusher-protocol server.
#[derive(Deserialize)]
struct Captured {
    laravel: u8,
    shape: String,
    class: String,
    channel: String,
    event: String,
    data: String,
    note: Option<String>,
}

fn captured() -> Vec<Captured> {
    let set: Vec<Captured> = include_str!("../../../../tests/data/events/captured.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(set.len() > 150, "the set is whole");
    set
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn idr(text: &str) -> Option<Money> {
    Money::parse(text, Currency::IDR)
}

fn session() -> SessionKey {
    SessionKey { date: "2024-01-15".parse().unwrap(), session_id: Id::parse("1").unwrap() }
}

fn booking() -> BookingRef {
    BookingRef::new(Id::parse("1"), Some("BK001")).unwrap()
}

/// What the API document's sample of a kind says.
fn sample(kind: Kind) -> VenueEvent {
    let updated_at = Some(at("2024-01-15T08:00:00Z"));
    let session_name = Some("Morning Session".to_owned());
    let customer_name = Some("John Doe".to_owned());
    match kind {
        Kind::AvailabilityUpdated => VenueEvent::AvailabilityUpdated(AvailabilityUpdated {
            session: session(),
            session_name,
            available_slots: Some(5),
            total_capacity: Some(20),
            updated_at,
        }),
        Kind::CapacityUpdated => VenueEvent::CapacityUpdated(CapacityUpdated {
            session: session(),
            session_name,
            current_capacity: Some(15),
            max_capacity: Some(20),
            updated_at,
        }),
        Kind::BookingStatusUpdated => VenueEvent::BookingStatusUpdated(BookingStatusUpdated {
            booking: booking(),
            customer_name: None,
            status: Some("confirmed".to_owned()),
            payment_status: Some("paid".to_owned()),
            updated_at,
        }),
        Kind::PaymentStatusUpdated => VenueEvent::PaymentStatusUpdated(PaymentStatusUpdated {
            booking: booking(),
            customer_name: None,
            payment_status: Some("verified".to_owned()),
            updated_at,
        }),
        Kind::NewBookingNotification => VenueEvent::NewBookingNotification(NewBookingNotification {
            booking: booking(),
            customer_name,
            session_name,
            booking_date: Some("2024-01-15".parse().unwrap()),
            total_amount: idr("50000"),
            created_at: updated_at,
        }),
        Kind::PaymentVerificationRequired => {
            VenueEvent::PaymentVerificationRequired(PaymentVerificationRequired {
                payment_id: Id::parse("1").unwrap(),
                booking: Some(booking()),
                customer_name,
                amount: idr("50000"),
                payment_method: Some("bank_transfer".to_owned()),
                submitted_at: updated_at,
            })
        }
        Kind::CheckInNotification => VenueEvent::CheckInNotification(CheckInNotification {
            booking: booking(),
            customer_name,
            session_name,
            checkin_time: Some(at("2024-01-15T08:05:00Z")),
        }),
        Kind::CheckOutNotification => VenueEvent::CheckOutNotification(CheckOutNotification {
            booking: booking(),
            customer_name,
            session_name,
            checkout_time: Some(at("2024-01-15T10:00:00Z")),
        }),
    }
}

/// What a captured event says: the sample of its class, but for what its note tells.
fn expected(captured: &Captured) -> Result<VenueEvent, NotUnderstood> {
    match captured.shape.as_str() {
        "empty" => return Err(NotUnderstood::Empty),
        "encrypted" => return Err(NotUnderstood::Encrypted),
        "notification" => return Err(NotUnderstood::UnknownEvent),
        _ => {}
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.class() == captured.class).unwrap();
    let mut event = sample(kind);
    let note = captured.note.as_deref().unwrap_or_default();
    match &mut event {
        VenueEvent::NewBookingNotification(event) => {
            if captured.shape == "model" {
                // The model has no session, and was created half an hour before.
                event.session_name = None;
                event.created_at = Some(at("2024-01-15T07:30:00Z"));
            } else if note == "null fields" {
                event.customer_name = None;
                event.session_name = None;
                event.total_amount = None;
            } else if note.contains("fraction") {
                event.total_amount = idr("50000.5");
            } else if note.contains("2^53") {
                event.booking = BookingRef::new(Id::parse("9007199254740993"), Some("BK001")).unwrap();
                event.total_amount = idr("1000000000000000");
            }
        }
        VenueEvent::BookingStatusUpdated(event) if captured.shape == "model" => {
            event.customer_name = Some("John Doe".to_owned());
        }
        VenueEvent::PaymentVerificationRequired(event) if note.contains("ASCII") => {
            event.customer_name = Some(ODD_NAME.to_owned());
            event.payment_method = Some(ODD_METHOD.to_owned());
        }
        _ => {}
    }
    Ok(event)
}

const ODD_NAME: &str = "Déwi \"Ayu\" O'Brien 😀 / 日本\n<b>&amp;</b>\t\\";
const ODD_METHOD: &str = "e-wallet/qris";

#[test]
fn every_captured_event_is_read_right() {
    for captured in captured() {
        assert_eq!(
            read_event(&captured.event, &captured.data, &Backend::default()),
            expected(&captured),
            "Laravel {} {} on {}: {} {}",
            captured.laravel,
            captured.shape,
            captured.channel,
            captured.event,
            captured.data
        );
    }
}

#[test]
fn every_captured_event_gives_its_own_fields() {
    for captured in captured().iter().filter(|captured| expected(captured).is_ok()) {
        let fields = object(&captured.event, &captured.data);
        let keys = ["booking_id", "session_id", "sessionId", "payment_id", "id"];
        assert!(keys.iter().any(|key| fields.contains_key(*key)), "{} {fields:?}", captured.data);
    }
}

fn understood(event: &str, data: &Value) -> VenueEvent {
    read_event(event, &data.to_string(), &Backend::default()).unwrap()
}

#[test]
fn a_name_is_known_under_any_namespace_and_in_its_dotted_form() {
    for kind in Kind::ALL {
        let class = kind.class();
        let dotted = class.chars().fold(String::new(), |mut dotted, c| {
            if c.is_uppercase() && !dotted.is_empty() {
                dotted.push('.');
            }
            dotted.extend(c.to_lowercase());
            dotted
        });
        for name in [
            class.to_owned(),
            format!("App\\Events\\{class}"),
            format!("\\Modules\\Booking\\Events\\{class}"),
            format!("App.Events.{class}"),
            dotted.clone(),
            dotted.replace('.', "-"),
            dotted.replace('.', "_"),
        ] {
            assert_eq!(Kind::of(&name), Some(kind), "{name}");
        }
        for name in [format!("client-{class}"), format!("{class}X"), format!("pusher:{class}"), String::new()]
        {
            assert_eq!(Kind::of(&name), None, "{name}");
        }
    }
}

#[test]
fn fields_are_found_wherever_backends_put_them() {
    let check_in = sample(Kind::CheckInNotification);
    let bare = json!({"booking_id": 1, "booking_code": "BK001", "customer_name": "John Doe",
        "session_name": "Morning Session", "checkin_time": "2024-01-15T08:05:00Z"});
    let camel = json!({"bookingId": "1", "bookingCode": "BK001", "customerName": "John Doe",
        "sessionName": "Morning Session", "checkInTime": "2024-01-15 08:05:00"});
    let model = json!({"id": 1, "booking_code": "BK001", "user": {"name": "John Doe"},
        "session": {"name": "Morning Session"}, "checkin_time": "2024-01-15T15:05:00+07:00"});
    let php = json!({"booking_id": 1.0, "booking_code": "BK001", "customer": {"name": "John Doe"},
        "session_name": "Morning Session",
        "checkin_time": {"date": "2024-01-15 15:05:00.000000", "timezone_type": 3, "timezone": "Asia/Jakarta"}});
    let offset = json!({"booking_id": 1, "booking_code": "BK001", "customerName": "John Doe",
        "session_name": "Morning Session",
        "checkin_time": {"date": "2024-01-15 15:05:00.000000", "timezone_type": 1, "timezone": "+07:00"}});
    for data in [
        bare.clone(),
        camel,
        php,
        offset,
        json!({ "data": bare }),
        json!({ "event": "CheckInNotification", "data": bare }),
        json!({ "data": bare.to_string() }),
        json!({ "booking": model }),
        json!({ "data": {"booking": model} }),
        json!({ "user": {"id": 9, "name": "Somebody"}, "booking": model }),
        json!({ "visit": bare }),
        json!({ "booking_id": null, "data": bare }),
        Value::String(bare.to_string()),
        Value::String(Value::String(bare.to_string()).to_string()),
    ] {
        assert_eq!(understood("CheckInNotification", &data), check_in, "{data}");
    }
}

#[test]
fn a_payment_model_brings_its_booking_along() {
    let payment = json!({"payment": {"id": 1, "amount": "50000.00", "method": "bank_transfer",
        "submitted_at": "2024-01-15T08:00:00.000000Z",
        "booking": {"id": 1, "booking_code": "BK001", "user": {"id": 3, "name": "John Doe"}}}});
    assert_eq!(
        understood("PaymentVerificationRequired", &payment),
        sample(Kind::PaymentVerificationRequired)
    );
}

#[test]
fn only_the_key_is_needed() {
    for (event, data) in [
        ("AvailabilityUpdated", json!({"session_id": 1, "date": "2024-01-15"})),
        ("CapacityUpdated", json!({"session_id": "01J", "date": "2024-01-15", "current_capacity": "many"})),
        ("BookingStatusUpdated", json!({"booking_code": "BK001", "booking_id": null, "updated_at": []})),
        ("PaymentStatusUpdated", json!({"booking_id": 7, "booking_code": ""})),
        (
            "NewBookingNotification",
            json!({"booking_code": "BK001", "booking_id": {}, "total_amount": "free"}),
        ),
        ("PaymentVerificationRequired", json!({"payment_id": 1})),
        ("CheckInNotification", json!({"booking_id": -1})),
        (
            "CheckOutNotification",
            json!({"booking_id": 18_446_744_073_709_551_615_u64, "checkout_time": true}),
        ),
    ] {
        understood(event, &data);
    }
}

#[test]
fn what_is_not_understood_says_why() {
    use NotUnderstood::{BadKey, Empty, MissingKey, NotAnObject, NotJson, UnknownEvent};
    let reason = |event: &str, data: &str| read_event(event, data, &Backend::default()).unwrap_err();
    assert_eq!(reason("OrderShipped", r#"{"session_id":1}"#), UnknownEvent);
    assert_eq!(reason("OrderShipped", "not json"), UnknownEvent);
    assert_eq!(reason("CapacityUpdated", "[]"), Empty);
    assert_eq!(reason("CapacityUpdated", " [ ] "), Empty);
    assert_eq!(reason("CapacityUpdated", "{}"), Empty);
    assert_eq!(reason("CapacityUpdated", "[1]"), NotAnObject("a list"));
    assert_eq!(reason("CapacityUpdated", "7"), NotAnObject("a number"));
    assert_eq!(reason("CapacityUpdated", "null"), NotAnObject("null"));
    assert_eq!(reason("CapacityUpdated", "\"hello\""), NotAnObject("a text"));
    assert!(matches!(reason("CapacityUpdated", "{\"session_id\":1"), NotJson(_)));
    assert!(matches!(reason("CapacityUpdated", ""), NotJson(_)));
    assert_eq!(reason("CapacityUpdated", r#"{"date":"2024-01-15"}"#), MissingKey("session_id"));
    assert_eq!(reason("CapacityUpdated", r#"{"session_id":1}"#), MissingKey("date"));
    assert_eq!(
        reason("CheckInNotification", r#"{"data":{"x":1}}"#),
        MissingKey("booking_id or booking_code")
    );
    assert_eq!(reason("PaymentVerificationRequired", r#"{"booking_id":1}"#), MissingKey("payment_id"));
    let date = BadKey { key: "date", value: "\"soon\"".to_owned() };
    assert_eq!(reason("CapacityUpdated", r#"{"session_id":1,"date":"soon"}"#), date);
    let id = BadKey { key: "booking_id", value: "{\"a\":1}".to_owned() };
    assert_eq!(reason("CheckInNotification", r#"{"booking_id":{"a":1}}"#), id);
}

#[test]
fn no_digit_of_an_amount_is_lost() {
    for (amount, minor) in [("9007199254740993.25", 900_719_925_474_099_325), ("0.10", 10), ("1e3", 100_000)]
    {
        let data = format!(r#"{{"booking_id":1,"total_amount":{amount}}}"#);
        let VenueEvent::NewBookingNotification(event) =
            read_event("NewBookingNotification", &data, &Backend::default()).unwrap()
        else {
            panic!("another kind");
        };
        assert_eq!(event.total_amount, Some(Money { minor, currency: Currency::IDR }));
    }
}

#[test]
fn an_amount_is_in_the_currency_it_names_else_in_the_backends() {
    let backend = Backend { currency: Currency::parse("EUR").unwrap(), ..Backend::default() };
    for (data, code) in [
        (r#"{"payment_id":1,"amount":5,"currency":"usd"}"#, "USD"),
        (r#"{"payment_id":1,"amount":5,"currency":null}"#, "EUR"),
    ] {
        let VenueEvent::PaymentVerificationRequired(event) =
            read_event("PaymentVerificationRequired", data, &backend).unwrap()
        else {
            panic!("another kind");
        };
        assert_eq!(event.amount.map(|money| money.currency.code().to_owned()), Some(code.to_owned()));
    }
}

#[test]
fn a_time_without_an_offset_is_in_the_backends_zone() {
    let zone = jiff::tz::TimeZone::get("Asia/Jakarta").unwrap();
    let backend = Backend { zone, ..Backend::default() };
    let data = r#"{"booking_id":1,"checkin_time":"2024-01-15 15:05:00"}"#;
    let event = read_event("CheckInNotification", data, &backend).unwrap();
    assert_eq!(event.at(), Some(at("2024-01-15T08:05:00Z")));
}

#[test]
fn fields_of_an_unknown_event_are_unwrapped_and_kept_as_they_came() {
    assert_eq!(fields_of("OrderShipped", r#"{"data":{"b":1,"a":2}}"#).to_string(), r#"{"b":1,"a":2}"#);
    assert_eq!(fields_of("OrderShipped", r#"{"data":{"b":1},"x":2}"#), json!({"data": {"b": 1}, "x": 2}));
    assert_eq!(fields_of("OrderShipped", "[]"), json!([]));
    assert_eq!(fields_of("OrderShipped", "hello"), json!("hello"));
    assert_eq!(fields_of("X", r#""{\"a\":1}""#), json!({"a": 1}));
    let extra = r#"{"data":"{\"booking_id\":1,\"extra\":[1,{}]}"}"#;
    assert_eq!(fields_of("CheckInNotification", extra), json!({"booking_id": 1, "extra": [1, {}]}));
}

#[test]
fn data_nested_however_deep_is_read_or_shown_raw() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let data = format!(r#"{{"booking_id":1,"extra":{deep}}}"#);
    assert!(read_event("CheckInNotification", &data, &Backend::default()).is_ok());
    assert_eq!(fields_of("CheckInNotification", &data), Value::String(data));
    assert_eq!(fields_of("OrderShipped", &deep), Value::String(deep));
}

#[test]
fn one_and_the_same_event_has_one_identity_in_every_shape() {
    for kind in Kind::ALL {
        let identities: std::collections::HashSet<_> = captured()
            .iter()
            .filter(|captured| captured.class == kind.class() && captured.note.is_none())
            .map(|captured| {
                read_event(&captured.event, &captured.data, &Backend::default()).unwrap().identity()
            })
            .collect();
        assert_eq!(identities.len(), 1, "{kind}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "session_id",
        "date",
        "booking_id",
        "bookingCode",
        "payment_id",
        "data",
        "event",
        "booking",
        "user",
        "updated_at",
        "total_amount",
        "nonce",
        "ciphertext",
        "timezone",
        "id",
        "name",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("2024-01-15 08:00:00")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_data_panics(kind in prop::sample::select(Kind::ALL.to_vec()), data in any_json(), text: String) {
        for data in [data.to_string(), Value::String(data.to_string()).to_string(), text] {
            let _ = read_event(kind.class(), &data, &Backend::default());
            let _ = fields_of(kind.class(), &data);
        }
    }

    #[test]
    fn no_name_panics(name: String) {
        let _ = Kind::of(&name);
    }
}
