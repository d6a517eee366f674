//! The Pusher Channels protocol, version 7: both halves of the wire, without I/O.
//!
//! Bytes become an op ([`ServerOp`], [`ClientOp`]), the op goes into a half ([`link`], the client's;
//! [`peer`], the server's), and what the half wants to send comes out as ops again. Nothing in here knows
//! a socket, a runtime or a clock: time is an argument, so that tests own it. The doubly encoded `data`
//! exists in [`op`] alone.

pub mod channel;
pub mod close;
pub mod link;
pub mod member;
pub mod op;
pub mod peer;
pub mod position;
pub mod rate;
pub mod sign;

pub use channel::{BadChannel, ChannelKind, ChannelName, Pattern, Subscription};
pub use close::{CloseCode, Retry};
pub use member::{Member, User};
pub use op::{ClientOp, ServerOp};
pub use position::{Epoch, Position};
pub use rate::Rate;
