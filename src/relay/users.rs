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
