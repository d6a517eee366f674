//! A venue on one Sunday, told through the same door as in real life: wire names and JSON texts.

#![allow(clippy::expect_used, reason = "a scene that cannot be set is a failed test")]

use std::collections::BTreeMap;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use frontdesk::advice::Advice;
use frontdesk::domain::event::{self, Backend};
use frontdesk::domain::record::Record;
use frontdesk::domain::session::Hours;
use frontdesk::domain::venue::{Settings, Venue};
use frontdesk::ui::facts::{
    Cause, Identity, LinkFacts, LinkState, Loss, TopicFacts, Why, WireFacts, WireState,
};
use frontdesk::ui::{Effect, Keymap, Locale, Model, Msg, Setup, Theme, draw, theme::Depth, update};
use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

/// A dashboard, and how many records it was told.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) model: Model,
    seq: u64,
}

/// When, on which channel, which event, with which data.
type Told = (String, &'static str, &'static str, Value);

/// A moment of the day, in the venue's own time (UTC+7).
pub(crate) fn at(clock: &str) -> Timestamp {
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    format!("2026-11-22T{clock}+07:00").parse().expect(clock.as_str())
}

impl Scene {
    /// A dashboard that has just started, at 14:32.
    pub(crate) fn start(size: (u16, u16)) -> Self {
        let zone = TimeZone::get("Asia/Jakarta").expect("the zone");
        let hours = BTreeMap::from([
            ("Morning Session".to_owned(), Hours { opens: time(8, 0, 0, 0), closes: time(14, 0, 0, 0) }),
            ("Midday Session".to_owned(), Hours { opens: time(11, 0, 0, 0), closes: time(16, 0, 0, 0) }),
        ]);
        let venue = Venue::new(Settings { zone: zone.clone(), hours, ..Settings::default() });
        let now = at("14:32");
        let model = Model::new(Setup {
            venue_name: "Kolam Melati".to_owned(),
            venue,
            zone,
            locale: Locale::default(),
            keymap: Keymap::default(),
            link: LinkFacts::starting("ws://localhost:6001".to_owned(), now),
            log_file: Some("/var/log/frontdesk/frontdesk.log".to_owned()),
            size,
            now,
        });
        Self { model, seq: 0 }
    }

    /// The dashboard in the middle of a busy day.
    pub(crate) fn busy(size: (u16, u16)) -> Self {
        let mut scene = Self::start(size);
        scene.send(Msg::Identity(Some(Identity {
            name: Some("sari".to_owned()),
            role: Some("staff".to_owned()),
        })));
        scene.send(Msg::Link(Box::new(LinkFacts { since: at("00:00"), ..live() })));
        for topic in topics() {
            scene.send(Msg::Topic(topic));
        }
        scene.day();
        scene.send(Msg::Link(Box::new(live())));
        scene
    }

    fn day(&mut self) {
        let mut told = day();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        for (clock, channel, class, data) in told {
            self.hear(&clock, channel, class, &data);
        }
    }

    /// Tells an event as Laravel broadcasts it.
    pub(crate) fn hear(&mut self, clock: &str, channel: &str, class: &str, data: &Value) -> Vec<Effect> {
        self.hear_raw(clock, channel, &format!("App\\Events\\{class}"), &data.to_string())
    }

    /// Tells an event with whatever data.
    pub(crate) fn hear_raw(&mut self, clock: &str, channel: &str, name: &str, data: &str) -> Vec<Effect> {
        self.seq += 1;
        let record = Record {
            seq: self.seq,
            heard_at: at(clock),
            channel: Some(channel.to_owned()),
            event: name.to_owned(),
            data: data.to_owned(),
            position: Some(format!("k3x9:{}", self.seq)),
            connection: 1,
        };
        let read = event::read(name, data, &Backend::default());
        self.send(Msg::Heard(record, read))
    }

    pub(crate) fn send(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.model, msg)
    }

    /// Types a key.
    pub(crate) fn key(&mut self, code: KeyCode) -> Vec<Effect> {
        self.send(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    /// Types letters.
    pub(crate) fn keys(&mut self, letters: &str) {
        for letter in letters.chars() {
            self.key(KeyCode::Char(letter));
        }
    }

    /// The screen's rows.
    pub(crate) fn rows(&self) -> Vec<String> {
        let (columns, rows) = self.model.size();
        let theme = Theme::load("harbor", Depth::True, None).expect("the default theme");
        let buffer = picture(&self.model, &theme, columns, rows);
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..rows).map(|y| row(y).trim_end().to_owned()).collect()
    }

    /// The screen's text.
    pub(crate) fn text(&self) -> String {
        self.rows().join("\n")
    }
}

/// Draws a model into a buffer of this size.
pub(crate) fn picture(model: &Model, theme: &Theme, columns: u16, rows: u16) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    draw(model, theme, area, &mut buffer);
    buffer
}

/// A link on which all is well.
pub(crate) fn live() -> LinkFacts {
    LinkFacts {
        state: LinkState::Live,
        since: at("09:58:20"),
        heard_at: Some(at("14:31:52")),
        ours: true,
        socket_id: Some("482915.90817234".to_owned()),
        rtt: Some(Duration::from_millis(48)),
        activity_timeout: Some(Duration::from_secs(30)),
        connections: 2,
        losses: vec![Loss { at: at("09:57:02"), back_at: Some(at("09:58:20")), cause: gone_away() }],
        loss_count: 1,
        ..LinkFacts::starting("ws://localhost:6001".to_owned(), at("07:58"))
    }
}

