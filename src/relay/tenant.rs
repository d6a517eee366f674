//! An app: its names, its secret, its limits, whom it lets in; and a tenant: an app that is being served.
//!
//! Apps come from the settings as values in a list, also where there is only one. A [`Tenant`] holds what an
//! app has at run time, its history, its subscribers and its connections, and shares none of it with another.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::broker::journal::Journalled;
use super::broker::memory::Memory;
use super::broker::{Bounds, Broker, Engine, Follower};
use super::cache::{Cache, Cached};
use super::encode;
use super::exposure::Exposure;
use super::hub::Hub;
use super::metrics::Metrics;
use super::outbox::Outbox;
use super::roster::Roster;
use super::users::Users;
use super::webhooks::{Fact, Hooks, Webhook};
use crate::journal;
use crate::protocol::peer::{Full, Joined, Rules, SocketId};
use crate::protocol::{ChannelName, Epoch, Member, Position, ServerOp, Subscription};
use crate::time;

/// One app that the relay serves.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct App {
    /// Names the app in the HTTP API's paths. Unique.
    pub id: String,
    /// Names the app to everybody; public. Unique.
    pub key: String,
    /// Signs what only the backend may allow.
    pub secret: SecretString,
    /// A disabled app is known, and refused.
    pub enabled: bool,
    /// Which web pages may ask the auth endpoint, and, where they are listed, connect.
    pub origins: Origins,
    /// The most connections at a time; 0 is no limit.
    pub max_connections: usize,
    /// Whether clients may send events to each other.
    pub client_events: bool,
    /// Whether users may sign in.
    pub user_authentication: bool,
    /// Whether signed-in users may watch each other come and go.
    pub watchlist: bool,
    /// Whether subscribers are told how many they are.
    pub subscription_count: bool,
    /// What a publication and a name may measure.
    pub limits: Limits,
    /// Who is told what happens in it.
    pub webhooks: Vec<Webhook>,
}

impl App {
    /// An enabled app with the defaults of everything else.
    pub fn new(id: impl Into<String>, key: impl Into<String>, secret: SecretString) -> Self {
        Self {
            id: id.into(),
            key: key.into(),
            secret,
            enabled: true,
            origins: Origins::AnyLoopback,
            max_connections: 0,
            client_events: true,
            user_authentication: true,
            watchlist: true,
            subscription_count: false,
            limits: Limits::default(),
            webhooks: Vec::new(),
        }
    }

    /// The app of a relay that nobody has configured. Its secret is public: for loopback alone.
    pub fn default_app() -> Self {
        Self::new("app-id", "app-key", SecretString::from(DEFAULT_SECRET))
    }

    /// Whether the secret can be guessed: the default one, or one of less than 16 bytes.
    pub fn has_weak_secret(&self) -> bool {
        let secret = self.secret.expose_secret();
        secret == DEFAULT_SECRET || secret.len() < 16
    }
}

const DEFAULT_SECRET: &str = "app-secret";

/// What a publication and a name may measure. 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of a channel's name.
    pub channel_name: usize,
    /// Characters of an event's name.
    pub event_name: usize,
    /// Kilobytes (1024) of an event's `data`, decoded, as UTF-8.
    pub event_kb: usize,
    /// Channels of one event.
    pub channels_per_event: usize,
    /// Events of one batch.
    pub batch_events: usize,
    /// Members of one presence channel, by user.
    pub presence_members: usize,
    /// Kilobytes (1024) of what a member tells of itself (`user_info`).
    pub presence_user_kb: usize,
    /// Client events of one connection in a second, and at once.
    pub client_events_per_second: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Refused signatures of one connection, after which it is closed.
    pub failed_auths: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            channel_name: 200,
            event_name: 200,
            event_kb: 100,
            channels_per_event: 100,
            batch_events: 10,
            presence_members: 100,
            presence_user_kb: 2,
            client_events_per_second: 10,
            subscriptions: 1000,
            failed_auths: 10,
        }
    }
}

/// An app that is being served.
pub struct Tenant {
    /// What the settings say of it.
    pub app: App,
    /// What holds for its connections.
    pub rules: Arc<Rules>,
    /// Its subscribers.
    pub hub: Arc<Hub>,
    /// Its history.
    pub broker: Box<dyn Broker>,
    /// Its signed-in users.
    pub users: Users,
    /// Whom it tells what happens in it.
    pub hooks: Hooks,
    /// The members of its presence channels. The lock covers a member's coming or going and its telling.
    rosters: Mutex<HashMap<ChannelName, Roster>>,
    cache: Arc<Cache>,
    connections: Mutex<HashMap<SocketId, Connection>>,
    /// Connections that were let in, those whose handshake is still under way included.
    seats: AtomicUsize,
}

