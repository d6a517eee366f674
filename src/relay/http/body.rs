//! Request bodies, read under three bounds: one body's bytes, its time, and the memory of all of them together.
//!
//! What counts is what has come in, not what was announced: a promise of megabytes takes no room from others.
//! A body that nobody wants is read on for a little while and thrown away, because whoever closes a connection
//! with bytes still under way resets it, and the answer is lost with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use hyper::header::{EXPECT, HeaderMap};
use tokio::sync::OwnedSemaphorePermit;

use crate::relay::Relay;

/// How long a body may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long, and how far, a body is read that nobody wants.
const DISCARD_WITHIN: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 16 << 20;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// Over its bound.
    TooBig,
    /// Over its time.
    TooSlow,
    /// All bodies together are over their bound.
    TooMany,
    /// The connection or the encoding broke.
    Broken,
}

impl BadBody {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooBig => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    /// The words that say so.
    pub fn says(self) -> &'static str {
        match self {
            Self::TooBig => "The request's body is too large.",
            Self::TooSlow => "The request's body took too long.",
            Self::TooMany => "Too many requests at once; try again.",
            Self::Broken => "The request's body broke off.",
        }
    }
}

/// A body that has not been read. Dropped, it is left where it is.
#[derive(Debug)]
pub struct Unread {
    incoming: Incoming,
    /// The client waits to be asked for it.
    waits: bool,
}

impl Unread {
    /// The body behind these headers.
    pub fn new(headers: &HeaderMap, incoming: Incoming) -> Self {
        Self { incoming, waits: headers.contains_key(EXPECT) }
    }

    /// Reads up to `most` bytes. What comes besides is held while the body is in use.
    pub async fn read(
        mut self,
        relay: &Relay,
        most: usize,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), BadBody> {
        let read = tokio::time::timeout(WITHIN, self.collect(relay, most)).await;
        let read = read.unwrap_or(Err(BadBody::TooSlow));
        match read {
            Err(BadBody::TooBig | BadBody::TooMany) => self.discard().await,
            Ok(_) | Err(BadBody::TooSlow | BadBody::Broken) => {}
        }
        read
    }

    async fn collect(
        &mut self,
        relay: &Relay,
        most: usize,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), BadBody> {
        if self.incoming.size_hint().lower() > most as u64 {
            return Err(BadBody::TooBig);
        }
        let mut body = BytesMut::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = self.incoming.frame().await {
            // Who waited has been told to go on.
            self.waits = false;
            let Ok(data) = frame.map_err(|_| BadBody::Broken)?.into_data() else { continue };
            let length = body.len() + data.len();
            if length > most {
                return Err(BadBody::TooBig);
            }
            // Counted in kilobytes, rounded up.
            let wanted = length.div_ceil(1024) - held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let wanted = u32::try_from(wanted).map_err(|_| BadBody::TooBig)?;
            let more = Arc::clone(&relay.bodies).try_acquire_many_owned(wanted).map_err(|_| {
                relay.metrics.shed();
                BadBody::TooMany
            })?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
            body.extend_from_slice(&data);
        }
        Ok((body.freeze(), held))
    }

    /// Reads on for a little while, and keeps nothing.
    pub async fn discard(mut self) {
        if self.waits {
            return;
        }
        let read = async {
            let mut seen = 0;
            while let Some(Ok(frame)) = self.incoming.frame().await {
                seen += frame.data_ref().map_or(0, Bytes::len);
                if seen > DISCARD_BYTES {
                    break;
                }
            }
        };
        // After that the client may lose the answer.
        let _ = tokio::time::timeout(DISCARD_WITHIN, read).await;
    }
}
