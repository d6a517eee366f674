//! Nothing is lost between then and now, or it is said.

use std::sync::Arc;
use std::time::Duration;

use frontdesk::protocol::op::Recovery;
use frontdesk::protocol::{ClientOp, Epoch, Position, ServerOp};

use crate::support::{Desk, Running, is_ack, options};

async fn heard(desk: &mut Desk, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(desk.event().await.event);
    }
    heard
}

fn recovery(op: ServerOp) -> Recovery {
    match op {
        ServerOp::Subscribed { recovery: Some(recovery), .. } => recovery,
        other => panic!("not a native acknowledgement: {other:?}"),
    }
}

/// Where the history stands.
async fn head(relay: &Running) -> Position {
    let mut desk = relay.native().await;
    recovery(desk.subscribe("nothing-happens-here").await).head
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_oldest_first_and_then_the_present() {
    let relay = Running::start().await;
    let start = head(&relay).await;
    for n in 1..=5 {
        relay.publish("private-staff", &format!("E{n}"), "").await;
        relay.publish("private-admin", &format!("Other{n}"), "").await;
    }
    let end = head(&relay).await;
    for missed in 0..=5_u64 {
        let mut desk = relay.native().await;
        // Two offsets an event: the other channel's are in between.
        let from = Position { offset: start.offset + 2 * (5 - missed), ..start };
        let told = recovery(desk.subscribe_since("private-staff", Some(from)).await);
        assert_eq!(told, Recovery { recovered: true, from: Some(from), head: end });
        let expected: Vec<String> = (6 - missed..=5).map(|n| format!("E{n}")).collect();
        assert_eq!(heard(&mut desk, expected.len()).await, expected);
    }
    let mut desk = relay.native().await;
    recovery(desk.subscribe_since("private-staff", Some(start)).await);
    relay.publish("private-staff", "Live", "").await;
    assert_eq!(heard(&mut desk, 6).await, ["E1", "E2", "E3", "E4", "E5", "Live"]);
}

#[tokio::test]
async fn a_long_absence_is_covered_whole_however_many_writes_it_takes() {
    const EVENTS: u64 = 300;
    let relay = Running::start().await;
    let start = head(&relay).await;
    for n in 0..EVENTS {
        relay.publish("private-booking.1", "X", &n.to_string()).await;
    }
    for name in ["private-booking.1", "private-booking.*"] {
        let mut desk = relay.native().await;
        assert!(recovery(desk.subscribe_since(name, Some(start)).await).recovered);
        for n in 0..EVENTS {
            assert_eq!(desk.event().await.offset(), start.offset + n + 1, "{name}");
        }
    }
}

#[tokio::test]
async fn a_first_subscribe_misses_nothing_and_is_told_where_it_begins() {
    let relay = Running::start().await;
    relay.publish("a", "Before", "").await;
    let mut desk = relay.native().await;
    let told = recovery(desk.subscribe("a").await);
    assert_eq!((told.recovered, told.from, told.head.offset), (true, None, 1));
    relay.publish("a", "After", "").await;
    let event = desk.event().await;
    assert_eq!((event.event.as_str(), event.offset()), ("After", 2));
}

#[tokio::test]
async fn a_pattern_gets_what_its_whole_family_missed_in_order() {
    let relay = Running::start().await;
    let start = head(&relay).await;
    for name in
        ["private-booking.1", "private-staff", "private-booking.2", "private-booking.10", "private-booking.1"]
    {
        relay.publish(name, name, "").await;
    }
    let mut desk = relay.native().await;
    assert!(recovery(desk.subscribe_since("private-booking.*", Some(start)).await).recovered);
    assert_eq!(
        heard(&mut desk, 4).await,
        ["private-booking.1", "private-booking.2", "private-booking.10", "private-booking.1"]
    );
    relay.publish("private-booking.3", "Live", "").await;
    assert_eq!(desk.event().await.event, "Live");
}

#[tokio::test]
async fn what_the_history_cannot_give_is_a_gap_with_its_reason_and_nothing_partial() {
    let relay = Running::start().await;
    let mut settings = options();
    settings.history = Duration::ZERO;
    let forgetful = Running::start_with(settings).await;
    for relay in [&relay, &forgetful] {
        for n in 1..=3 {
            relay.publish("a", &format!("E{n}"), "").await;
        }
    }
    let (here, there) = (head(&relay).await, head(&forgetful).await);
    let cases = [
        (&relay, Position { epoch: Epoch(here.epoch.0 ^ 1), offset: 1 }, "epoch"),
        (&relay, Position { offset: here.offset + 100, ..here }, "unknown"),
        (&forgetful, Position { offset: 1, ..there }, "expired"),
    ];
    for (relay, since, expected) in cases {
        let mut desk = relay.native().await;
        let told = recovery(desk.subscribe_since("a", Some(since)).await);
        assert_eq!((told.recovered, told.from), (false, Some(since)));
        let gap = desk.hear().await;
        assert_eq!(
            gap,
            ServerOp::Gap {
                channel: "a".into(),
                reason: expected.into(),
                from: Some(since),
                head: Some(told.head)
            }
        );
        relay.publish("a", "Live", "").await;
        assert_eq!(desk.event().await.event, "Live", "{expected}");
    }
    let mut desk = forgetful.native().await;
    let since = Some(head(&forgetful).await);
    assert!(recovery(desk.subscribe_since("a", since).await).recovered, "nothing was missed");
}

#[tokio::test]
async fn who_did_not_ask_for_positions_gets_none() {
    let relay = Running::start().await;
    let start = head(&relay).await;
    relay.publish("a", "Before", "").await;
    let mut desk = relay.desk().await;
    assert!(matches!(
        desk.subscribe_since("a", Some(start)).await,
        ServerOp::Subscribed { recovery: None, .. }
    ));
    relay.publish("a", "After", "").await;
    let event = desk.event().await;
    assert_eq!((event.event.as_str(), event.position), ("After", None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_in_the_thick_of_it_loses_nothing_and_doubles_nothing() {
    const EVENTS: usize = 600;
    let relay = Arc::new(Running::start().await);
    let start = head(&relay).await;
    let publishing: Vec<_> = (0..4)
        .map(|publisher| {
            let relay = Arc::clone(&relay);
            tokio::spawn(async move {
                for n in 0..EVENTS / 4 {
                    relay.publish(&format!("private-booking.{publisher}"), "X", &n.to_string()).await;
                }
            })
        })
        .collect();
    let mut offsets = Vec::new();
    let mut cursor = start;
    while offsets.len() < EVENTS {
        let mut desk = relay.native().await;
        let told = recovery(desk.subscribe_since("private-booking.*", Some(cursor)).await);
        assert!(told.recovered);
        for _ in 0..97.min(EVENTS - offsets.len()) {
            cursor = desk.event().await.position.expect("a position");
            offsets.push(cursor.offset);
        }
    }
    for task in publishing {
        task.await.expect("published");
    }
    assert_eq!(offsets, (start.offset + 1..=start.offset + EVENTS as u64).collect::<Vec<_>>());
}

/// 100 KB: a few of them fill what the kernel and a queue hold.
fn large(n: usize) -> String {
    format!("{n} {}", "x".repeat(100 * 1024 - 10))
}

fn number(data: &str) -> usize {
    data.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up_and_is_served_everything_later() {
    const EVENTS: usize = 80;
    let relay = Running::start().await;
    let mut slow = Desk::open_narrow(&relay).await;
    let mut quick = relay.native().await;
    assert!(is_ack(&slow.subscribe("a").await, "a"));
    assert!(is_ack(&slow.subscribe("quiet").await, "quiet"));
    assert!(is_ack(&quick.subscribe("a").await, "a"));
    for n in 0..EVENTS {
        relay.publish("a", "X", &large(n)).await;
        assert_eq!(number(&quick.event().await.data), n, "the quick one hears it while the slow one sleeps");
        if n == EVENTS / 2 {
            relay.publish("quiet", "Quiet", "0").await;
        }
    }
    let mut from_quiet = 0;
    let mut next = 0;
    while next < EVENTS || from_quiet < 1 {
        let event = slow.event().await;
        if event.channel == "quiet" {
            from_quiet += 1;
        } else {
            assert_eq!(number(&event.data), next);
            next += 1;
        }
    }
    relay.publish("a", "X", &large(next)).await;
    let event = slow.event().await;
    assert_eq!((from_quiet, number(&event.data)), (1, next), "caught up, and pushed to again");
}

#[tokio::test]
async fn who_stalls_with_overlapping_subscriptions_hears_each_event_once_and_in_order() {
    const EVENTS: usize = 50;
    let names = ["private-booking.7", "private-booking.*"];
    // Which is joined first, and which is left while it is behind.
    for (first, left) in [(0, None), (1, Some(0)), (0, Some(1))] {
        let relay = Running::start().await;
        let mut slow = Desk::open_narrow(&relay).await;
        for name in [names[first], names[1 - first]] {
            assert!(is_ack(&slow.subscribe(name).await, name));
        }
        for n in 0..EVENTS {
            relay.publish(&format!("private-booking.{}", 7 + n % 2), "X", &large(n)).await;
        }
        let mut heard = Vec::new();
        if let Some(left) = left {
            for _ in 0..3 {
                heard.push(number(&slow.event().await.data));
            }
            slow.say(&ClientOp::Unsubscribe { channel: names[left].to_owned() }.encode()).await;
        }
        // Of a channel that is subscribed to the end.
        relay.publish(names[0], "Last", &EVENTS.to_string()).await;
        loop {
            let event = slow.event().await;
            heard.push(number(&event.data));
            if event.event == "Last" {
                break;
            }
        }
        let all: Vec<_> = (0..=EVENTS).collect();
        if left == Some(1) {
            let (of_seven, of_eight): (Vec<_>, Vec<_>) = heard.iter().copied().partition(|n| n % 2 == 0);
            assert_eq!(of_seven, all.iter().copied().step_by(2).collect::<Vec<_>>(), "{first}, {left:?}");
            let before: Vec<_> = all.iter().copied().filter(|n| n % 2 == 1).take(of_eight.len()).collect();
            assert_eq!(of_eight, before, "until it was left, {first}");
        } else {
            assert_eq!(heard, all, "{first}, {left:?}");
        }
    }
}

#[tokio::test]
async fn who_is_slower_than_the_history_is_long_is_sent_away_after_a_whole_beginning() {
    const EVENTS: usize = 80;
    let mut settings = options();
    settings.history = Duration::ZERO;
    let relay = Running::start_with(settings).await;
    let mut slow = Desk::open_narrow(&relay).await;
    assert!(is_ack(&slow.subscribe("a").await, "a"));
    for n in 0..EVENTS {
        relay.publish("a", "X", &large(n)).await;
    }
    let (code, before) = slow.closed().await;
    assert_eq!(code, 4100);
    assert!(before.len() < EVENTS, "some were too late");
    for (n, op) in before.iter().enumerate() {
        assert!(matches!(op, ServerOp::Event { data, .. } if number(data) == n), "nothing is skipped");
    }
}
