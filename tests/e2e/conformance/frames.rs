//! Frames (RFC 6455, 5 to 8): fragments, control frames, UTF-8, masks, lengths, and the closing handshake.

use serde_json::json;

use super::suite::{At, Suite};
use super::wire::{BINARY, CLOSE, FIN, PING, PONG, TEXT, Wire, frame, head};
use crate::server::Kind;

const CONTINUATION: u8 = 0x0;
/// Longer than what a relay takes in one message.
const TOO_LONG: usize = (16 << 10) + 1;

pub(super) fn cases(suite: &mut Suite) {
    lengths(suite);
    fragments(suite);
    pings(suite);
    utf8(suite);
    violations(suite);
    closing(suite);
    invalid_closes(suite);
    out(suite);
}

fn lengths(suite: &mut Suite) {
    for length in [64, 125, 126, 127, 1000, 4095, 4096, 4097, 16383, 16384] {
        suite.case(format!("a text of {length} bytes is understood"), move |at| async move {
            let mut wire = at.desk().await;
            wire.text(&ping(length)).await;
            assert_pong(&mut wire).await;
        });
    }
    suite.case("a frame that comes byte by byte is understood", |at| async move {
        let mut wire = at.desk().await;
        for byte in frame(FIN | TEXT, ping(40).as_bytes()) {
            wire.bytes(&[byte]).await;
        }
        assert_pong(&mut wire).await;
    });
    suite.case("frames that come at once are each understood", |at| async move {
        let mut wire = at.desk().await;
        wire.bytes(&frame(FIN | TEXT, ping(40).as_bytes()).repeat(50)).await;
        for _ in 0..50 {
            assert_pong(&mut wire).await;
        }
    });
    suite.case("a frame and a half are understood when the other half comes", |at| async move {
        let mut wire = at.desk().await;
        let bytes = frame(FIN | TEXT, ping(300).as_bytes()).repeat(2);
        wire.bytes(&bytes[..400]).await;
        assert_pong(&mut wire).await;
        wire.bytes(&bytes[400..]).await;
        assert_pong(&mut wire).await;
    });
    suite.case("a mask of zeros is a mask", |at| async move {
        let mut wire = at.desk().await;
        let text = ping(50);
        let mut bytes = head(FIN | TEXT, 0x80, text.len());
        bytes.extend([0; 4]);
        bytes.extend(text.as_bytes());
        wire.bytes(&bytes).await;
        assert_pong(&mut wire).await;
    });
    suite.not_soketi(
        "it takes 100 MB",
        "a message of more than 16 KiB is closed with 1009",
        |at| async move {
            closes(at, &frame(FIN | TEXT, ping(TOO_LONG).as_bytes()), &[1009]).await;
        },
    );
    suite.not_soketi(
        "it takes 100 MB",
        "the announcement of too long a message is enough for 1009",
        |at| async move {
            closes(at, &head(FIN | TEXT, 0x80, 1 << 30), &[1009]).await;
        },
    );
    suite.not_soketi(
        "it takes 100 MB",
        "fragments that are too long together are closed with 1009",
        |at| async move {
            let mut bytes = frame(TEXT, &[b'x'; 10_000]);
            bytes.extend(frame(FIN | CONTINUATION, &[b'x'; 10_000]));
            closes(at, &bytes, &[1009]).await;
        },
    );
    suite.not_soketi(
        "it waits for all of it",
        "a length with its highest bit set is closed with 1002 or 1009",
        |at| async move {
            let mut bytes = vec![FIN | TEXT, 0xFF];
            bytes.extend(u64::MAX.to_be_bytes());
            closes(at, &bytes, &[1002, 1009]).await;
        },
    );
}

