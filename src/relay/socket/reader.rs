//! WebSocket frames from a client, out of bytes as they come.
//!
//! Pure: bytes in, messages out. It keeps nothing while nothing is half read, which is what makes an idle
//! connection cheap. What a client must not send (RFC 6455: unmasked or reserved frames, bad UTF-8; and our
//! own rules: binary, more than 16 KiB) is a [`Violation`], which ends the connection with its code.

use crate::protocol::CloseCode;

/// Bytes of one message, in all its fragments.
pub const LONGEST: usize = 16 << 10;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A ping, to be answered with its payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// The end, said in good order, with the code if there is one. Nothing that follows is heard.
    Close(Option<u16>),
}

/// What a client must not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A frame without a mask.
    Unmasked,
    /// Reserved bits or opcodes, a malformed control frame, or a close with a code that nobody may send.
    Malformed,
    /// A fragment that continues nothing, or a new message within another.
    Fragment,
    /// A binary message.
    Binary,
    /// Text that is not UTF-8.
    BadUtf8,
    /// More than [`LONGEST`] bytes.
    TooLong,
}

impl Violation {
    /// How the connection is closed.
    pub fn close(self) -> (CloseCode, &'static str) {
        match self {
            Self::Unmasked => (CloseCode(1002), "a client's frames are masked"),
            Self::Malformed => (CloseCode(1002), "a malformed frame"),
            Self::Fragment => (CloseCode(1002), "fragments out of order"),
            Self::Binary => (CloseCode(1003), "text frames only"),
            Self::BadUtf8 => (CloseCode(1007), "a text frame is UTF-8"),
            Self::TooLong => (CloseCode(1009), "a message has at most 16 KiB"),
        }
    }
}

/// Reads one connection's frames.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of a frame whose rest has not come.
    held: Vec<u8>,
    /// The fragments of a message whose last has not come.
    message: Option<Vec<u8>>,
    /// Whether the client has closed.
    closed: bool,
}

struct Head {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    header: usize,
    payload: usize,
}

impl Reader {
    /// Bytes of memory that it keeps for what is half read.
    pub fn kept(&self) -> usize {
        self.held.capacity() + self.message.as_ref().map_or(0, Vec::capacity)
    }