/// What a connection holds from the moment it is let in until its end.
#[derive(Debug)]
pub struct Seat(Arc<Tenant>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seats.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One connection of a tenant.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The queue to it.
    pub outbox: Arc<Outbox>,
    /// Where it came from.
    pub exposure: Exposure,
}

impl Tenant {
    /// Begins to serve an app.
    ///
    /// # Errors
    /// Its history can't be read.
    pub fn open(
        app: App,
        guard: Vec<Subscription>,
        bounds: Bounds,
        engine: &Engine,
        metrics: &Arc<Metrics>,
        hooks: Hooks,
    ) -> Result<Self, journal::Error> {
        let hub = Arc::new(Hub::new(Arc::clone(metrics), hooks.clone()));
        let cache = Arc::new(Cache::default());
        let (passes_on, keeps) = (Arc::clone(&hub), Arc::clone(&cache));
        let follower = move |sealed: &encode::Sealed| {
            keeps.keep(sealed);
            passes_on.fan_out(sealed);
        };
        let broker = broker(engine, &app.id, bounds, Box::new(follower))?;
        let rules = Rules {
            key: app.key.clone(),
            secret: app.secret.clone(),
            guard,
            channel_name: app.limits.channel_name,
            subscriptions: app.limits.subscriptions,
            failed_auths: app.limits.failed_auths,
            client_events: app.client_events,
            client_events_per_second: app.limits.client_events_per_second,
            event_name: app.limits.event_name,
            event_kb: app.limits.event_kb,
            presence_user_kb: app.limits.presence_user_kb,
            user_authentication: app.user_authentication,
            watchlist: app.watchlist,
        };
        Ok(Self {
            app,
            rules: Arc::new(rules),
            hub,
            broker,
            users: Users::default(),
            hooks,
            rosters: Mutex::default(),
            cache,
            connections: Mutex::default(),
            seats: AtomicUsize::new(0),
        })
    }

    /// Lets an outbox hear a channel or pattern, from here on or from `since`, with nothing lost between.
    ///
    /// `acknowledge` makes the frames that say so, which go before its events and members. On a presence
    /// channel it is given the members, and the others are told of a new one in the same act: whoever is in
    /// one's snapshot is never announced to one, and whoever is not, is.
    pub fn join(
        &self,
        wanted: &Subscription,
        since: Option<Position>,
        member: Option<&Member>,
        outbox: &Arc<Outbox>,
        acknowledge: impl FnOnce(Joined, Option<String>) -> Vec<ServerOp>,
    ) -> Result<(), Full> {
        match (wanted, member) {
            (Subscription::Channel(channel), Some(member)) => {
                let mut rosters = self.rosters();
                let roster = rosters.entry(channel.clone()).or_default();
                let first = roster.enter(member, self.app.limits.presence_members)?;
                self.hear(wanted, since, outbox, |joined| acknowledge(joined, Some(roster.snapshot())));
                if first {
                    let told = encode::control(&member.added(channel.as_str()));
                    self.hub.tell(channel, &told, Some(outbox.socket_id()));
                    let user_id = member.user_id.clone();
                    self.hooks.tell(Fact::MemberAdded { channel: channel.clone(), user_id });
                }
            }
            (Subscription::Channel(_) | Subscription::Pattern(_), _) => {
                self.hear(wanted, since, outbox, |joined| acknowledge(joined, None));
            }
        }
        self.recount(wanted);
        Ok(())
    }

    fn hear(
        &self,
        wanted: &Subscription,
        since: Option<Position>,
        outbox: &Arc<Outbox>,
        acknowledge: impl FnOnce(Joined) -> Vec<ServerOp>,
    ) {
        let mut empty = None;
        let joined = self.broker.join(wanted, since, &mut |after, head| {
            outbox.join(wanted, after, head);
            match (after, wanted) {
                (None, Subscription::Channel(channel)) if channel.is_cache() => {
                    match self.cache.last(channel, time::monotonic()) {
                        Some(sealed) => self.hub.count(outbox.replay(&sealed)),
                        None => empty = Some(channel),
                    }
                }
                (Some(_) | None, Subscription::Channel(_) | Subscription::Pattern(_)) => {}
            }
            self.hub.join(wanted, Arc::clone(outbox));
        });
        for told in acknowledge(joined) {
            outbox.tell(encode::control(&told));
        }
        if let Some(channel) = empty {
            outbox.tell(encode::control(&ServerOp::CacheMiss { channel: channel.to_string() }));
            if self.cache.miss(channel) {
                self.hooks.tell(Fact::CacheMiss { channel: channel.clone() });
            }
        }
    }

