//! The relay's promises, kept to over real sockets.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's helper fails as a test does")]

mod auth;
mod catchup;
mod connection;
mod forward;
mod halves;
mod idle;
mod publish;
mod subscribe;
mod support;
