//! The wire's promises: each half alone, both against each other, the client against real sockets.

mod client;
mod link;
mod stage;
