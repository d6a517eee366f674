//! The only maker of outgoing bytes.
//!
//! A publication becomes one [`Draft`] a channel; [`Draft::seal`] gives it its place in the history and makes a
//! [`Sealed`]: the whole WebSocket frame, header and payload, made once and shared by reference with every
//! subscriber. A sealed frame has two forms, the plain one and, for native clients, one that tells its
//! position, made when the first of them is served. What is told to one connection alone is made here too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};

use crate::protocol::peer::SocketId;
use crate::protocol::{ChannelName, CloseCode, Position, ServerOp, op};

/// An event before it has a place.
#[derive(Debug)]
pub struct Draft {
    channel: ChannelName,
    text: String,
    except: Option<SocketId>,
}

impl Draft {
    /// Encodes an event for one channel; `data` is the inner text, and `except` does not hear it.
    pub fn new(channel: ChannelName, event: &str, data: &str, except: Option<SocketId>) -> Self {
        let text = op::encode_event(event, Some(channel.as_str()), data, None, None);
        Self { channel, text, except }
    }

    /// Encodes what one client tells the others of a channel; `data` is JSON text, which goes on as it came.
    /// `user_id` is the sender, on presence channels.
    pub fn client_event(
        channel: ChannelName,
        event: &str,
        data: &str,
        user_id: Option<&str>,
        except: Option<SocketId>,
    ) -> Self {
        let text = op::encode_client_event(event, channel.as_str(), data, user_id);
        Self { channel, text, except }
    }

    /// The channel that it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who does not hear it.
    pub fn except(&self) -> Option<SocketId> {
        self.except
    }

    /// Gives it its place, at this moment. `None` is an event that no history keeps.
    pub fn seal(self, position: Option<Position>, at: Instant) -> Sealed {
        let Self { channel, text, except } = self;
        let plain = frame(TEXT, text.as_bytes());
        let header = plain.len() - text.len();
        let number = SEALED.fetch_add(1, Ordering::Relaxed);
        let native = OnceLock::new();
        Sealed(Arc::new(Inner { number, channel, position, at, except, header, plain, native }))
    }
}

/// How many have been sealed; 0 is none of them.
static SEALED: AtomicU64 = AtomicU64::new(1);

/// An event in its place, ready for any number of sockets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sealed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    number: u64,
    channel: ChannelName,
    position: Option<Position>,
    at: Instant,
    except: Option<SocketId>,
    header: usize,
    plain: Bytes,
    native: OnceLock<Bytes>,
}

impl Sealed {
    /// Tells it from every other, also from those that have no position. Never 0.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// The channel that it is for.
    pub fn channel(&self) -> &ChannelName {
        &self.0.channel
    }

    /// Its place in the history; none for what no history keeps.
    pub fn position(&self) -> Option<Position> {
        self.0.position
    }

    /// When it was sealed.
    pub fn at(&self) -> Instant {
        self.0.at
    }

    /// Whether this connection is to hear it.
    pub fn is_for(&self, socket_id: SocketId) -> bool {
        self.0.except != Some(socket_id)
    }

    /// The frame, with its position for native clients.
    pub fn frame(&self, native: bool) -> &Bytes {
        match self.0.position {
            Some(position) if native => self.0.native.get_or_init(|| {
                let text = &self.0.plain[self.0.header..];
                let mut told = BytesMut::with_capacity(text.len() + 48);
                told.put_slice(&text[..text.len() - 1]);
                told.put_slice(format!(",\"position\":\"{position}\"}}").as_bytes());
                frame(TEXT, &told)
            }),
            _ => &self.0.plain,
        }
    }

    /// The JSON text, in its plain form.
    pub fn text(&self) -> &str {
        // Made from a text, behind a header.
        std::str::from_utf8(&self.0.plain[self.0.header..]).unwrap_or_default()
    }

    /// The frame's length in its plain form, by which queues are bounded.
    pub fn size(&self) -> usize {
        self.0.plain.len()
    }

    /// The bytes that it takes to keep this, by which histories are bounded: both forms, whether or not the second
    /// has been made, and what lies around them.
    pub fn footprint(&self) -> usize {
        2 * self.0.plain.len() + AROUND
    }
}

