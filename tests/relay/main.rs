//! The relay's promises, kept to over real sockets.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's helper fails as a test does")]

mod api;
mod auth;
mod cache;
mod catchup;
mod client_events;
mod connection;
mod counts;
mod forward;
mod halves;
mod idle;
mod presence;
mod publish;
mod requests;
mod subscribe;
mod support;
mod users;
mod webhooks;
