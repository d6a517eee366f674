//! Names and places: what parses prints itself again, and what covers a channel is what would hear it.

#![no_main]

use arbitrary::Arbitrary;
use frontdesk::protocol::peer::SocketId;
use frontdesk::protocol::{ChannelKind, ChannelName, Pattern, Position, Subscription};
use frontdesk::relay::http::{api::Place, upgrade};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    one: String,
    other: String,
    limit: u8,
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=@,.;".contains(&byte))
}

fuzz_target!(|input: Input| {
    let Input { one, other, limit } = input;
    let limit = usize::from(limit);
    if let Ok(name) = ChannelName::parse_within(&one, limit) {
        assert_eq!((name.as_str(), name.to_string().as_str()), (one.as_str(), one.as_str()));
        assert!(limit == 0 || one.chars().count() <= limit);
        assert!(is_plain(&one) || name.user().is_some());
        assert!(!one.is_empty() && !one.chars().any(char::is_control));
        assert!(one.ends_with(name.logical()));
        assert_eq!(name.user().is_some(), name.kind() == ChannelKind::ServerToUser);
        assert_eq!(Pattern::parse(&one).ok(), None, "no name is a pattern");
    }
    if let (Ok(wanted), Ok(channel)) = (Subscription::parse(&one), ChannelName::parse(&other)) {
        assert_eq!(Subscription::parse(&wanted.to_string()).as_ref(), Ok(&wanted));
        let hears = match one.strip_suffix('*').filter(|_| !one.starts_with('#')) {
            Some(stem) => other.len() > stem.len() && other.starts_with(stem),
            None => one == other,
        };
        assert_eq!(wanted.covers(&channel), hears);
        assert!(
            !hears || wanted.kind() == channel.kind() || !one.ends_with('*') || {
                // `private-encrypted-` lies within `private-*`'s reach by its letters alone.
                channel.kind() == ChannelKind::Encrypted && wanted.kind() == ChannelKind::Private
            }
        );
    }
    if let Ok(position) = one.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    if let Ok(Some(id)) = SocketId::parse(&one) {
        assert_eq!(id.to_string(), one);
    }
    let _ = Place::parse(&one);
    if let Some(key) = upgrade::key(&one) {
        assert!(!key.is_empty() && !key.contains('/') && one.ends_with(&format!("/app/{key}")));
    }
});
