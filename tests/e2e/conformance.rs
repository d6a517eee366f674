//! What Pusher's documentation and the RFCs promise, case by case, held against soketi and the relay alike.
//!
//! Each file is one part of the promise, a table of named cases; a case that is not asked of soketi says why. Raw
//! sockets ask what no library would ([`wire`]), the field's own libraries the rest ([`python`], [`libraries`]).
//! That something does *not* come is proven by what comes next, never by waiting.
//! `CASE='frames: a ping' cargo test --test e2e conformance` runs the cases whose names have these words.

#![allow(clippy::too_many_lines, reason = "a table of cases is as long as it is")]

mod api;
mod apps;
mod cache;
mod channels;
mod client_events;
mod drain;
mod exposed;
mod frames;
mod handshake;
mod http;
mod libraries;
mod limits;
mod names;
mod ops;
mod presence;
mod publish;
mod python;
mod subscribe;
mod suite;
mod users;
mod wire;

use self::suite::File;
use crate::server::Kind;

/// Every file whose cases need a server and no more.
const FILES: [File; 16] = [
    ("handshake", handshake::cases),
    ("frames", frames::cases),
    ("ops", ops::cases),
    ("names", names::cases),
    ("subscribe", subscribe::cases),
    ("presence", presence::cases),
    ("client events", client_events::cases),
    ("cache", cache::cases),
    ("users", users::cases),
    ("exposed", exposed::cases),
    ("limits", limits::cases),
    ("api", api::cases),
    ("publish", publish::cases),
    ("channels", channels::cases),
    ("http", http::cases),
    ("python", python::cases),
];

#[test]
fn every_case_holds_for_soketi() {
    suite::run(Kind::Soketi, &FILES);
}

#[test]
fn every_case_holds_for_the_relay() {
    suite::run(Kind::Relay, &FILES);
}
