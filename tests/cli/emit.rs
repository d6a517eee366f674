//! `emit` into a server that records what it was sent.

use std::sync::mpsc;

use serde_json::Value;

use crate::bench::{Home, backend};

/// Runs `emit` with these arguments and gives the request's body.
fn emitted(args: &[&str]) -> Value {
    let (told, heard) = mpsc::channel();
    let server = backend(move |_, body| {
        told.send(body.to_owned()).expect("a listener");
        ("200 OK", "{}".to_owned())
    });
    let url = server.replace("http", "ws");
    let home = Home::new().with("PUSHER_APP_SECRET", "secret").with("TZ", "UTC");
    let ran = home.run(&[&["emit", "--url", &url, "--key", "k", "--app-id", "1"], args].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&heard.recv().expect("a request")).expect("JSON")
}

fn data(body: &Value) -> Value {
    serde_json::from_str(body["data"].as_str().expect("text")).expect("JSON")
}

#[test]
fn every_event_of_the_document_goes_to_its_channel_in_the_form_that_its_samples_hear() {
    for (event, channel) in [
        ("AvailabilityUpdated", "availability"),
        ("CapacityUpdated", "availability"),
        ("BookingStatusUpdated", "booking.1"),
        ("PaymentStatusUpdated", "booking.1"),
        ("NewBookingNotification", "admin"),
        ("PaymentVerificationRequired", "admin"),
        ("CheckInNotification", "staff"),
        ("CheckOutNotification", "staff"),
    ] {
        let body = emitted(&[event]);
        assert_eq!(body["name"], format!("App\\Events\\{event}"));
        assert_eq!(body["channels"], Value::from(vec![channel]));
        let fields = data(&body)["data"].clone();
        assert!(fields.is_object() && !fields.to_string().contains("2024-01-15"), "{fields}");
        let printed = data(&emitted(&[event, "--as-printed"]))["data"].clone();
        assert!(printed.to_string().contains("2024-01-15T"), "{printed}");
        let names = |value: &Value| value.as_object().expect("fields").keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&fields), names(&printed));
    }
}

#[test]
fn name_fields_channels_and_socket_are_sent_as_asked() {
    let body = emitted(&["CheckInNotification", "--bare"]);
    assert_eq!(
        (body["name"].as_str(), &data(&body)["booking_code"]),
        (Some("CheckInNotification"), &Value::from("BK001"))
    );
    let big = "{\"n\":12345678901234567890123, \"t\": \"ü\"}";
    let body = emitted(&[
        "Own\\Name",
        "--data",
        big,
        "--channel",
        "private-a",
        "--channel",
        "b",
        "--socket-id",
        "1.2",
    ]);
    assert_eq!(body["name"], "Own\\Name");
    assert_eq!(body["data"], format!("{{\"data\":{big}}}"), "the text as it was given");
    assert_eq!(body["channels"], Value::from(vec!["private-a", "b"]));
    assert_eq!(body["socket_id"], "1.2");
    assert_eq!(emitted(&["x", "--bare", "--data", big, "--channel", "b"])["data"], big);
}

#[test]
fn an_error_in_a_good_answer_is_a_failure() {
    for (status, answer, words) in [
        (
            "200 OK",
            r#"{"error":"The secret authentication failed","code":401}"#,
            "(401): The secret authentication failed; check app id, key and secret",
        ),
        ("413 Payload Too Large", "too big", "(413): too big; the event is too big"),
        ("404 Not Found", "", "(404): Not Found; check the app id and --url"),
        ("500 Oops", "\u{1b}]0;title\u{7}", "(500)"),
    ] {
        let server = backend(move |_, _| (status, answer.to_owned()));
        let home = Home::new().with("PUSHER_APP_SECRET", "secret");
        let url = server.replace("http", "ws");
        let ran = home.run(&["emit", "CheckInNotification", "--url", &url, "--key", "k", "--app-id", "1"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{answer}");
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{:?}", ran.stderr);
    }
}
