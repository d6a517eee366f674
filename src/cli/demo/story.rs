//! Tells the simulator's story: through the HTTP API, like any backend, and at the time when it happens.

use std::convert::Infallible;
use std::future;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::publisher::{self, Publisher};
use crate::simulator::{Publication, Simulator};
use crate::time::Clock;

/// Tells the morning as soon as somebody listens, and then each event when its time has come. Ends never: a
/// venue without a rate just stays as it is.
pub(super) async fn tell(
    mut venue: Simulator,
    publisher: Publisher,
    clock: Clock,
    listened_to: oneshot::Receiver<()>,
) -> Infallible {
    // Who gave up waiting hears the morning all the same.
    let _ = listened_to.await;
    for event in venue.morning() {
        publish(&publisher, event).await;
    }
    for (at, event) in venue {
        let early = Duration::try_from(at.duration_since(clock.now())).unwrap_or_default();
        tokio::time::sleep(early).await;
        publish(&publisher, event).await;
    }
    future::pending().await
}

/// A story goes on where one sentence was lost; the log says so.
async fn publish(publisher: &Publisher, event: Publication) {
    let publication = publisher::Publication {
        name: event.event,
        channels: vec![event.channel],
        data: event.data.to_string(),
        socket_id: None,
    };
    if let Err(error) = publisher.publish(&publication).await {
        tracing::warn!(event = publication.name, %error, "an event of the demo was not published");
    }
}
