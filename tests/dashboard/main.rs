//! The dashboard as pictures: what stands on the screen for a given venue, link, size and language, and what
//! keys do to it. Pure: no terminal, no socket, no clock.

mod keys;
mod payments;
mod pictures;
mod scene;
mod sizes;
