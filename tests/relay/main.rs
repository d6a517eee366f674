//! The relay's promises, kept to over real sockets.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's helper fails as a test does")]

mod api;
mod apps;
mod auth;
mod cache;
mod catchup;
mod client_events;
mod connection;
mod counts;
mod exposure;
mod forward;
mod halves;
mod history;
mod idle;
mod outages;
mod presence;
mod publish;
mod receiver;
mod requests;
mod subscribe;
mod support;
mod users;
mod webhooks;
