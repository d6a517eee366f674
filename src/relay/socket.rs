//! One connection: the only file of the relay that touches a WebSocket.
//!
//! One task owns the socket, the peer's state and the outbox's end. Bytes that come become ops for the peer;
//! what the peer wants done is done; whatever waits in the outbox goes out in one vectored write of ready
//! frames, up to [`BATCH`] at a time, and who is behind is served from the history in between. While nothing
//! happens, a connection holds no buffer at all.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

use self::reader::{Incoming, Reader};
use super::broker::Fetch;
use super::encode;
use super::exposure::Exposure;
use super::metrics::Metrics;
use super::outbox::{Cursor, Outbox};
use super::publish::{self, ClientEvent};
use super::tenant::{Connection, Tenant};
use crate::protocol::peer::{Missed, Output, Peer};
use crate::protocol::{ClientOp, CloseCode, Member, Position, Subscription};
use crate::time;

pub mod reader;

/// Frames that go out in one write, at most.
pub const BATCH: usize = 64;
/// Bytes that are read at a time.
const READ: usize = 4096;
/// How long the other side has to take its leave.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a user whose connection broke off is not said to be gone.
const MAY_BE_BACK: Duration = Duration::from_secs(2);

/// One connection that was let in.
#[derive(Debug)]
pub struct Socket<S> {
    io: S,
    /// None once the client broke the protocol: what follows has no meaning.
    reader: Option<Reader>,
    peer: Peer,
    outbox: Arc<Outbox>,
    tenant: Arc<Tenant>,
    metrics: Arc<Metrics>,
    /// Frames on their way, and how much of the first is already gone.
    writing: VecDeque<Bytes>,
    written: usize,
    /// What is being read from the history's disk.
    fetching: Option<Box<(Cursor, Fetch)>>,
    goodbye: Goodbye,
    /// Once the connection is to end: when it does so at the latest.
    until: Option<Instant>,
    /// Whether the client has closed.
    left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goodbye {
    Unsaid,
    /// The close frame is the last of the frames on their way.
    Queued,
    /// It is written, and nothing will be any more.
    Said,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Takes a connection whose handshake is done.
    pub fn new(io: S, peer: Peer, tenant: Arc<Tenant>, metrics: Arc<Metrics>, exposure: Exposure) -> Self {
        let outbox = Arc::new(Outbox::new(peer.socket_id(), peer.is_native()));
        tracing::debug!(socket_id = %peer.socket_id(), app = tenant.app.id, ?exposure, "connected");
        tenant.connected(Connection { outbox: Arc::clone(&outbox), exposure });
        metrics.connection_opened();
        Self {
            io,
            reader: Some(Reader::default()),
            peer,
            outbox,
            tenant,
            metrics,
            writing: VecDeque::new(),
            written: 0,
            fetching: None,
            goodbye: Goodbye::Unsaid,
            until: None,
            left: false,
        }
    }

    /// Serves the connection until its end; `early` are bytes that came with the handshake. What is returned
    /// has hung up, and is to be seen off.
    pub async fn run(mut self, early: Bytes) -> Ended {
        if !early.is_empty() {
            self.take_in(&mut early.to_vec());
        }
        {
            let mut timer = pin!(tokio::time::sleep_until(self.deadline().into()));
            std::future::poll_fn(|cx| self.poll(cx, timer.as_mut())).await;
        }
        let Self { tenant, outbox, peer, left, goodbye, metrics, .. } = self;
        tenant.disconnected(outbox.socket_id());
        metrics.connection_closed();
        tracing::debug!(socket_id = %outbox.socket_id(), "disconnected");
        let cut = !left && goodbye == Goodbye::Unsaid;
        let ended = Ended { tenant, outbox, peer, cut };
        ended.stop_hearing();
        ended
    }

    fn deadline(&self) -> Instant {
        self.until.unwrap_or_else(|| self.peer.deadline())
    }

    /// Ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        loop {
            self.act();
            let deadline = self.deadline().into();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_ready() {
                if self.until.is_some() {
                    return Poll::Ready(());
                }
                self.peer.on_timeout(time::monotonic());
                continue;
            }
            match self.poll_write(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if self.goodbye == Goodbye::Said && self.left => return Poll::Ready(()),
                // Whoever does not read our answers is not asked for more questions.
                Poll::Pending if self.until.is_none() && !self.outbox.has_room_for_answers() => {
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if self.until.is_some_and(|until| deadline != until.into()) {
                // Writing has decided the end; the timer has to know.
                continue;
            }
            match ready!(self.poll_read(cx)) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Does what the peer wants done.
    fn act(&mut self) {
        while let Some(output) = self.peer.poll() {
            match output {
                Output::Send(op) => self.outbox.tell(encode::control(&op)),
                Output::Ping => self.outbox.tell(encode::ping()),
                Output::Join { to, since, member } => self.join(&to, since, member.as_ref()),
                Output::Again(to) => {
                    let members = self.tenant.members(&to);
                    self.outbox.tell(encode::control(&self.peer.again(&to, members)));
                }
                Output::SignIn(user) => self.tenant.users.sign_in(&user, &self.outbox),
                Output::Pass { channel, event, data, user_id } => {
                    let from = self.outbox.socket_id();
                    let said = ClientEvent { channel, event, data, user_id, from };
                    publish::pass(&self.tenant, said, &self.metrics);
                }
                Output::Leave { from, user_id } => {
                    self.tenant.leave(&from, user_id.as_deref(), &self.outbox);
                    self.outbox.leave(&from);
                }
                Output::Close(code, reason) => {
                    self.outbox.close(code, reason);
                    self.until.get_or_insert_with(|| time::monotonic() + FAREWELL);
                }
            }
        }
    }

    fn join(&mut self, to: &Subscription, since: Option<Position>, member: Option<&Member>) {
        let Self { tenant, outbox, peer, metrics, .. } = self;
        let joined = tenant.join(to, since, member, outbox, |joined, members| {
            if joined.missed.is_some() {
                metrics.gap_told();
            }
            peer.joined(to, since, joined, members)
        });
        if let Err(full) = joined {
            outbox.tell(encode::control(&peer.not_joined(to, full)));
        }
    }

    /// Writes until nothing waits.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.writing.is_empty() {
                match self.goodbye {
                    Goodbye::Unsaid => self.fill(cx),
                    Goodbye::Queued => {
                        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
                        self.goodbye = Goodbye::Said;
                    }
                    Goodbye::Said => {}
                }
                if self.writing.is_empty() {
                    self.writing = VecDeque::new();
                    return Pin::new(&mut self.io).poll_flush(cx);
                }
            }
            let mut slices = [IoSlice::new(&[]); BATCH];
            let mut count = 0;
            for (slice, frame) in slices.iter_mut().zip(&self.writing) {
                *slice = IoSlice::new(if count == 0 { &frame[self.written..] } else { frame });
                count += 1;
            }
            let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
    }

    fn advance(&mut self, written: usize) {
        self.written += written;
        while let Some(frame) = self.writing.front()
            && self.written >= frame.len()
        {
            self.written -= frame.len();
            self.writing.pop_front();
        }
    }

    /// Puts the next batch on its way.
    fn fill(&mut self, cx: &mut Context<'_>) {
        while self.writing.is_empty() {
            if self.has_fetched(cx) {
                self.act();
                continue;
            }
            let fetching = self.fetching.is_some();
            let taken = self.outbox.take_while(fetching, &mut self.writing, BATCH, cx.waker());
            self.metrics.delivered(taken.events);
            if let Some(cursor) = taken.behind {
                self.serve(cursor);
                self.act();
            } else if let Some((code, reason)) = taken.farewell {
                self.writing.push_back(encode::close(code, reason));
                self.goodbye = Goodbye::Queued;
                self.until.get_or_insert_with(|| time::monotonic() + FAREWELL);
            } else {
                return;
            }
        }
    }

    /// Serves a connection that is behind from the history.
    fn serve(&mut self, cursor: Cursor) {
        let Self { tenant, outbox, writing, .. } = self;
        let room = BATCH - writing.len();
        match outbox.serve(&cursor, &*tenant.broker, writing, room) {
            Ok((served, fetch)) => {
                self.metrics.delivered(served);
                self.fetching = fetch.map(|fetch| Box::new((cursor, fetch)));
            }
            Err(missed) => self.too_slow(missed),
        }
    }

    /// Whether something has been read from the history's disk; it is on its way then.
    fn has_fetched(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(fetching) = &mut self.fetching else { return false };
        let Poll::Ready(fetched) = Pin::new(&mut fetching.1).poll(cx) else { return false };
        let Some((cursor, _)) = self.fetching.take().map(|fetching| *fetching) else { return false };
        match fetched {
            Ok(batch) => {
                let served = self.outbox.fetched(&cursor, &batch, &mut self.writing);
                self.metrics.delivered(served);
            }
            Err(missed) => self.too_slow(missed),
        }
        true
    }

    fn too_slow(&mut self, missed: Missed) {
        // Without the channels: a name can hold a guest's id.
        tracing::info!(socket_id = %self.outbox.socket_id(), ?missed, "too slow");
        self.metrics.too_far_behind();
        let reason = "the connection is slower than the history is long";
        self.peer.close(CloseCode::OVER_CAPACITY, reason);
    }

    /// Reads once; false at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        let came = buffer.filled_mut();
        let more = !came.is_empty();
        self.take_in(came);
        Poll::Ready(Ok(more))
    }