/// Bytes besides the frames: the event's own fields, its channel's name, and its entries in a history.
const AROUND: usize = 320;

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The frame of an op that one connection is told.
pub fn control(op: &ServerOp) -> Bytes {
    frame(TEXT, op.encode().as_bytes())
}

/// A WebSocket ping without payload.
pub fn ping() -> Bytes {
    frame(PING, &[])
}

/// The answer to a WebSocket ping.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, payload)
}

/// A close frame; the reason is cut to what a control frame holds.
pub fn close(code: CloseCode, reason: &str) -> Bytes {
    let mut payload = code.0.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(123)]);
    frame(CLOSE, &payload)
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => frame.put_u8(u8::try_from(short).unwrap_or(125)),
        medium @ 126..=0xFFFF => {
            frame.put_u8(126);
            frame.put_u16(u16::try_from(medium).unwrap_or(u16::MAX));
        }
        long => {
            frame.put_u8(127);
            frame.put_u64(long as u64);
        }
    }
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Epoch;

    fn draft(data: &str) -> Draft {
        Draft::new(ChannelName::parse("private-staff").expect("a name"), "App\\Events\\X", data, None)
    }

    fn text(frame: &Bytes) -> &str {
        let header = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        std::str::from_utf8(&frame[header..]).expect("UTF-8")
    }

    #[test]
    fn a_sealed_frame_is_the_same_for_all_but_for_the_position_of_natives() {
        let position = Position { epoch: Epoch(35), offset: 7 };
        let now = crate::time::monotonic();
        for data in ["", "{}", "no JSON \" \\ \u{1}", &"é".repeat(100), &"x".repeat(70_000)] {
            let sealed = draft(data).seal(Some(position), now);
            let plain = ServerOp::parse(text(sealed.frame(false))).expect("an op");
            let native = ServerOp::parse(text(sealed.frame(true))).expect("an op");
            let event = |position| ServerOp::Event {
                event: "App\\Events\\X".into(),
                channel: Some("private-staff".into()),
                data: data.into(),
                user_id: None,
                position,
            };
            assert_eq!(plain, event(None));
            assert_eq!(native, event(Some(position)));
            assert!(std::ptr::eq(sealed.frame(true).as_ptr(), sealed.clone().frame(true).as_ptr()));
        }
        let kept_nowhere = draft("{}").seal(None, now);
        assert_eq!(kept_nowhere.frame(true), kept_nowhere.frame(false));
    }

    #[test]
    fn what_a_client_says_goes_on_as_it_came() {
        let channel = ChannelName::parse("private-staff").expect("a name");
        let sealed = |data, user_id| {
            let draft = Draft::client_event(channel.clone(), "client-\"x\"", data, user_id, None);
            draft.seal(None, crate::time::monotonic())
        };
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let head = r#"{"event":"client-\"x\"","channel":"private-staff","data":"#;
        for data in [
            "null",
            "1e400",
            r#""text é \u00e9 \ud800""#,
            r#"{ "b" : 1, "a": [ 1.0, 1.00, {} ], "b":2 }"#,
            "[\n]",
            &deep,
        ] {
            assert_eq!(text(sealed(data, None).frame(true)), format!("{head}{data}}}"));
            let signed = format!("{head}{data},\"user_id\":\"7\"}}");
            assert_eq!(text(sealed(data, Some("7")).frame(false)), signed);
        }
        assert_eq!(text(sealed("no JSON", None).frame(false)), format!("{head}null}}"));
    }

    #[test]
    fn the_length_is_written_as_the_standard_says() {
        for (length, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xFFFF, &[0x81, 126, 0xFF, 0xFF]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = frame(TEXT, &vec![b'x'; length]);
            assert_eq!(&frame[..header.len()], header);
            assert_eq!(frame.len(), header.len() + length);
        }
    }

    #[test]
    fn a_close_frame_never_outgrows_a_control_frame() {
        let frame = close(CloseCode::RECONNECT, &"é".repeat(100));
        assert!(frame[1] <= 125);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
