//! What Pusher's documentation and the RFCs promise, case by case, held against soketi and the relay alike.
//!
//! Each file is one part of the promise, a table of named cases; a case that is not asked of soketi says why.
//! Raw sockets ask here what no library would. That something does *not* come is proven by what comes next,
//! never by waiting. `CASE=words cargo test --test e2e conformance` runs the cases whose names have the words.

mod api;
mod apps;
mod cache;
mod client_events;
mod frames;
mod handshake;
mod http;
mod libraries;
mod limits;
mod presence;
mod subscribe;
mod suite;
mod users;
mod wire;
