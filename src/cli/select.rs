//! Which of the events are printed, by `tail` and by `log`: by channel, by event, by filter; all three must agree.

use super::line::Line;
use crate::domain::event::{Kind, short_name};
use crate::domain::topic;
use crate::filter::Filter;

/// A choice of events.
#[derive(Debug)]
pub(super) struct Select {
    channels: Vec<String>,
    events: Vec<String>,
    filter: Option<Filter>,
}

impl Select {
    /// Everything on one of the channels (none: on any), that is one of the events (likewise), and that
    /// passes the filter.
    pub(super) fn new(channels: Vec<String>, events: Vec<String>, filter: Option<Filter>) -> Self {
        Self { channels, events, filter }
    }

    /// Whether this is printed.
    pub(super) fn takes(&self, line: &Line) -> bool {
        self.takes_channel(line.channel())
            && self.takes_event(line.full_event())
            && self.filter.as_ref().is_none_or(|filter| filter.matches(line))
    }

    /// Whether anything on this wire name may be printed.
    pub(super) fn takes_channel(&self, wire: Option<&str>) -> bool {
        self.channels.is_empty()
            || wire.is_some_and(|wire| self.channels.iter().any(|wanted| is_on(wanted, wire)))
    }

    /// Whether any event of this name may be printed.
    pub(super) fn takes_event(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|wanted| is_event(wanted, event))
    }
}

/// A filter as a flag has it.
pub(super) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|fault| fault.to_string())
}

/// Whether a topic or a wire name means this wire name.
fn is_on(wanted: &str, wire: &str) -> bool {
    let matches = |name: &str| match wanted.strip_suffix('*') {
        Some(stem) => name.len() > stem.len() && name.starts_with(stem),
        None => name == wanted,
    };
    matches(wire) || matches(topic::logical(wire))
}

/// Whether a name means this event: the very name, or without namespace any event of that name.
fn is_event(wanted: &str, event: &str) -> bool {
    if wanted == event {
        return true;
    }
    let kind = Kind::of(wanted);
    !wanted.contains('\\') && (short_name(event) == wanted || kind.is_some() && kind == Kind::of(event))
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;

    fn takes(channels: &[&str], events: &[&str], channel: Option<&str>, event: &str) -> bool {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Select::new(own(channels), own(events), None).takes(&line(channel, event, "{}"))
    }

    #[test]
    fn a_topic_means_all_its_wire_names_and_a_wire_name_itself() {
        for wire in ["staff", "private-staff", "presence-staff"] {
            assert!(takes(&["staff"], &[], Some(wire), "X"), "{wire}");
            assert_eq!(takes(&["private-staff"], &[], Some(wire), "X"), wire == "private-staff");
        }
        assert!(takes(&["admin", "booking.*"], &[], Some("private-booking.7"), "X"));
        assert!(!takes(&["staff"], &[], Some("staffroom"), "X"));
        assert!(!takes(&["staff"], &[], None, "X"));
    }

    #[test]
    fn an_event_is_named_with_or_without_its_namespace() {
        let event = "App\\Events\\CheckInNotification";
        for wanted in [event, "CheckInNotification", "check.in.notification"] {
            assert!(takes(&[], &[wanted], Some("staff"), event), "{wanted}");
        }
        assert!(!takes(&[], &["Other\\CheckInNotification"], Some("staff"), event));
        assert!(!takes(&[], &["CheckOutNotification"], Some("staff"), event));
        assert!(takes(&[], &["client-typing"], Some("staff"), "client-typing"));
    }
}
