//! frontdesk between the libraries of the field: soketi as the other server, npm's `pusher` as the backend,
//! laravel-echo and pusher-js as the frontend, all of them unmodified, in processes of their own.
//!
//! Every promise is held against soketi and against `frontdesk relay` alike ([`server::Kind`]). Nothing here
//! sleeps: a test waits for what a process prints, or looks until it has ended, with a deadline. Without Node the
//! tests say that they were skipped; with `CI` set they fail instead.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod auth;
mod conformance;
mod delivery;
mod demo;
mod document;
mod frontend;
mod node;
mod process;
mod python;
mod refusals;
mod restart;
mod server;
mod terminal;
