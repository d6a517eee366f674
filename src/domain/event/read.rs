//! Reading an event from the shapes in which real backends send it.
use serde_json::Value;

use super::{Backend, Kind, NotUnderstood, VenueEvent};

/// An event's name without its namespace.
pub fn short_name(event: &str) -> &str {
    event.rsplit('\\').next().unwrap_or(event)
}
pub(super) fn kind(event: &str) -> Option<Kind> {
    todo!("{event}")
}
pub(super) fn read(event: &str, data: &str, backend: &Backend) -> Result<VenueEvent, NotUnderstood> {
    todo!("{event}{data}{backend:?}")
}
pub(super) fn fields(event: &str, data: &str) -> Value {
    todo!("{event}{data}")
}
