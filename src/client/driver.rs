//! Being built.

use tokio::sync::{mpsc, watch};

use super::{Event, Options, Wishes};
use crate::time::Clock;

pub(super) async fn run(
    _options: Options,
    _clock: Clock,
    events: mpsc::Sender<Event>,
    _wishes: watch::Receiver<Wishes>,
) {
    events.closed().await;
}
