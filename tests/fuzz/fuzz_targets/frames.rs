//! A WebSocket client's bytes: however they are cut, they are the same messages, and little of them is kept.

#![no_main]

use arbitrary::Arbitrary;
use frontdesk::relay::socket::reader::{LONGEST, Reader, Violation};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    /// A frame whose length is told as it is, whatever the rest.
    Frame {
        first: u8,
        mask: [u8; 4],
        payload: Vec<u8>,
    },
    /// As many equal letters: what is long without being long here.
    Long {
        first: u8,
        length: u16,
    },
}

#[derive(Arbitrary, Debug)]
struct Input {
    pieces: Vec<Piece>,
    /// How many bytes come at a time, over and over.
    cuts: Vec<u16>,
}

/// Bytes that one read brings, at most.
const READ: usize = 4096;

fn frame(first: u8, mask: [u8; 4], payload: &[u8], into: &mut Vec<u8>) {
    into.push(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => into.push(0x80 | short),
        (_, Ok(medium)) => {
            into.push(0x80 | 126);
            into.extend(medium.to_be_bytes());
        }
        (_, Err(_)) => {
            into.push(0x80 | 127);
            into.extend((payload.len() as u64).to_be_bytes());
        }
    }
    into.extend(mask);
    into.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Result<(), Violation>) {
    let mut reader = Reader::default();
    let mut heard = Vec::new();
    for piece in pieces {
        let fed = reader.feed(&mut piece.to_vec(), |incoming| heard.push(format!("{incoming:?}")));
        if fed.is_err() {
            return (heard, fed);
        }
        assert!(reader.kept() <= 6 * LONGEST + piece.len(), "{} bytes are kept", reader.kept());
    }
    (heard, Ok(()))
}

fuzz_target!(|input: Input| {
    let mut bytes = Vec::new();
    for piece in input.pieces {
        match piece {
            Piece::Bytes(raw) => bytes.extend(raw),
            Piece::Frame { first, mask, payload } => frame(first, mask, &payload, &mut bytes),
            Piece::Long { first, length } => frame(first, [7; 4], &vec![b'x'; length.into()], &mut bytes),
        }
    }
    let (whole, ended) = read(std::iter::once(bytes.as_slice()));
    let close = whole.iter().position(|heard| heard.starts_with("Close"));
    assert!(close.is_none_or(|at| at + 1 == whole.len()), "something is heard after the end");
    let mut rest = bytes.as_slice();
    let mut cuts = input.cuts.iter().map(|cut| usize::from(*cut) % READ + 1).cycle();
    let pieces = std::iter::from_fn(|| {
        let (piece, after) = rest.split_at(cuts.next().unwrap_or(READ).min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(read(pieces), (whole, ended));
});
