//! Versions: kept, never overwritten, and what of them is used when the newest cannot be.

use phonehome_cloud::table::{MemoryTable, Write, key};
use phonehome_network::RemovalTarget;

use super::*;
use std::sync::Arc;

use crate::{LastRead, StateError, in_force, publish};

const FLEET: &str = include_str!("../../../../fleet.example.yaml");

fn other(number: usize) -> String {
    format!("{FLEET}# {number}\n")
}

fn of(text: &str, by: &str) -> PublishedFleet {
    PublishedFleet { text: text.into(), published_by: by.into(), ..PublishedFleet::default() }
}

async fn put(table: &MemoryTable, text: &str, by: &str) -> PublishedFleet {
    let base = base(table).await.unwrap();
    publish(table, &base, of(text, by)).await.unwrap()
}

/// What a release that kept no versions stored.
async fn store_as_before(table: &MemoryTable, text: &str) {
    let body = serde_json::json!({"text": text, "published_at_ms": 5, "published_by": "ada"});
    let doc = table.get(&Keys::fleet()).await.unwrap();
    table.write(vec![Write::put(Keys::fleet(), Expect::unchanged(doc.as_ref()), &body)]).await.unwrap();
}

async fn numbers(table: &MemoryTable) -> Vec<(u64, String)> {
    let (versions, unreadable) = history(table).await.unwrap();
    assert!(unreadable.is_empty());
    versions.into_iter().map(|it| (it.number, it.published_by)).collect()
}

