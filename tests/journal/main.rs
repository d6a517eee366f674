//! What the history on disk promises, whatever happens to the process, the clock, the files and the disk.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod clock;
mod crash;
mod damage;
mod disk;
mod finding;
mod forgetting;
mod keeping;
mod support;
