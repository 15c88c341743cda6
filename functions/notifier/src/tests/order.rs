//! The order of a page and its end, whatever dies between them, and how many pages there are.

use std::sync::atomic::Ordering;

use phonehome_cloud::PageState;

use super::mortal::{End, World};
use super::*;

fn ended(merged: Option<&str>) -> OutgoingBody {
    let OutgoingBody::Page { subject, text, title, accounts, of, .. } = page("over") else { unreachable!() };
    let merged_into = merged.map(str::to_owned);
    OutgoingBody::Page { subject, text, resolved: true, title, accounts, of, merged_into }
}

use PageState::{Alarm, Ok as Over};

/// A page and its end, with an invocation that dies at each write and each call, before or after it, and a
/// second one that does the same; the end comes before, between or after them, or never.
#[tokio::test]
async fn killed_at_any_write_or_call_on_call_is_called_once_per_key_and_no_page_follows_its_end() {
    let mut sent_twice = 0;
    for ends_before_run in [0, 1, 2, 3, usize::MAX] {
        for (first, second) in (0..6).flat_map(|first| (0..6).map(move |second| (first, second))) {
            for (after, then_after) in [
                (End::Before, End::Before),
                (End::Before, End::After),
                (End::After, End::Before),
                (End::After, End::After),
            ] {
                let case = format!("{ends_before_run} {first} {second} {after:?} {then_after:?}");
                let world = World::new();
                world.put("a", 1, page("wake up")).await;
                let lives = [(Some(first), after), (Some(second), then_after)];
                for run in 0..8 {
                    if run == ends_before_run {
                        world.put("a", 2, ended(None)).await;
                    }
                    let (left, end) = lives.get(run).copied().unwrap_or((None, End::Before));
                    world.run(left, end).await;
                }
                assert_eq!(world.left().await, 0, "{case}");
                let journal = world.notifier.table.journal("a");
                let mut as_a_service_sees_it = journal.clone();
                as_a_service_sees_it.dedup();
                sent_twice += usize::from(as_a_service_sees_it != journal);
                let expected: &[&[PageState]] = match ends_before_run {
                    usize::MAX => &[&[Alarm]],
                    // It may be that nobody was told anything, or, of what nobody knows, only the end.
                    0..=2 => &[&[], &[Over], &[Alarm, Over]],
                    _ => &[&[Alarm, Over]],
                };
                assert!(expected.contains(&as_a_service_sees_it.as_slice()), "{case}: {journal:?}");
            }
        }
    }
    assert!(sent_twice > 0, "at least once is all that SNS can be given: some were sent twice");
}

#[tokio::test]
async fn a_page_that_sns_throttles_dies_with_its_end_and_neither_is_sent() {
    let world = World::new();
    *world.notifier.pager.throttled.lock().unwrap() = 1;
    world.put("a", 1, page("wake up")).await;
    world.live().await;
    assert_eq!(world.left().await, 1);
    world.put("a", 2, ended(None)).await;
    world.live().await;
    assert_eq!((world.left().await, world.notifier.table.journal("a")), (0, vec![]));
    assert_eq!(world.notifier.metrics.counts()["PagesWithdrawn"], 1);
}

#[tokio::test]
async fn the_order_is_the_sequence_whatever_the_clocks_say() {
    let world = World::new();
    world.live().await;
    // Decided later by a clock that is behind; and what was sent is not withdrawn.
    world.put("a", 1, page("wake up")).await;
    world.live().await;
    world.clock.0.fetch_sub(90_000, Ordering::Relaxed);
    world.put("a", 7, ended(None)).await;
    world.put("b", 2, ended(None)).await;
    world.clock.0.fetch_add(1, Ordering::Relaxed);
    world.put("b", 1, page("wake up")).await;
    world.clock.0.fetch_add(90_000, Ordering::Relaxed);
    world.live().await;
    assert_eq!(world.notifier.table.journal("a"), [Alarm, Over]);
    assert_eq!(world.notifier.table.journal("b"), [], "it is over, and nobody was told");
}

#[tokio::test]
async fn of_an_incident_that_goes_on_as_another_nobody_is_told_an_end() {
    let world = World::new();
    world.put("sent", 1, page("wake up")).await;
    world.live().await;
    *world.notifier.pager.throttled.lock().unwrap() = 1;
    world.put("waits", 1, page("wake up")).await;
    world.live().await;
    world.put("sent", 2, ended(Some("other"))).await;
    world.put("waits", 2, ended(Some("other"))).await;
    for _ in 0..3 {
        world.live().await;
    }
    assert_eq!(world.notifier.table.journal("sent"), [Alarm]);
    world.put("sent", 3, ended(None)).await;
    world.put("waits", 3, ended(None)).await;
    world.live().await;
    assert_eq!(world.notifier.table.journal("sent"), [Alarm, Over]);
    assert_eq!(world.notifier.table.journal("waits"), []);
    assert_eq!(world.left().await, 0);
}

#[tokio::test]
async fn of_many_pages_five_are_sent_in_a_minute_and_one_of_them_says_what_is_held_back() {
    let world = World::new();
    for number in 0..12 {
        world.put(&format!("incident {number}"), 1, page("wake up")).await;
    }
    let published = || world.notifier.table.published.lock().unwrap().clone();
    world.live().await;
    let _ = world.notifier.handle().await;
    let sums =
        |state| published().iter().filter(|(key, of)| key.starts_with("held-back-") && *of == state).count();
    assert_eq!((published().len(), sums(Alarm)), (5, 1), "within the minute");
    world.live().await;
    assert_eq!((published().len(), sums(Alarm)), (10, 1), "told once");
    for _ in 0..3 {
        world.live().await;
    }
    let alarms = published().iter().filter(|(_, state)| *state == Alarm).count();
    assert_eq!(
        (alarms, sums(Over), world.left().await),
        (13, 1, 0),
        "nothing is lost, and it is said when over"
    );
}

#[tokio::test]
async fn what_was_held_back_and_is_over_is_never_sent() {
    let world = World::new();
    for number in 0..12 {
        world.put(&format!("incident {number}"), 1, page("wake up")).await;
    }
    world.live().await;
    for number in 0..12 {
        world.put(&format!("incident {number}"), 2, ended(None)).await;
    }
    for _ in 0..3 {
        world.live().await;
    }
    let published = world.notifier.table.published.lock().unwrap().clone();
    assert_eq!(published.len(), 10, "four pages, the sum, and their ends: {published:?}");
    assert_eq!(world.left().await, 0);
}