    /// The members of a presence channel, as an acknowledgement tells them.
    pub fn members(&self, wanted: &Subscription) -> Option<String> {
        match wanted {
            Subscription::Channel(channel) => self.rosters().get(channel).map(Roster::snapshot),
            Subscription::Pattern(_) => None,
        }
    }

    /// An outbox hears a channel or pattern no more, and its user, on a presence channel, has left with it.
    pub fn leave(&self, left: &Subscription, user_id: Option<&str>, outbox: &Arc<Outbox>) {
        if let Some(user_id) = user_id {
            self.member_left(left, user_id, outbox);
        }
        self.stop_hearing(left, outbox);
    }

    fn stop_hearing(&self, left: &Subscription, outbox: &Arc<Outbox>) {
        if self.hub.leave(left, outbox)
            && let Subscription::Channel(channel) = left
        {
            self.cache.vacated(channel);
        }
        self.recount(left);
    }

    /// One connection less of a presence channel's member.
    fn member_left(&self, left: &Subscription, user_id: &str, outbox: &Outbox) {
        let Subscription::Channel(channel) = left else { return };
        let mut rosters = self.rosters();
        let Some(roster) = rosters.get_mut(channel) else { return };
        if roster.leave(user_id) {
            let told = encode::control(&Member::removed(user_id, channel.as_str()));
            self.hub.tell(channel, &told, Some(outbox.socket_id()));
            self.hooks.tell(Fact::MemberRemoved { channel: channel.clone(), user_id: user_id.to_owned() });
        }
        if roster.is_empty() {
            rosters.remove(channel);
        }
    }

    fn recount(&self, changed: &Subscription) {
        if self.app.subscription_count
            && let Subscription::Channel(channel) = changed
        {
            self.hub.recount(channel);
        }
    }

    /// The channels that somebody subscribes and whose names begin with `prefix`, in no order.
    pub fn occupied(&self, prefix: &str) -> Vec<ChannelName> {
        self.hub.occupied(prefix)
    }

    /// How many connections subscribe a channel.
    pub fn subscription_count(&self, channel: &ChannelName) -> usize {
        self.hub.subscribers(channel)
    }

    /// The users in a presence channel.
    pub fn users(&self, channel: &ChannelName) -> Vec<String> {
        self.rosters()
            .get(channel)
            .map_or(Vec::new(), |roster| roster.user_ids().map(str::to_owned).collect())
    }

    /// How many users are in a presence channel.
    pub fn user_count(&self, channel: &ChannelName) -> usize {
        self.rosters().get(channel).map_or(0, Roster::len)
    }

    /// The last event of a cache channel.
    pub fn cached(&self, channel: &ChannelName) -> Option<Cached> {
        self.cache.told(channel, time::monotonic())
    }

    /// Ends all connections on which a user has signed in, and says how many there were.
    pub fn terminate(&self, user_id: &str) -> usize {
        self.users.terminate(user_id)
    }

    /// Forgets what is too old, and tells what was not to be told too often. To be called every five seconds.
    pub fn tick(&self) {
        self.broker.prune();
        self.cache.prune(time::monotonic());
        self.hub.tell_counts();
    }

    fn rosters(&self) -> MutexGuard<'_, HashMap<ChannelName, Roster>> {
        self.rosters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has been let in.
    pub fn connected(&self, connection: Connection) {
        self.connections().insert(connection.outbox.socket_id(), connection);
    }

    /// A connection has ended.
    pub fn disconnected(&self, socket_id: SocketId) {
        let mut connections = self.connections();
        connections.remove(&socket_id);
        if connections.capacity() > 1024 && connections.len() * 4 < connections.capacity() {
            connections.shrink_to_fit();
        }
    }

    /// Whether this is one of its connections.
    pub fn has(&self, socket_id: SocketId) -> bool {
        self.connections().contains_key(&socket_id)
    }

    /// A seat for one more connection, until it is dropped; none where the app has as many as it may have.
    pub fn seat(self: &Arc<Self>) -> Option<Seat> {
        let most = self.app.max_connections;
        let sit = |taken: usize| (most == 0 || taken < most).then_some(taken + 1);
        self.seats.fetch_update(Ordering::SeqCst, Ordering::SeqCst, sit).ok()?;
        Some(Seat(Arc::clone(self)))
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.connections().len()
    }

