//! The venue, pure: what its backend told, and what follows from it.
//!
//! Text goes in (`event::read`), a [`event::VenueEvent`] comes out; [`venue::Venue::apply`] takes it in and says
//! what it changed; the reads of [`venue::Venue`] are the picture that the screens draw. Nothing here knows the
//! wire, a file, a screen or the clock: every read is told what time it is.
//!
//! The picture is a function of the *set* of events: late, doubled, replayed or shuffled, they give the same one.

pub mod apply;
pub mod booking;
pub mod event;
pub mod guest;
pub mod headline;
pub mod id;
mod latest;
pub mod money;
pub mod payment;
pub mod record;
pub mod session;
pub mod topic;
pub mod venue;
