//! What is reserved: once, by whoever comes first, and no more than the hour allows.

use phonehome_alerting::{SlackKind, SlackMessage, Words};
use phonehome_cloud::table::MemoryTable;
use phonehome_network::RemovalTarget;

use super::*;
use crate::all;

const HOUR: u64 = 3_600_000;

fn asks(from: usize, to: usize) -> Vec<Ask> {
    (from..to).map(|number| Ask::Unpeer { id: format!("pcx-{number}") }).collect()
}

fn notified() -> Outgoing {
    let body = SlackMessage::new(Words::of("no more")).body("network", SlackKind::Opened);
    Outgoing { id: "removals".into(), incident_id: "removals".into(), at_ms: 0, sequence: 0, body }
}

/// The stack of the account that a short number stands for: of `7` it is `000000000007`.
fn stack(number: &str) -> StackId {
    format!("{number:0>12}/us-east-1").parse().unwrap()
}

fn of(stack: &StackId, per_hour: u32, now_ms: u64) -> Reservation<'_> {
    Reservation { stack, number: 3, per_hour, now_ms }
}

async fn messages(table: &MemoryTable) -> usize {
    all::<Outboxed>(table, Keys::OUTBOX).await.unwrap().len()
}

#[tokio::test]
async fn an_hour_gives_so_many_and_reports_once_that_there_are_no_more() {
    let table = MemoryTable::default();
    let first = reserve(&table, &of(&stack("1"), 3, HOUR), &asks(0, 2), notified).await.unwrap();
    assert_eq!((first.granted.len(), first.over.len(), messages(&table).await), (2, 0, 0));
    let second = reserve(&table, &of(&stack("2"), 3, HOUR + 1), &asks(0, 4), notified).await.unwrap();
    assert_eq!((second.granted.len(), second.over.len(), messages(&table).await), (1, 3, 1));
    assert_eq!(second.granted.into_iter().collect::<Vec<_>>(), asks(0, 1), "in the order of the plan");
    let third = reserve(&table, &of(&stack("3"), 3, HOUR + 2), &asks(0, 1), notified).await.unwrap();
    assert_eq!((third.granted.len(), third.over.len(), messages(&table).await), (0, 1, 1));
    let next = reserve(&table, &of(&stack("3"), 3, 2 * HOUR), &asks(0, 1), notified).await.unwrap();
    assert_eq!((next.granted.len(), next.over.len()), (1, 0));
}

#[tokio::test]
async fn a_limit_of_nothing_reserves_nothing() {
    let table = MemoryTable::default();
    let reserved = reserve(&table, &of(&stack("1"), 0, HOUR), &asks(0, 2), notified).await.unwrap();
    assert_eq!((reserved.granted.len(), reserved.over.len()), (0, 2));
    assert!(used(&table, &stack("1"), 3).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_tried_again_in_the_same_hour_counts_once() {
    let table = MemoryTable::default();
    for _ in 0..5 {
        let reserved = reserve(&table, &of(&stack("1"), 2, HOUR), &asks(0, 2), notified).await.unwrap();
        assert_eq!(reserved.granted.len(), 2);
        unreserve(&table, &stack("1"), &reserved.granted).await.unwrap();
    }
    let more = reserve(&table, &of(&stack("1"), 2, HOUR), &asks(2, 3), notified).await.unwrap();
    assert_eq!(more.over.len(), 1, "and goes on counting");
}

#[tokio::test]
async fn what_was_reserved_is_used_up_unless_it_is_given_back_and_only_for_its_version() {
    let table = MemoryTable::default();
    reserve(&table, &of(&stack("1"), 9, HOUR), &asks(0, 3), notified).await.unwrap();
    unreserve(&table, &stack("1"), &asks(0, 1).into_iter().collect()).await.unwrap();
    let left: BTreeSet<Ask> = asks(1, 3).into_iter().collect();
    assert_eq!(used(&table, &stack("1"), 3).await.unwrap(), left);
    assert!(used(&table, &stack("2"), 3).await.unwrap().is_empty());
    assert!(used(&table, &stack("1"), 4).await.unwrap().is_empty());
    // A provisioner that read the version before, and is late.
    let own = stack("1");
    let newer = Reservation { number: 4, ..of(&own, 9, HOUR) };
    reserve(&table, &newer, &asks(5, 6), notified).await.unwrap();
    let late = reserve(&table, &of(&stack("1"), 9, HOUR), &asks(6, 7), notified).await.unwrap();
    assert_eq!(late, Reserved::default());
    assert_eq!(used(&table, &stack("1"), 4).await.unwrap().len(), 1);
}

#[tokio::test]
async fn twenty_provisioners_at_once_do_not_exceed_the_hour() {
    let table = MemoryTable::default();
    let at_once: Vec<_> = (0..20)
        .map(|number| {
            let table = Yielding(table.clone());
            tokio::spawn(async move {
                let stack = stack(&number.to_string());
                let reserved = reserve(&table, &of(&stack, 30, HOUR), &asks(0, 4), notified).await.unwrap();
                reserved.granted.len()
            })
        })
        .collect();
    let mut granted = 0;
    for task in at_once {
        granted += task.await.unwrap();
    }
    assert_eq!((granted, messages(&table).await), (30, 1));
}

/// Whoever reads lets all others read before it writes.
#[derive(Clone)]
struct Yielding(MemoryTable);

impl Table for Yielding {
    async fn get(&self, key: &phonehome_cloud::table::Key) -> Result<Option<Doc>, TableError> {
        let doc = self.0.get(key).await;
        tokio::task::yield_now().await;
        doc
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.0.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.0.write(writes).await
    }
}

#[test]
fn what_is_named_by_a_name_could_hit_another_and_what_has_an_id_could_not() {
    let table_id = "rtb-1".to_owned();
    let route = RemovalTarget::Route { table_id, destination: "10.0.0.0/8".parse().unwrap() };
    assert!(!Ask::Delete(route).is_of_one_life());
    assert!(
        !Ask::Delete(RemovalTarget::Function { name: "phonehome-probe-use1-az1".into() }).is_of_one_life()
    );
    assert!(Ask::Delete(RemovalTarget::NatGateway { id: "nat-1".into() }).is_of_one_life());
    assert!(asks(0, 1)[0].is_of_one_life());
}

#[tokio::test]
async fn what_is_used_up_is_known_until_its_permission_has_ended_and_an_hour_until_it_is_over() {
    const DAY_S: u64 = 86_400;
    let (table, now_ms) = (MemoryTable::default(), 500_000 * HOUR + HOUR / 2);
    let permission_ends_s = (now_ms + crate::PERMISSION_MS) / 1000;
    let kept = || {
        let at_s = table.expires_at_s(&Keys::used(&stack("1"))).unwrap();
        (permission_ends_s - 3_600..permission_ends_s + 2 * DAY_S).contains(&at_s)
    };
    reserve(&table, &of(&stack("1"), 9, now_ms), &asks(0, 3), notified).await.unwrap();
    assert!(kept());
    unreserve(&table, &stack("1"), &asks(0, 1).into_iter().collect()).await.unwrap();
    assert!(kept());
    let hour_ends_s = next_hour_ms(now_ms) / 1000;
    assert_eq!(hour_ends_s, 500_001 * 3_600);
    let at_s = table.expires_at_s(&Keys::removals(hour_of(now_ms))).unwrap();
    assert!((hour_ends_s..hour_ends_s + DAY_S).contains(&at_s), "{at_s}");
}