    /// All of its connections at this moment, in no order.
    pub fn connected_now(&self) -> Vec<Connection> {
        self.connections().values().cloned().collect()
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<SocketId, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("app", &self.app)
            .field("connections", &self.count())
            .finish_non_exhaustive()
    }
}

/// Which web pages may read what the relay answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Pages served from this machine.
    AnyLoopback,
    /// These, as browsers write them (`https://desk.example`); `*` is all of them.
    Listed(Vec<String>),
}

/// An app's history where the engine keeps it.
fn broker(
    engine: &Engine,
    app: &str,
    bounds: Bounds,
    follower: Follower,
) -> Result<Box<dyn Broker>, journal::Error> {
    Ok(match engine {
        Engine::Memory => Box::new(Memory::new(Epoch(rand::random()), bounds, follower)),
        Engine::Journal { journal, on_store_error } => {
            Box::new(Journalled::open(journal.clone(), app, bounds, follower, *on_store_error)?)
        }
    })
}

impl Origins {
    /// Whether a page of this origin is let in.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::AnyLoopback => is_loopback_origin(origin),
            Self::Listed(list) => list
                .iter()
                .any(|listed| listed == "*" || listed.trim_end_matches('/').eq_ignore_ascii_case(origin)),
        }
    }

    /// Whether a connection is let in that a page of this origin opens; none: no page does. Only a list shuts a
    /// page out: whoever has the app's key may connect, and what needs a signature is guarded by that.
    pub fn admit(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::AnyLoopback, _) | (Self::Listed(_), None) => true,
            (Self::Listed(_), Some(origin)) => self.allow(origin),
        }
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyLoopback => f.write_str("any origin on this machine"),
            Self::Listed(list) => f.write_str(&list.join(", ")),
        }
    }
}

/// Whether an `Origin` header's value names a page of this machine.
pub fn is_loopback_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.host().is_some_and(|host| names_loopback(&host))
    })
}

/// Whether a host is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
pub fn names_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost")
        }
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_taken_from_the_moment_a_connection_is_let_in() {
        let app = App { max_connections: 2, ..App::default_app() };
        let bounds = Bounds::lasting(std::time::Duration::ZERO);
        let tenant = Arc::new(
            Tenant::open(app, Vec::new(), bounds, &Engine::Memory, &Arc::default(), Hooks::none())
                .expect("in memory"),
        );
        let (first, second) = (tenant.seat(), tenant.seat());
        assert!(first.is_some() && second.is_some() && tenant.seat().is_none());
        drop(first);
        assert!(tenant.seat().is_some(), "a seat that is left can be taken");
    }

    #[test]
    fn a_secret_is_weak_if_it_is_the_default_or_short() {
        let app = |secret: &str| App::new("1", "k", SecretString::from(secret));
        assert!(App::default_app().has_weak_secret());
        assert!(app("").has_weak_secret());
        assert!(app("fifteen-bytes-x").has_weak_secret());
        assert!(!app("sixteen-bytes-xx").has_weak_secret());
    }

    #[test]
    fn a_secret_is_never_printed() {
        let app = App::new("1", "k", SecretString::from("a-secret-of-some-length"));
        assert!(!format!("{app:?}").contains("a-secret-of"));
    }

    #[test]
    fn by_default_every_loopback_origin_is_let_in_and_no_other() {
        let origins = Origins::AnyLoopback;
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:8443",
            "http://127.0.0.1:5173",
            "http://127.8.9.1",
            "http://[::1]:8080",
        ] {
            assert!(origins.allow(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "localhost",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://128.0.0.1",
            "http://evil.example#localhost",
            "file://localhost",
            "http://[::2]",
        ] {
            assert!(!origins.allow(origin), "{origin}");
        }
    }

    #[test]
    fn listed_origins_are_let_in_and_no_other() {
        let origins = Origins::Listed(vec!["https://desk.example".into(), "http://localhost:3000/".into()]);
        assert!(origins.allow("https://desk.example"));
        assert!(origins.allow("http://localhost:3000"));
        assert!(!origins.allow("http://desk.example"));
        assert!(!origins.allow("http://localhost:3001"));
        assert!(!origins.allow("https://desk.example.evil"));
        assert!(Origins::Listed(vec!["*".into()]).allow("https://any.example"));
    }
}