fn fragments(suite: &mut Suite) {
    for pieces in [2, 3, 10] {
        suite.case(format!("a text in {pieces} fragments is one text"), move |at| async move {
            let mut wire = at.desk().await;
            let text = ping(100);
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(100_usize.div_ceil(pieces)).collect();
            wire.bytes(&fragmented(&chunks)).await;
            assert_pong(&mut wire).await;
        });
    }
    let odd: [(&str, &[&str]); 3] = [
        ("a first fragment may be empty", &["", r#"{"event":"pusher:ping"}"#]),
        ("a fragment in the middle may be empty", &[r#"{"event":"#, "", r#""pusher:ping"}"#]),
        ("a last fragment may be empty", &[r#"{"event":"pusher:ping"}"#, ""]),
    ];
    for (name, pieces) in odd {
        suite.case(name, move |at| async move {
            let mut wire = at.desk().await;
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            wire.bytes(&fragmented(&pieces)).await;
            assert_pong(&mut wire).await;
        });
    }
    suite.case(
        "a ping between fragments is answered at once, and the text is whole afterwards",
        |at| async move {
            let mut wire = at.desk().await;
            wire.frame(TEXT, br#"{"event":"#).await;
            wire.frame(FIN | PING, b"between").await;
            assert_ws_pong(&mut wire, b"between").await;
            wire.frame(FIN | CONTINUATION, br#""pusher:ping"}"#).await;
            assert_pong(&mut wire).await;
        },
    );
    suite.case("a pong between fragments is passed over", |at| async move {
        let mut wire = at.desk().await;
        wire.frame(TEXT, br#"{"event":"#).await;
        wire.frame(FIN | PONG, b"").await;
        wire.frame(FIN | CONTINUATION, br#""pusher:ping"}"#).await;
        assert_pong(&mut wire).await;
    });
    suite.case("a close between fragments is answered", |at| async move {
        let mut wire = at.desk().await;
        wire.frame(TEXT, br#"{"event":"#).await;
        wire.frame(FIN | CLOSE, &1000_u16.to_be_bytes()).await;
        assert_eq!(wire.close_code().await, 1000);
    });
    suite.case("half a text is not heard", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        let text = json!({"event": "pusher:subscribe", "data": {"channel": channel}}).to_string();
        wire.frame(TEXT, text.as_bytes()).await;
        wire.frame(FIN | PING, b"").await;
        assert_ws_pong(&mut wire, b"").await;
        wire.frame(FIN | CONTINUATION, b"").await;
        assert_eq!(wire.hear().await["event"], "pusher_internal:subscription_succeeded");
    });
    suite.case("a character may be cut between fragments", |at| async move {
        let mut wire = at.desk().await;
        let text = r#"{"event":"pusher:ping","data":"é💛"}"#.as_bytes();
        let pieces: Vec<&[u8]> = text.chunks(1).collect();
        wire.bytes(&fragmented(&pieces)).await;
        assert_pong(&mut wire).await;
    });
}

fn pings(suite: &mut Suite) {
    for length in [0, 1, 4, 124, 125] {
        suite.case(
            format!("a ping of {length} bytes is answered with the same bytes"),
            move |at| async move {
                let mut wire = at.desk().await;
                let payload: Vec<u8> = (0..length).map(|byte| byte * 2).collect();
                wire.frame(FIN | PING, &payload).await;
                assert_ws_pong(&mut wire, &payload).await;
            },
        );
    }
    suite.case("a ping's payload need not be UTF-8", |at| async move {
        let mut wire = at.desk().await;
        wire.frame(FIN | PING, &[0xFF, 0xFE, 0x00]).await;
        assert_ws_pong(&mut wire, &[0xFF, 0xFE, 0x00]).await;
    });
    suite.case("pings are answered in order", |at| async move {
        let mut wire = at.desk().await;
        for number in 0..10 {
            wire.frame(FIN | PING, &[number]).await;
        }
        for number in 0..10 {
            assert_ws_pong(&mut wire, &[number]).await;
        }
    });
    suite.case("a pong that nobody asked for is passed over", |at| async move {
        let mut wire = at.desk().await;
        wire.frame(FIN | PONG, b"unasked").await;
        wire.nothing_came().await;
    });
}

fn utf8(suite: &mut Suite) {
    let wrong: [(&str, &[&[u8]]); 9] = [
        ("a byte that never occurs in UTF-8", &[b"\"\xFF\""]),
        ("a lone continuation byte", &[b"\"\x80\""]),
        ("an overlong form", &[b"\"\xC0\x80\""]),
        ("a surrogate", &[b"\"\xED\xA0\x80\""]),
        ("a code point above U+10FFFF", &[b"\"\xF4\x90\x80\x80\""]),
        ("a character that is cut at the end", &[b"\"\xC3"]),
        ("a character that goes on wrongly in the next fragment", &[b"\"\xC3", b"A\""]),
        ("a character that is cut at the end of the last fragment", &[b"\"", b"\xE2\x82"]),
        ("a bad byte in the second fragment", &[b"\"a", b"\xFE\""]),
    ];
    for (name, pieces) in wrong {
        suite.case(format!("{name} is closed with 1007"), move |at| async move {
            closes(at, &fragmented(pieces), &[1007]).await;
        });
    }
}

fn violations(suite: &mut Suite) {
    let mut unmasked = head(FIN | TEXT, 0, 23);
    unmasked.extend(br#"{"event":"pusher:ping"}"#);
    let mut twice = frame(TEXT, b"{");
    twice.extend(frame(FIN | TEXT, b"}"));
    let unmasked = [
        ("an unmasked frame", unmasked),
        ("an unmasked ping", head(FIN | PING, 0, 0)),
        ("an unmasked close", [head(FIN | CLOSE, 0, 2), 1000_u16.to_be_bytes().to_vec()].concat()),
    ];
    for (name, bytes) in unmasked {
        let name = format!("{name} is closed with 1002");
        suite.not_soketi("it takes what follows for the mask", name, move |at| async move {
            closes(at, &bytes, &[1002]).await;
        });
    }
    let mut wrong = vec![
        ("a continuation of nothing".to_owned(), frame(FIN | CONTINUATION, b"{}")),
        ("a fragment that continues nothing".to_owned(), frame(CONTINUATION, b"{}")),
        ("a new text within another".to_owned(), twice),
        ("a fragmented ping".to_owned(), frame(PING, b"a")),
        ("a fragmented pong".to_owned(), frame(PONG, b"a")),
        ("a fragmented close".to_owned(), frame(CLOSE, &1000_u16.to_be_bytes())),
        ("a ping of 126 bytes".to_owned(), frame(FIN | PING, &[0; 126])),
        ("a pong of 126 bytes".to_owned(), frame(FIN | PONG, &[0; 126])),
        ("a close of 126 bytes".to_owned(), frame(FIN | CLOSE, &[b'1'; 126])),
    ];
    for bit in [0x40, 0x20, 0x10] {
        wrong.push((format!("a text with the reserved bit {bit:#x}"), frame(FIN | bit | TEXT, b"{}")));
        wrong.push((format!("a ping with the reserved bit {bit:#x}"), frame(FIN | bit | PING, b"")));
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        wrong.push((format!("the reserved opcode {opcode:#x}"), frame(FIN | opcode, b"")));
    }
    for (name, bytes) in wrong {
        suite.case(format!("{name} is closed with 1002"), move |at| async move {
            closes(at, &bytes, &[1002]).await;
        });
    }
    suite.not_soketi(
        "it reads binary frames as text",
        "a binary message is closed with 1003",
        |at| async move {
            closes(at, &frame(FIN | BINARY, br#"{"event":"pusher:ping"}"#), &[1003]).await;
        },
    );
    suite.case("what comes behind a violation is not heard", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        let mut other = at.desk().await;
        other.subscribe(&channel).await;
        let op = json!({"event": "pusher:subscribe", "data": {"channel": channel}}).to_string();
        wire.bytes(&[frame(FIN | 0x40 | TEXT, b"{}"), frame(FIN | TEXT, op.as_bytes())].concat()).await;
        assert_violation(at, &mut wire, &[1002], 0).await;
    });
    suite.case("what came before a violation is still answered", |at| async move {
        let mut wire = at.desk().await;
        wire.bytes(&[frame(FIN | TEXT, ping(40).as_bytes()), frame(FIN | 0x3, b"")].concat()).await;
        assert_violation(at, &mut wire, &[1002], 1).await;
    });
    suite.case("after a violation the server ends the connection", |at| async move {
        let mut wire = at.desk().await;
        wire.frame(FIN | 0x3, b"").await;
        assert_violation(at, &mut wire, &[1002], 0).await;
        wire.frame(FIN | CLOSE, &1002_u16.to_be_bytes()).await;
        wire.ended().await;
    });
    suite.case("one connection's violation is no other's", |at| async move {
        let mut other = at.desk().await;
        closes(at, &frame(FIN | 0x3, b""), &[1002]).await;
        other.nothing_came().await;
    });
}

fn closing(suite: &mut Suite) {
    for code in [1000, 1001, 1003, 1008, 1009, 1011, 4000, 4999, 3000, 3999] {
        let name = format!("a close with {code} is answered with {code}");
        let answered = move |at: At| async move {
            let mut wire = at.desk().await;
            wire.frame(FIN | CLOSE, &u16::to_be_bytes(code)).await;
            assert_eq!(wire.close_code().await, code);
            wire.ended().await;
        };
        match code {
            3000..4000 => suite.not_soketi("it takes these codes for invalid ones", name, answered),
            _ => suite.case(name, answered),
        }
    }
    suite.case("a close with a reason is answered", |at| async move {
        let mut wire = at.desk().await;
        let mut payload = 1000_u16.to_be_bytes().to_vec();
        payload.extend("selesai — 💛".as_bytes());
        wire.frame(FIN | CLOSE, &payload).await;
        assert_eq!(wire.close_code().await, 1000);
        wire.ended().await;
    });
    suite.case("a close with the longest reason is answered", |at| async move {
        let mut wire = at.desk().await;
        let mut payload = 1000_u16.to_be_bytes().to_vec();
        payload.extend([b'a'; 123]);
        wire.frame(FIN | CLOSE, &payload).await;
        assert_eq!(wire.close_code().await, 1000);
    });
    suite.case("a close without a code is answered", |at| async move {
        let mut wire = at.desk().await;
        wire.frame(FIN | CLOSE, b"").await;
        let (code, before) = wire.closed().await;
        assert!(matches!(code, None | Some(1000)) && before.is_empty(), "{code:?} {before:?}");
        wire.ended().await;
    });
    suite.case("what is said after the close is not heard", |at| async move {
        let channel = at.channel("");
        let op = json!({"event": "pusher:subscribe", "data": {"channel": channel}}).to_string();
        let mut wire = at.desk().await;
        let close = frame(FIN | CLOSE, &1000_u16.to_be_bytes());
        wire.bytes(&[close, frame(FIN | TEXT, op.as_bytes())].concat()).await;
        let (code, before) = wire.closed().await;
        assert_eq!((code, before.len()), (Some(1000), 0), "{before:?}");
    });
    suite.case("what was said before the close is answered", |at| async move {
        let mut wire = at.desk().await;
        let close = frame(FIN | CLOSE, &1000_u16.to_be_bytes());
        wire.bytes(&[frame(FIN | TEXT, ping(40).as_bytes()), close].concat()).await;
        let (code, before) = wire.closed().await;
        assert_eq!((code, before.len()), (Some(1000), 1), "{before:?}");
    });
}

fn invalid_closes(suite: &mut Suite) {
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        suite.case(
            format!("a close with {code}, which nobody may send, is answered with 1002"),
            move |at| async move {
                closes(at, &frame(FIN | CLOSE, &u16::to_be_bytes(code)), &[1002]).await;
            },
        );
    }
    suite.case("a close with half a code is answered with 1002", |at| async move {
        closes(at, &frame(FIN | CLOSE, &[3]), &[1002]).await;
    });
    suite.case("a close whose reason is not UTF-8 is answered with 1007", |at| async move {
        closes(at, &frame(FIN | CLOSE, &[0x03, 0xE8, 0xC3, 0x28]), &[1007]).await;
    });
}

/// What the server writes.
fn out(suite: &mut Suite) {
    for length in [0, 1, 100, 125, 126, 1000, 60_000, 65_535, 65_536, 80_000] {
        suite.case(
            format!("an event of {length} bytes and a frame's head comes as one whole frame"),
            move |at| async move {
                let channel = at.channel("");
                let mut wire = at.desk().await;
                wire.subscribe(&channel).await;
                let data = format!("[{}]", "7".repeat(length));
                at.publish(&channel, "e", &data).await;
                let frame = wire.next().await.unwrap();
                assert_eq!(frame.first, FIN | TEXT, "whole, and without reserved bits");
                let told: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
                assert_eq!(told["data"], data);
            },
        );
    }
}

/// A `pusher:ping` of this many bytes.
fn ping(length: usize) -> String {
    let (before, after) = (r#"{"event":"pusher:ping","data":""#, r#""}"#);
    format!("{before}{}{after}", "x".repeat(length.saturating_sub(before.len() + after.len())))
}

fn fragmented(pieces: &[&[u8]]) -> Vec<u8> {
    let last = pieces.len() - 1;
    let frames = pieces.iter().enumerate().map(|(at, piece)| {
        let opcode = if at == 0 { TEXT } else { CONTINUATION };
        frame(if at == last { FIN | opcode } else { opcode }, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

async fn assert_pong(wire: &mut Wire) {
    let told = wire.hear().await;
    assert_eq!(told["event"], "pusher:pong", "{told}");
}

async fn assert_ws_pong(wire: &mut Wire, payload: &[u8]) {
    let frame = wire.next().await.expect("a pong, not the end");
    assert_eq!((frame.first, frame.payload.as_slice()), (FIN | PONG, payload));
}

/// Asserts that these bytes end the connection with one of these codes, and that nothing is said before.
async fn closes(at: At, bytes: &[u8], codes: &[u16]) {
    let mut wire = at.desk().await;
    wire.bytes(bytes).await;
    assert_violation(at, &mut wire, codes, 0).await;
}

/// Asserts that the connection ends with one of these codes after so many ops. soketi ends it without a word.
async fn assert_violation(at: At, wire: &mut Wire, codes: &[u16], ops: usize) {
    let (code, before) = wire.closed().await;
    match at.kind {
        Kind::Relay => {
            assert!(code.is_some_and(|code| codes.contains(&code)), "{code:?} instead of {codes:?}");
            assert_eq!(before.len(), ops, "{before:?}");
        }
        Kind::Soketi => assert!(code.is_none_or(|code| codes.contains(&code)), "{code:?}"),
    }
}