#[tokio::test]
async fn every_version_is_kept_and_the_newest_is_in_force() {
    let table = MemoryTable::default();
    for number in 1..=12 {
        assert_eq!(put(&table, &other(number), "ada").await.number, number as u64);
    }
    assert_eq!(numbers(&table).await.iter().map(|it| it.0).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert_eq!(version(&table, Some(3)).await.unwrap().unwrap().text, other(3));
    assert_eq!(version(&table, None).await.unwrap().unwrap().text, other(12));
    assert_eq!(in_force(&table).await.unwrap().number, 12);
    assert!(version(&table, Some(13)).await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_at_once_one_is_told_who_was_faster_and_stores_nothing() {
    let table = MemoryTable::default();
    put(&table, FLEET, "ada").await;
    let (mine, theirs) = (base(&table).await.unwrap(), base(&table).await.unwrap());
    publish(&table, &theirs, of(&other(1), "grace")).await.unwrap();
    let refused = publish(&table, &mine, of(&other(2), "ada")).await.unwrap_err().to_string();
    assert!(refused.starts_with("version 2 was published meanwhile by grace"), "{refused}");
    assert_eq!(numbers(&table).await, [(1, "ada".into()), (2, "grace".into())]);
}

#[tokio::test]
async fn what_a_release_without_versions_published_is_read_and_kept_as_a_version_of_its_own() {
    let table = MemoryTable::default();
    store_as_before(&table, FLEET).await;
    let before = in_force(&table).await.unwrap();
    assert_eq!((before.number, before.accepted), (0, Accepted::default()));
    assert_eq!(put(&table, &other(1), "grace").await.number, 2);
    assert_eq!(numbers(&table).await, [(1, "ada".into()), (2, "grace".into())]);
    // Back to that release, and forth again.
    store_as_before(&table, &other(2)).await;
    assert_eq!(put(&table, &other(3), "grace").await.number, 4);
    assert_eq!(numbers(&table).await[2..], [(3, "ada".into()), (4, "grace".into())]);
}

#[tokio::test]
async fn the_release_before_reads_what_this_one_stores() {
    let table = MemoryTable::default();
    put(&table, FLEET, "ada").await;
    let doc = table.get(&Keys::fleet()).await.unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&doc.body).unwrap();
    let as_before = ["text", "published_at_ms", "published_by"].map(|field| body[field].is_null());
    assert_eq!(as_before, [false; 3]);
}

#[tokio::test]
async fn where_the_newest_cannot_be_used_the_last_that_can_is_and_its_permission_is_not() {
    let breaks: [(&str, Option<serde_json::Value>); 3] = [
        ("not a document", Some(serde_json::json!([1]))),
        (
            "not a fleet file",
            Some(serde_json::json!(PublishedFleet { number: 2, ..of("domains: 7", "ada") })),
        ),
        ("gone", None),
    ];
    for (what, body) in breaks {
        let table = MemoryTable::default();
        let accepted = Accepted {
            until_ms: u64::MAX,
            stacks: vec![stack("111122223333", "vpc-1")],
            ..Accepted::default()
        };
        let base = base(&table).await.unwrap();
        let authorities = Some("PEM".to_owned());
        publish(&table, &base, PublishedFleet { accepted, authorities, ..of(FLEET, "ada") }).await.unwrap();
        put(&table, "domains: 7", "grace").await;
        let doc = table.get(&Keys::fleet()).await.unwrap().unwrap();
        let expect = Expect::Version(doc.version);
        table
            .write(vec![match &body {
                Some(body) => Write::put(Keys::fleet(), expect, body),
                None => Write::delete(Keys::fleet(), expect),
            }])
            .await
            .unwrap();
        let found = in_force(&table).await.unwrap();
        assert_eq!((found.number, found.authorities.as_deref()), (1, Some("PEM")), "{what}");
        assert!(found.unreadable.is_some() && found.accepted == Accepted::default(), "{what}");
        // Whatever it is, it can be published over.
        assert_eq!(put(&table, &other(1), "ada").await.number, 3, "{what}");
        assert!(in_force(&table).await.unwrap().unreadable.is_none(), "{what}");
    }
}

#[tokio::test]
async fn a_file_in_force_that_breaks_a_newer_rule_stays_in_force_with_its_permission() {
    let table = MemoryTable::default();
    put(&table, FLEET, "ada").await;
    let host = "api.payments.{environment}.example.internal";
    assert!(FLEET.contains(host));
    let broken = FLEET.replace(host, "metadata.google.internal");
    assert!(phonehome_fleet::check(&broken).is_err(), "nobody could publish it any more");
    let accepted =
        Accepted { until_ms: u64::MAX, stacks: vec![stack("111111111111", "vpc-1")], ..Accepted::default() };
    let base = base(&table).await.unwrap();
    publish(&table, &base, PublishedFleet { accepted: accepted.clone(), ..of(&broken, "ada") })
        .await
        .unwrap();
    let found = in_force(&table).await.unwrap();
    assert_eq!((found.number, found.unreadable, found.accepted), (2, None, accepted));
}

#[tokio::test]
async fn a_version_that_is_no_document_is_named_and_hides_no_other() {
    let table = MemoryTable::default();
    put(&table, FLEET, "ada").await;
    table.write(vec![Write::put(key(Keys::VERSIONS, "0000000007"), Expect::Absent, &[1])]).await.unwrap();
    let (versions, unreadable) = history(&table).await.unwrap();
    assert_eq!((versions.len(), unreadable), (1, vec!["0000000007".to_owned()]));
    assert_eq!(base(&table).await.unwrap().next(), 8);
}

#[tokio::test]
async fn nothing_published_is_an_error_that_says_what_to_do() {
    let refused = in_force(&MemoryTable::default()).await.unwrap_err().to_string();
    assert!(refused.contains("phonehome publish"), "{refused}");
}

#[tokio::test]
async fn what_the_table_does_not_take_is_refused_before_it_is_tried() {
    // Nothing that gzip could make small.
    let mut state = 7u64;
    let noise: String = (0..700_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + (state >> 33) as u8 % 94)
        })
        .collect();
    assert!(text_fits(FLEET, None).is_ok());
    assert!(text_fits(FLEET, Some(&noise)).is_err(), "its authorities count");
    assert!(text_fits(&"a: b\n".repeat(200_000), None).is_ok(), "what counts is what is stored");
    let refused = text_fits(&noise, None).unwrap_err().to_string();
    assert!(refused.contains("of at most 389120 after compression"), "{refused}");
    let table = MemoryTable::default();
    let base = base(&table).await.unwrap();
    assert!(matches!(publish(&table, &base, of(&noise, "ada")).await, Err(NotPublished::TooLarge(_))));
}

fn stack(account: &str, vpc: &str) -> AcceptedStack {
    let permission = [Ask::Delete(RemovalTarget::Vpc { id: vpc.into() })].into_iter().collect();
    AcceptedStack { account: account.parse().unwrap(), region: "us-east-1".parse().unwrap(), permission }
}

