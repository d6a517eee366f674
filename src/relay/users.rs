//! Who has signed in, and who watches whom.
//!
//! A user is online from the first signed-in connection to the last one's end. Whoever has a user on the
//! watchlist is told of both, and of everybody on the list at the signin. One lock covers each change and its
//! telling, so that all watchers hear the same story in the same order; telling only queues a frame.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::encode;
use super::outbox::Outbox;
use crate::protocol::{CloseCode, User};

/// The signed-in users of one app.
#[derive(Debug, Default)]
pub struct Users(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    online: HashMap<String, Vec<Arc<Outbox>>>,
    watchers: HashMap<String, Vec<Arc<Outbox>>>,
}

impl Users {
    /// A connection belongs to this user from now on. It is told who of the watchlist is online.
    pub fn sign_in(&self, user: &User, outbox: &Arc<Outbox>) {
        let mut known = self.lock();
        let connections = known.online.entry(user.id.clone()).or_default();
        connections.push(Arc::clone(outbox));
        if connections.len() == 1 {
            known.tell_watchers(&user.id, &frame(&[&user.id], &[]));
        }
        if user.watchlist.is_empty() {
            return;
        }
        for watched in &user.watchlist {
            let watchers = known.watchers.entry(watched.clone()).or_default();
            if !watchers.iter().any(|other| Arc::ptr_eq(other, outbox)) {
                watchers.push(Arc::clone(outbox));
            }
        }
        let watched = user.watchlist.iter().map(String::as_str);
        let (online, offline): (Vec<_>, Vec<_>) = watched.partition(|id| known.online.contains_key(*id));
        outbox.tell(frame(&online, &offline));
    }

    /// A connection that belonged to this user watches nobody any more: it has ended.
    pub fn stop_watching(&self, user: &User, outbox: &Arc<Outbox>) {
        let mut known = self.lock();
        for watched in &user.watchlist {
            remove(&mut known.watchers, watched, outbox);
        }
    }

    /// A connection of this user is no more.
    pub fn sign_out(&self, user: &User, outbox: &Arc<Outbox>) {
        let mut known = self.lock();
        if remove(&mut known.online, &user.id, outbox) {
            known.tell_watchers(&user.id, &frame(&[], &[&user.id]));
        }
    }

    /// Ends all of a user's connections, and says how many there were.
    pub fn terminate(&self, user_id: &str) -> usize {
        let known = self.lock();
        let connections = known.online.get(user_id).map_or(&[][..], Vec::as_slice);
        for outbox in connections {
            outbox.close(CloseCode::UNAUTHORIZED, "the app has ended this user's connections");
        }
        connections.len()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn tell_watchers(&self, user_id: &str, told: &Bytes) {
        for outbox in self.watchers.get(user_id).into_iter().flatten() {
            outbox.tell(told.clone());
        }
    }
}

fn frame(online: &[&str], offline: &[&str]) -> Bytes {
    encode::control(&User::watched(online, offline))
}

/// Takes an outbox off a user's list; whether it was the last there.
fn remove(lists: &mut HashMap<String, Vec<Arc<Outbox>>>, user_id: &str, outbox: &Arc<Outbox>) -> bool {
    let Some(list) = lists.get_mut(user_id) else { return false };
    list.retain(|other| !Arc::ptr_eq(other, outbox));
    let empty = list.is_empty();
    if empty {
        lists.remove(user_id);
    }
    empty
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, VecDeque};
    use std::task::Waker;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::protocol::ServerOp;
    use crate::protocol::peer::SocketId;

    #[derive(Clone, Debug)]
    enum Step {
        SignIn(u8, BTreeSet<u8>),
        /// It hears nothing more; its user may be back in a moment.
        HangUp(Index),
        SeeOff(Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_u8..4, prop::collection::btree_set(0_u8..4, 0..4)).prop_map(|(user, watched)| Step::SignIn(user, watched)),
            1 => any::<Index>().prop_map(Step::HangUp),
            2 => any::<Index>().prop_map(Step::SeeOff),
        ]
    }

    struct Seen {
        user: User,
        outbox: Arc<Outbox>,
        hears: bool,
        knows: BTreeMap<String, bool>,
    }

    /// What a connection has been told of users: who, and whether online.
    fn news(outbox: &Outbox) -> Vec<(String, bool)> {
        let mut frames = VecDeque::new();
        outbox.take(&mut frames, usize::MAX, Waker::noop());
        let mut news = Vec::new();
        for frame in frames {
            let text = std::str::from_utf8(&frame[2..]).or_else(|_| std::str::from_utf8(&frame[4..]));
            let text = text.expect("text behind a header").trim_start_matches(|c| c != '{');
            let Ok(ServerOp::Event { event, data, .. }) = ServerOp::parse(text) else { panic!("{text}") };
            assert_eq!(event, "pusher_internal:watchlist_events");
            let told: serde_json::Value = serde_json::from_str(&data).expect("JSON");
            for seen in told["events"].as_array().expect("a list") {
                let ids = seen["user_ids"].as_array().expect("ids");
                assert!(!ids.is_empty(), "{data}");
                news.extend(
                    ids.iter().map(|id| (id.as_str().expect("text").to_owned(), seen["name"] == "online")),
                );
            }
        }
        news
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whoever_watches_knows_who_is_there_and_is_told_each_change_once(
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let users = Users::default();
            let mut open: Vec<Seen> = Vec::new();
            for (number, step) in (0..).zip(steps) {
                match step {
                    Step::SignIn(id, watched) => {
                        let watchlist = watched.iter().map(u8::to_string).collect();
                        let user = User { id: id.to_string(), user_info: None, watchlist };
                        let outbox = Arc::new(Outbox::new(SocketId(number, 0), false));
                        users.sign_in(&user, &outbox);
                        open.push(Seen { user, outbox, hears: true, knows: BTreeMap::new() });
                    }
                    Step::HangUp(at) if !open.is_empty() => {
                        let at = at.index(open.len());
                        users.stop_watching(&open[at].user, &open[at].outbox);
                        open[at].hears = false;
                    }
                    Step::SeeOff(at) if !open.is_empty() => {
                        let Seen { user, outbox, .. } = open.swap_remove(at.index(open.len()));
                        users.stop_watching(&user, &outbox);
                        users.sign_out(&user, &outbox);
                    }
                    Step::HangUp(_) | Step::SeeOff(_) => {}
                }
                let online: BTreeSet<String> = open.iter().map(|seen| seen.user.id.clone()).collect();
                for Seen { user, outbox, hears, knows } in &mut open {
                    for (id, there) in news(outbox) {
                        prop_assert!(*hears, "{id} is told to one who has gone");
                        prop_assert!(user.watchlist.contains(&id), "{id} is not watched");
                        prop_assert_ne!(knows.insert(id, there), Some(there), "told twice");
                    }
                    for id in user.watchlist.iter().filter(|_| *hears) {
                        prop_assert_eq!(knows.get(id), Some(&online.contains(id)));
                    }
                }
            }
            for id in 0..4_u8 {
                let id = id.to_string();
                let connections = open.iter().filter(|seen| seen.user.id == id).count();
                prop_assert_eq!(users.terminate(&id), connections);
            }
            for Seen { user, outbox, .. } in open {
                users.stop_watching(&user, &outbox);
                users.sign_out(&user, &outbox);
            }
            let known = users.lock();
            prop_assert!(known.online.is_empty() && known.watchers.is_empty(), "nothing is kept of who has gone");
        }
    }
}