/// The same link, lost.
pub(crate) fn lost() -> LinkFacts {
    let mut facts = live();
    facts.state = LinkState::Waiting { attempt: 3, next_try_at: at("14:32:04") };
    facts.since = at("14:31:58");
    facts.cause = Some(gone_away());
    facts.losses.insert(0, Loss { at: at("14:31:52"), back_at: None, cause: gone_away() });
    facts.loss_count = 2;
    facts
}

pub(crate) fn gone_away() -> Cause {
    Cause { code: Some(4200), why: Why::Closed, detail: "server restarting".to_owned(), advice: Advice::Wait }
}

/// The topics of staff: one is refused.
pub(crate) fn topics() -> Vec<TopicFacts> {
    let wire = |name: &str, state, events| WireFacts { name: name.to_owned(), state, events };
    let unused = || WireState::Off { why: Why::NotConnected, advice: None };
    vec![
        TopicFacts {
            name: "availability".to_owned(),
            wires: vec![wire("availability", WireState::Subscribed, 12)],
        },
        TopicFacts {
            name: "admin".to_owned(),
            wires: vec![
                wire("private-admin", WireState::Subscribed, 43),
                wire("admin", WireState::Subscribed, 0),
            ],
        },
        TopicFacts {
            name: "staff".to_owned(),
            wires: vec![wire("private-staff", WireState::Subscribed, 57)],
        },
        TopicFacts {
            name: "booking.7".to_owned(),
            wires: vec![wire("private-booking.7", WireState::Subscribed, 1), wire("booking.7", unused(), 0)],
        },
    ]
}

/// A topic that the backend does not let us hear.
pub(crate) fn refused() -> TopicFacts {
    let state = WireState::Refused {
        status: Some(403),
        why: Why::NotAllowed,
        detail: String::new(),
        advice: Advice::AskForRights,
        retry_at: None,
    };
    TopicFacts {
        name: "admin".to_owned(),
        wires: vec![WireFacts { name: "private-admin".to_owned(), state, events: 0 }],
    }
}

/// A day from eight in the morning on: forty bookings and arrivals, half of them gone again, three sessions,
/// three payments of which one is verified.
fn day() -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let names = [
        "Budi Wijaya",
        "Dewi Lestari",
        "Rina Sulistyo",
        "Tono",
        "Wulan Sari",
        "Fajar Nugroho",
        "Siti Aminah",
        "Agus Salim",
    ];
    for n in 0..40_u32 {
        let minute = 8 * 60 + n * 9;
        let clock = format!("{:02}:{:02}", minute / 60, minute % 60);
        let (name, session) = (names[n as usize % 8], ["Morning Session", "Midday Session"][n as usize / 20]);
        let code = format!("BK{}", 2250 + n);
        told.push((clock.clone(), "private-admin", "NewBookingNotification", json!({"booking_id": n, "booking_code": code, "customer_name": name, "session_name": session, "booking_date": "2026-11-22", "total_amount": 50000, "created_at": at(&clock).to_string()})));
        told.push((clock.clone(), "private-staff", "CheckInNotification", json!({"booking_id": n, "booking_code": code, "customer_name": name, "session_name": session, "checkin_time": at(&clock).to_string()})));
        if n % 2 == 0 && n < 32 {
            let minute = minute + 75;
            let clock = format!("{:02}:{:02}", minute / 60, minute % 60);
            told.push((clock.clone(), "private-staff", "CheckOutNotification", json!({"booking_id": n, "booking_code": code, "customer_name": name, "session_name": session, "checkout_time": at(&clock).to_string()})));
        }
    }
    for (id, name, total, steps) in [
        (1, "Morning Session", 20, [4, 9, 15, 20]),
        (2, "Midday Session", 20, [2, 6, 12, 15]),
        (3, "Evening Session", 20, [0, 1, 3, 5]),
    ] {
        for (clock, used) in ["11:00", "12:30", "13:50", "14:28"].into_iter().zip(steps) {
            told.push((clock.to_owned(), "availability", "CapacityUpdated", json!({"session_id": id, "session_name": name, "date": "2026-11-22", "current_capacity": used, "max_capacity": total, "updated_at": at(clock).to_string()})));
        }
    }
    for (n, clock, name, amount) in [
        (4, "14:05", "Dewi Lestari", 350_000),
        (12, "14:21:30", "Wulan Sari", 200_000),
        (13, "14:29", "Agus Salim", 1_300_000),
    ] {
        told.push((clock.to_owned(), "private-admin", "PaymentVerificationRequired", json!({"payment_id": n, "booking_id": n, "booking_code": format!("BK{}", 2250 + n), "customer_name": name, "amount": amount, "payment_method": "bank_transfer", "submitted_at": at(clock).to_string()})));
    }
    told.push(("14:30".to_owned(), "private-booking.7", "PaymentStatusUpdated", json!({"booking_id": 13, "booking_code": "BK2263", "payment_status": "verified", "updated_at": at("14:30").to_string()})));
    told.push(("14:31:40".to_owned(), "private-staff", "CheckInNotification", json!({"booking_id": 77, "booking_code": "BK2311", "customer_name": "Fajar Nugroho", "session_name": "Midday Session", "checkin_time": at("14:31:40").to_string()})));
    told
}