#[test]
fn what_was_accepted_serves_its_own_account_and_region_and_ends() {
    let stacks = vec![stack("444455556666", "vpc-1"), stack("555566667777", "vpc-2")];
    let accepted = Accepted { until_ms: 1000, stacks, ..Accepted::default() };
    let vpcs = |stack: &str, now_ms| {
        let permission = accepted.in_stack(&stack.parse().unwrap(), now_ms);
        permission.asks().cloned().collect::<Vec<_>>()
    };
    assert_eq!(vpcs("444455556666/us-east-1", 999), [Ask::Delete(RemovalTarget::Vpc { id: "vpc-1".into() })]);
    assert!(vpcs("444455556666/eu-west-1", 999).is_empty());
    assert!(vpcs("666677778888/us-east-1", 999).is_empty());
    assert!(vpcs("444455556666/us-east-1", 1000).is_empty(), "it has ended");
}

#[test]
fn what_has_to_wait_for_its_version_may_be_done_for_seven_days_from_when_that_is_in_force() {
    let ask = |target| Ask::Delete(target);
    let ip = ask(RemovalTarget::ElasticIp { id: "eipalloc-1".into() });
    let subnet = ask(RemovalTarget::Subnet { id: "subnet-1".into() });
    let permission = [ip.clone(), subnet.clone()].into_iter().collect();
    let stack = AcceptedStack { permission, ..stack("444455556666", "vpc-1") };
    let accepted = Accepted { until_ms: 1000, stacks: vec![stack], ..Accepted::default() };
    let in_force = Accepted { in_force_at_ms: Some(5000), ..accepted.clone() };
    let (id, end_ms) = ("444455556666/us-east-1".parse().unwrap(), 5000 + PERMISSION_MS);
    for (what, allowed, wanted) in [
        ("in its days", accepted.before_in_force(&id, 999), vec![&ip, &subnet]),
        ("while it is rolled out", accepted.before_in_force(&id, 4000), vec![&ip]),
        ("never rolled out", accepted.in_stack(&id, 4000), vec![]),
        ("in force", in_force.in_stack(&id, 5000), vec![&ip]),
        ("at the last moment", in_force.in_stack(&id, end_ms - 1), vec![&ip]),
        ("too late", in_force.in_stack(&id, end_ms), vec![]),
    ] {
        let allowed: Vec<_> = [&ip, &subnet].into_iter().filter(|ask| allowed.allows(ask)).collect();
        assert_eq!(allowed, wanted, "{what}");
    }
    let elsewhere = "444455556666/eu-west-1".parse().unwrap();
    assert!(accepted.before_in_force(&elsewhere, 999).is_empty());
}

#[test]
fn what_is_accepted_may_be_done_for_seven_days() {
    assert_eq!(PERMISSION_MS, 604_800_000);
}

#[test]
fn only_a_local_clouds_fleet_file_may_name_targets_on_this_machine() {
    // Whatever cargo runs is in the local cloud (.cargo/config.toml).
    assert!(phonehome_cloud::endpoint::is_local());
    assert!(matches!(loopback_targets(), Loopback::Allowed));
}

#[tokio::test]
async fn a_fleet_file_is_checked_again_only_when_another_one_is_in_force() {
    let (table, last) = (MemoryTable::default(), LastRead::default());
    assert!(matches!(last.in_force(&table).await, Err(StateError::NoFleet)));
    put(&table, FLEET, "ada").await;
    let first = last.in_force(&table).await.unwrap();
    assert!(Arc::ptr_eq(&first, &last.in_force(&table).await.unwrap()));
    put(&table, &other(2), "ada").await;
    assert_eq!(last.in_force(&table).await.unwrap().number, 2);
    // By hand, of the same version: also then it is another one.
    let doc = table.get(&Keys::fleet()).await.unwrap().unwrap();
    table.put_raw(Keys::fleet(), "no fleet file");
    let instead = last.in_force(&table).await.unwrap();
    assert_eq!((instead.number, instead.unreadable.is_some()), (2, true));
    table.put_raw(Keys::fleet(), &doc.body);
    assert!(last.in_force(&table).await.unwrap().unreadable.is_none());
}
