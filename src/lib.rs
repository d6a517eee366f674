//! frontdesk: a venue that takes bookings, live in a terminal, and the relay that carries its events.
//!
//! The modules, in the order in which data flows through them and in which they may import each other
//! (`tests/architecture.rs` holds the arrows):
//!
//! - leaves, known to all: [`time`], [`telemetry`], [`tls`], [`answer`], [`advice`],
//!   [`untrusted`], [`filter`]
//! - [`protocol`]: the Pusher wire, both halves, pure
//! - [`domain`]: the venue, pure; knows no wire, no file, no screen
//! - [`client`]: a subscribed connection as a stream of events
//! - [`relay`]: the server that carries the events
//! - [`publisher`]: the HTTP API's client · [`login`]: where the token is kept, and for which origin
//! - [`simulator`]: the demo's venue: seed and time in, publications out
//! - [`ui`]: a function of model, theme and size
//! - [`app`]: the dashboard's composition root
//! - [`config`]: settings in layers · [`cli`]: the commands; flags become options, errors become words

pub mod advice;
pub mod answer;
pub mod app;
pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod filter;
pub mod journal;
pub mod login;
pub mod protocol;
pub mod publisher;
pub mod relay;
pub mod simulator;
pub mod telemetry;
pub mod time;
pub mod tls;
pub mod ui;
pub mod untrusted;
