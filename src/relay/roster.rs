//! Who is in a presence channel: users, however many connections each has there.
//!
//! Pure. The first connection of a user makes a member, the last one's end unmakes it; what happens between is
//! nobody's news. Two connections that say different things of one user are one member: what the first said
//! stands, because that is what the others were told.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::protocol::Member;
use crate::protocol::peer::Full;

/// The members of one presence channel.
#[derive(Debug, Default)]
pub struct Roster {
    members: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    user_info: Option<String>,
    connections: usize,
}

impl Roster {
    /// A connection of this user has come: whether that makes a new member. `most` of 0 is no limit.
    pub fn enter(&mut self, member: &Member, most: usize) -> Result<bool, Full> {
        let full = most > 0 && self.members.len() >= most;
        match self.members.entry(member.user_id.clone()) {
            Entry::Occupied(mut seen) => {
                seen.get_mut().connections += 1;
                Ok(false)
            }
            Entry::Vacant(_) if full => Err(Full { limit: most }),
            Entry::Vacant(place) => {
                place.insert(Seen { user_info: member.user_info.clone(), connections: 1 });
                Ok(true)
            }
        }
    }

    /// A connection of this user has gone: whether the member has gone with it.
    pub fn leave(&mut self, user_id: &str) -> bool {
        let Some(seen) = self.members.get_mut(user_id) else { return false };
        seen.connections -= 1;
        let last = seen.connections == 0;
        if last {
            self.members.remove(user_id);
        }
        last
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many users are there.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The users' ids.
    pub fn user_ids(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// What a joiner is told: the inner text of the acknowledgement's data.
    pub fn snapshot(&self) -> String {
        #[derive(Serialize)]
        struct Presence<'a> {
            count: usize,
            ids: Vec<&'a str>,
            // Members without anything to tell stand here, too: clients know members by this map.
            hash: BTreeMap<&'a str, Option<&'a RawValue>>,
        }
        #[derive(Serialize)]
        struct Snapshot<'a> {
            presence: Presence<'a>,
        }
        let hash = self.members.iter().map(|(id, seen)| {
            (id.as_str(), seen.user_info.as_deref().and_then(|text| serde_json::from_str(text).ok()))
        });
        let hash = hash.collect();
        let presence = Presence { count: self.len(), ids: self.user_ids().collect(), hash };
        serde_json::to_string(&Snapshot { presence })
            .unwrap_or_else(|_| unreachable!("our own structs always have a JSON text"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn member(user_id: &str, user_info: Option<&str>) -> Member {
        Member { user_id: user_id.into(), user_info: user_info.map(str::to_owned) }
    }

    #[test]
    fn a_joiner_is_told_everybody_also_those_of_whom_nothing_is_known() {
        let mut roster = Roster::default();
        assert_eq!(roster.enter(&member("b", None), 0), Ok(true));
        assert_eq!(roster.enter(&member("a", Some(r#"{"n": 1}"#)), 0), Ok(true));
        assert_eq!(roster.enter(&member("a", Some("2")), 0), Ok(false));
        let told = r#"{"presence":{"count":2,"ids":["a","b"],"hash":{"a":{"n": 1},"b":null}}}"#;
        assert_eq!(roster.snapshot(), told);
    }

    #[test]
    fn a_full_channel_lets_a_members_second_connection_in() {
        let mut roster = Roster::default();
        assert_eq!(roster.enter(&member("a", None), 2), Ok(true));
        assert_eq!(roster.enter(&member("b", None), 2), Ok(true));
        assert_eq!(roster.enter(&member("c", None), 2), Err(Full { limit: 2 }));
        assert_eq!(roster.enter(&member("b", None), 2), Ok(false));
        assert!(!roster.leave("b") && roster.leave("b"));
        assert_eq!(roster.enter(&member("c", None), 2), Ok(true));
    }

    proptest! {
        #[test]
        fn a_user_is_a_member_from_the_first_connection_to_the_last(
            steps in prop::collection::vec((any::<bool>(), 0_u8..4), 0..60),
        ) {
            let mut roster = Roster::default();
            let mut open: Vec<u8> = Vec::new();
            for (enters, user) in steps {
                let was = open.contains(&user);
                if enters {
                    open.push(user);
                    prop_assert_eq!(roster.enter(&member(&user.to_string(), None), 0), Ok(!was));
                } else {
                    if let Some(at) = open.iter().position(|other| *other == user) {
                        open.swap_remove(at);
                    }
                    prop_assert_eq!(roster.leave(&user.to_string()), was && !open.contains(&user));
                }
                let users: BTreeSet<String> = open.iter().map(u8::to_string).collect();
                prop_assert_eq!(roster.user_ids().map(str::to_owned).collect::<BTreeSet<_>>(), users);
            }
        }
    }
}
