//! `frontdesk tail`: what is heard, a line each, on stdout.

use clap::Args as ClapArgs;

use super::Outcome;
use crate::time::Clock;

/// Print what is heard, a line each
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {}

/// Prints until told otherwise.
pub(crate) fn run(_args: Args, _clock: Clock) -> Outcome {
    Ok(())
}
