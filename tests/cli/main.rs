//! The command line, as a person or a script meets it: the real binary, its words, its exit codes.
//!
//! Every run has a home of its own and nothing of the environment, so that the tests neither see nor leave
//! anything, and run side by side.

mod bench;
mod broken_pipe;
mod emit;
mod help;
mod login;
mod relay;
mod secrets;
mod tail;
mod wrong_input;