    /// Takes what came, and calls `each` with every message in it. The bytes are unmasked in place.
    pub fn feed(&mut self, bytes: &mut [u8], mut each: impl FnMut(Incoming<'_>)) -> Result<(), Violation> {
        if self.held.is_empty() {
            let read = self.frames(bytes, &mut each)?;
            if !self.closed {
                self.held.extend_from_slice(&bytes[read..]);
            }
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        let mut held = std::mem::take(&mut self.held);
        let read = self.frames(&mut held, &mut each)?;
        if read < held.len() && !self.closed {
            held.drain(..read);
            self.held = held;
        }
        Ok(())
    }

    /// Reads whole frames, and returns how many bytes they were.
    fn frames(&mut self, bytes: &mut [u8], each: &mut impl FnMut(Incoming<'_>)) -> Result<usize, Violation> {
        let mut read = 0;
        while !self.closed
            && let Some(head) = self.head(&bytes[read..])?
        {
            let from = read + head.header;
            let Some(payload) = bytes.get_mut(from..from + head.payload) else { break };
            unmask(payload, head.mask);
            self.frame(&head, payload, each)?;
            read = from + head.payload;
        }
        Ok(read)
    }

    /// Reads a frame's header; `None` until all of it has come.
    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, Violation> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        if first & 0x70 != 0 {
            return Err(Violation::Malformed);
        }
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        let (payload, width) = match second & 0x7F {
            126 => match rest.first_chunk() {
                Some(&length) => (u64::from(u16::from_be_bytes(length)), 2),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(&length) => (u64::from_be_bytes(length), 8),
                None => return Ok(None),
            },
            short => (u64::from(short), 0),
        };
        match opcode {
            0x0 if self.message.is_none() => return Err(Violation::Fragment),
            0x1 if self.message.is_some() => return Err(Violation::Fragment),
            0x0 | 0x1 => {}
            0x2 => return Err(Violation::Binary),
            0x8..=0xA if fin && payload <= 125 => {}
            _ => return Err(Violation::Malformed),
        }
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        let before = self.message.as_ref().map_or(0, Vec::len);
        if payload.saturating_add(before) > LONGEST + 125 || (opcode < 0x8 && payload + before > LONGEST) {
            return Err(Violation::TooLong);
        }
        let Some(&mask) = rest[width..].first_chunk() else { return Ok(None) };
        Ok(Some(Head { fin, opcode, mask, header: 2 + width + 4, payload }))
    }

    fn frame(
        &mut self,
        head: &Head,
        payload: &[u8],
        each: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Violation> {
        match (head.opcode, head.fin) {
            (0x8, _) => {
                self.closed = true;
                each(Incoming::Close(close_code(payload)?));
            }
            (0x9, _) => each(Incoming::Ping(payload)),
            (0xA, _) => each(Incoming::Pong),
            (0x1, true) => each(Incoming::Text(text(payload)?)),
            (_, false) => self.message.get_or_insert_default().extend_from_slice(payload),
            (_, true) => {
                let mut message = self.message.take().unwrap_or_default();
                message.extend_from_slice(payload);
                each(Incoming::Text(text(&message)?));
            }
        }
        Ok(())
    }
}

/// The code in a close frame (RFC 6455, 7.4); none in an empty one.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::Malformed) };
    };
    text(reason)?;
    match u16::from_be_bytes(code) {
        // 1004 to 1006 and 1015 stand for what is never sent.
        code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(Some(code)),
        _ => Err(Violation::Malformed),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(bytes).map_err(|_| Violation::BadUtf8)
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x11, 0x22, 0x33, 0x44];
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).expect("short")),
            medium @ 126..=0xFFFF => {
                frame.push(0xFE);
                frame.extend(u16::try_from(medium).expect("medium").to_be_bytes());
            }
            long => {
                frame.push(0xFF);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Feeds in the given pieces, and writes down what came out.
    fn read(pieces: &[&[u8]]) -> (Vec<String>, Result<(), Violation>, Reader) {
        let mut reader = Reader::default();
        let mut heard = Vec::new();
        for piece in pieces {
            let fed = reader.feed(&mut piece.to_vec(), |incoming| heard.push(format!("{incoming:?}")));
            if fed.is_err() {
                return (heard, fed, reader);
            }
        }
        (heard, Ok(()), reader)
    }

    fn conversation() -> Vec<u8> {
        let mut bytes = frame(0x81, b"hello");
        bytes.extend(frame(0x89, b"ping"));
        bytes.extend(frame(0x01, b"frag"));
        bytes.extend(frame(0x8A, b""));
        bytes.extend(frame(0x00, "mé".as_bytes()));
        bytes.extend(frame(0x80, b"nt"));
        bytes.extend(frame(0x81, &vec![b'x'; 300]));
        bytes.extend(frame(0x88, &[0x03, 0xE8]));
        bytes
    }

    #[test]
    fn every_cut_of_the_bytes_gives_the_same_messages() {
        let bytes = conversation();
        let (whole, result, _) = read(&[&bytes]);
        assert_eq!(result, Ok(()));
        assert_eq!(whole.len(), 6);
        assert_eq!(whole[3], "Text(\"fragmént\")");
        for at in 0..=bytes.len() {
            let (cut, result, reader) = read(&[&bytes[..at], &bytes[at..]]);
            assert_eq!((cut, result), (whole.clone(), Ok(())), "cut at {at}");
            assert_eq!((reader.held.capacity(), reader.message), (0, None), "nothing is kept");
        }
        let (bytewise, result, _) = read(&bytes.iter().map(std::slice::from_ref).collect::<Vec<_>>());
        assert_eq!((bytewise, result), (whole, Ok(())));
    }

    #[test]
    fn every_violation_is_found() {
        let long = vec![b'x'; LONGEST + 1];
        let mut fragments = frame(0x01, &long[1..]);
        fragments.extend(frame(0x80, b"x"));
        let mut twice = frame(0x01, b"a");
        twice.extend(frame(0x81, b"b"));
        let cases = [
            (vec![0x81, 0x05], Violation::Unmasked),
            (frame(0xC1, b"x"), Violation::Malformed),
            (frame(0x83, b"x"), Violation::Malformed),
            (frame(0x8B, b"x"), Violation::Malformed),
            (frame(0x09, b"x"), Violation::Malformed),
            (frame(0x89, &[0; 126]), Violation::Malformed),
            (frame(0x80, b"x"), Violation::Fragment),
            (twice, Violation::Fragment),
            (frame(0x82, b"x"), Violation::Binary),
            (frame(0x88, &[3]), Violation::Malformed),
            (frame(0x88, &[3, 0xE8, 0xFF]), Violation::BadUtf8),
            (frame(0x81, b"\xFF"), Violation::BadUtf8),
            (frame(0x81, &long), Violation::TooLong),
            (vec![0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Violation::TooLong),
            (fragments, Violation::TooLong),
        ];
        for (bytes, violation) in cases {
            assert_eq!(read(&[&bytes]).1, Err(violation), "{:?}", &bytes[..bytes.len().min(12)]);
        }
        assert_eq!(read(&[&frame(0x81, &long[1..])]).1, Ok(()), "as long as allowed");
    }

    #[test]
    fn a_close_has_a_code_that_may_be_sent_or_none() {
        assert_eq!(read(&[&frame(0x88, b"")]).0, ["Close(None)"]);
        for code in 0..=u16::MAX {
            let may = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            let (heard, result, _) = read(&[&frame(0x88, &code.to_be_bytes())]);
            assert_eq!(result, if may { Ok(()) } else { Err(Violation::Malformed) }, "{code}");
            assert_eq!(heard, if may { vec![format!("Close(Some({code}))")] } else { vec![] });
        }
    }

    #[test]
    fn what_follows_a_close_is_neither_heard_nor_kept() {
        let mut bytes = frame(0x88, b"");
        bytes.extend(frame(0x81, b"late"));
        bytes.extend(frame(0x83, b"and broken"));
        for at in 0..=bytes.len() {
            let (heard, result, reader) = read(&[&bytes[..at], &bytes[at..]]);
            assert_eq!((heard, result), (vec!["Close(None)".to_owned()], Ok(())), "cut at {at}");
            assert_eq!(reader.held.capacity(), 0, "cut at {at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_little_is_kept(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let (_, _, reader) = read(&pieces);
            prop_assert!(reader.held.len() + reader.message.map_or(0, |m| m.len()) <= 2 * LONGEST + 200);
        }

        #[test]
        fn however_frames_are_cut_they_are_the_same_messages_and_little_is_kept(
            frames in prop::collection::vec((0_u8..=255, prop::collection::vec(any::<u8>(), 0..300)), 1..6),
            cuts in prop::collection::vec(1_usize..200, 1..5),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(first, payload)| frame(first & 0x8F, payload)).collect();
            let (whole, ended, _) = read(&[&bytes]);
            let mut rest = bytes.as_slice();
            let mut cuts = cuts.iter().cycle();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((*cuts.next().expect("a circle")).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            let (cut, cut_ended, reader) = read(&pieces);
            prop_assert_eq!((&cut, cut_ended), (&whole, ended));
            prop_assert!(reader.kept() <= 8 * bytes.len() + 64, "{} of {}", reader.kept(), bytes.len());
            let close = cut.iter().position(|heard| heard.starts_with("Close"));
            prop_assert!(close.is_none_or(|at| at + 1 == cut.len()), "nothing is heard after a close");
        }
    }
}