    /// Reads what came, and does what each message asks for before the next is looked at: what the second may do
    /// depends on what became of the first.
    fn take_in(&mut self, bytes: &mut [u8]) {
        let Some(mut reader) = self.reader.take() else { return };
        let mut answer = CloseCode(1000);
        let fed = reader.feed(bytes, |incoming| match incoming {
            Incoming::Text(text) => {
                self.peer.handle(ClientOp::parse(text), time::monotonic());
                self.act();
            }
            Incoming::Ping(payload) => {
                self.peer.heard();
                self.outbox.tell(encode::pong(payload));
            }
            Incoming::Pong => self.peer.heard(),
            Incoming::Close(code) => {
                self.left = true;
                answer = code.map_or(answer, CloseCode);
            }
        });
        if let Err(violation) = fed {
            // What follows has no meaning: there is no reader any more.
            self.metrics.violation();
            let (code, reason) = violation.close();
            self.peer.close(code, reason);
            return;
        }
        self.reader = Some(reader);
        if self.left {
            self.peer.close(answer, "");
        }
    }
}

/// A connection that has hung up, and what its users still are until they are seen off.
#[derive(Debug)]
pub struct Ended {
    tenant: Arc<Tenant>,
    outbox: Arc<Outbox>,
    peer: Peer,
    /// Whether it broke off, without a word from either side.
    cut: bool,
}

