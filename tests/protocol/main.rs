//! The wire's promises: each half alone, both against each other, the client against real sockets.

// Tests may expect; clippy's own allowance does not reach the functions that they share.
#![allow(clippy::expect_used)]

mod client;
mod halves;
mod link;
mod peer;
mod relay;
mod secure;
mod stage;
mod transcripts;
