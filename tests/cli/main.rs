//! The command line, as a person or a script meets it: the real binary, its words, its exit codes.
//!
//! Every run has a home of its own and nothing of the environment, so that the tests neither see nor leave
//! anything, and run side by side.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's helper fails as a test does")]

mod bench;
mod broken_pipe;
mod dashboard;
mod emit;
mod help;
mod journal;
mod log;
mod login;
#[cfg(target_os = "linux")]
mod memory;
mod panic;
mod relay;
mod secrets;
mod tail;
mod terminal;
mod token;
mod wrong_input;