impl Ended {
    /// Leaves everything but what a member may be back for in a moment.
    fn stop_hearing(&self) {
        for (left, user_id) in self.peer.subscriptions() {
            if !self.may_be_back(user_id) {
                self.tenant.leave(left, user_id, &self.outbox);
            }
        }
        if let Some(user) = self.peer.user() {
            self.tenant.users.stop_watching(user, &self.outbox);
        }
    }

    fn may_be_back(&self, user_id: Option<&str>) -> bool {
        self.cut && user_id.is_some()
    }

    /// Lets the user leave its presence channels and sign out: at once after a goodbye, and in a moment after a
    /// cut, so that whoever is back by then has never been away.
    pub async fn see_off(self) {
        let rest = || self.peer.subscriptions().filter(|(_, user_id)| self.may_be_back(*user_id));
        let user = self.peer.user();
        if rest().next().is_some() || (self.cut && user.is_some()) {
            tokio::time::sleep(MAY_BE_BACK).await;
        }
        for (left, user_id) in rest() {
            self.tenant.leave(left, user_id, &self.outbox);
        }
        if let Some(user) = user {
            self.tenant.users.sign_out(user, &self.outbox);
        }
    }
}

/// Tells a client why it is not let in, and closes.
pub async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut io: S, told: Vec<Output>) {
    let farewell = async {
        for output in told {
            match output {
                Output::Send(op) => io.write_all(&encode::control(&op)).await?,
                Output::Close(code, reason) => io.write_all(&encode::close(code, reason)).await?,
                Output::Ping
                | Output::Join { .. }
                | Output::Again(_)
                | Output::Leave { .. }
                | Output::SignIn(_)
                | Output::Pass { .. } => {}
            }
        }
        io.shutdown().await?;
        // Closed before the client has read it, the connection would be reset and the reason lost.
        let mut rest = [0; 256];
        while io.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        tracing::debug!("a refused client did not leave");
    }
}
