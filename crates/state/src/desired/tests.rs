//! Each account is judged by its own version, and what never came into force never does.

use phonehome_cloud::table::{Expect, MemoryTable, Write};
use phonehome_network::{Ask, RemovalTarget};
use phonehome_rollout::{Begin, Pace, RollOut, Wave, begin};
use serde_json::json;

use super::*;
use crate::{AcceptedStack, PublishedFleet, Way, base, in_force, publish_by};

const FLEET: &str = include_str!("../../../../fleet.example.yaml");
const FIRST: &str = "444455556666";
const SECOND: &str = "555566667777";

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn text(number: u64) -> String {
    format!("{FLEET}# {number}\n")
}

fn published(text: String) -> PublishedFleet {
    let permission = [Ask::Delete(RemovalTarget::Vpc { id: "vpc-1".into() })].into_iter().collect();
    let stacks =
        vec![AcceptedStack { account: account(FIRST), region: "us-east-1".parse().unwrap(), permission }];
    let accepted = Accepted { until_ms: u64::MAX, stacks, ..Accepted::default() };
    PublishedFleet { text, published_by: "ada".into(), accepted, ..PublishedFleet::default() }
}

/// Puts the next version in force.
async fn in_force_next(table: &MemoryTable) -> u64 {
    let base = base(table).await.unwrap();
    publish_by(table, &base, published(text(base.next())), &Way::AtOnce, true).await.unwrap().number
}

/// Stores the next version, over the one in force and not in force.
async fn stored_next(table: &MemoryTable, text: String) -> u64 {
    let base = base(table).await.unwrap();
    let (number, over) = (base.next(), base.current().map(|it| it.number));
    let version = PublishedFleet { number, over, ..published(text) };
    table.write(vec![Write::put(Keys::version(number), Expect::Absent, &version)]).await.unwrap();
    number
}

async fn rolling(table: &MemoryTable, base: u64, target: u64, turned: &[&str]) {
    let doc = table.get(&Keys::rollout()).await.unwrap();
    let begun = begin(Begin {
        base,
        target,
        by: "ada".into(),
        at_ms: 1,
        mends: false,
        pace: Pace { bake_ms: 1, converge_ms: 1, at_once: 1 },
        waves: vec![Wave::new("everyone".into(), BTreeSet::new())],
        supersedes: None,
    });
    let versions = Versions { turned: turned.iter().map(|id| account(id)).collect(), ..begun.versions };
    let body = RollOut { versions, ..begun };
    table.write(vec![Write::put(Keys::rollout(), Expect::unchanged(doc.as_ref()), &body)]).await.unwrap();
}

/// Two versions in force one after the other, and a third one that the first account has.
async fn rolled_out() -> MemoryTable {
    let table = MemoryTable::default();
    in_force_next(&table).await;
    in_force_next(&table).await;
    stored_next(&table, text(3)).await;
    rolling(&table, 2, 3, &[FIRST]).await;
    table
}

async fn numbers(table: &MemoryTable) -> (u64, u64) {
    let desired = desired(table).await.unwrap();
    (desired.of(&account(FIRST)).number, desired.of(&account(SECOND)).number)
}

/// Of each account and the functions: whether anything is permitted, and whether something is said to be wrong.
async fn permitted(table: &MemoryTable) -> (bool, bool) {
    let desired = desired(table).await.unwrap();
    let accepted = [FIRST, SECOND].map(|id| desired.of(&account(id)).accepted.asks().count() > 0);
    (accepted.contains(&true), desired.in_force().unreadable.is_some())
}

#[tokio::test]
async fn each_account_has_the_version_whose_turn_has_come_for_it_with_what_was_accepted_with_that() {
    let table = rolled_out().await;
    assert_eq!(numbers(&table).await, (3, 2));
    assert_eq!(permitted(&table).await, (true, false));
    assert_eq!(in_force(&table).await.unwrap().number, 2, "for all that is no account's");
    rolling(&table, 2, 3, &[FIRST, SECOND]).await;
    assert_eq!(numbers(&table).await, (3, 3));
    rolling(&table, 2, 3, &[]).await;
    assert_eq!(numbers(&table).await, (2, 2), "it was taken back");
}

#[tokio::test]
async fn a_roll_out_over_another_version_than_the_one_in_force_is_over() {
    let table = rolled_out().await;
    assert_eq!(in_force_next(&table).await, 4);
    assert_eq!(numbers(&table).await, (4, 4));
}

#[tokio::test]
async fn what_of_a_roll_out_cannot_be_used_is_nobodys_and_then_nothing_is_permitted() {
    let table = rolled_out().await;
    table.put_raw(Keys::version(3), "no document");
    assert_eq!(numbers(&table).await, (2, 2));
    assert_eq!(permitted(&table).await, (false, true));
    let table = rolled_out().await;
    rolling(&table, 2, 9, &[FIRST]).await;
    assert_eq!((numbers(&table).await, permitted(&table).await), ((2, 2), (false, true)), "it is not there");
    let table = rolled_out().await;
    table.put_raw(Keys::rollout(), "{\"versions\": 7}");
    assert_eq!(
        (numbers(&table).await, permitted(&table).await),
        ((2, 2), (false, true)),
        "it cannot be read"
    );
}

#[tokio::test]
async fn who_has_the_new_version_keeps_it_while_the_one_in_force_cannot_be_used() {
    let table = rolled_out().await;
    let doc = table.get(&Keys::fleet()).await.unwrap().unwrap();
    let broken = PublishedFleet { text: "domains: 7".into(), ..doc.read().unwrap() };
    table.write(vec![Write::put(Keys::fleet(), Expect::Version(doc.version), &broken)]).await.unwrap();
    let desired = desired(&table).await.unwrap();
    assert_eq!(desired.of(&account(FIRST)).number, 3);
    assert_eq!(desired.of(&account(SECOND)).number, 2, "the version's own document can still be used");
    assert!(desired.in_force().unreadable.is_some());
}

#[tokio::test]
async fn what_was_never_in_force_does_not_come_into_force_because_something_cannot_be_used() {
    // While it is rolled out, whatever is wrong with what is in force.
    for broken in [
        "no document",
        "{\"text\": \"domains: 7\", \"published_at_ms\": 1, \"published_by\": \"x\", \"number\": 2}",
    ] {
        let table = rolled_out().await;
        table.put_raw(Keys::fleet(), broken);
        assert_eq!(in_force(&table).await.unwrap().number, 2, "{broken}");
    }
    // After it was taken back, and another one came.
    let table = rolled_out().await;
    rolling(&table, 2, 3, &[]).await;
    assert_eq!(in_force_next(&table).await, 4);
    table.put_raw(Keys::version(4), "no document");
    table.put_raw(Keys::fleet(), "no document");
    // Of 4 it can no longer be read what it was published over: but that one is the newest, and 3 was before it.
    let doc =
        json!({"text": "domains: 7", "published_at_ms": 1, "published_by": "x", "number": 4, "over": 2});
    table.put_raw(Keys::version(4), &doc.to_string());
    assert_eq!(in_force(&table).await.unwrap().number, 2);
    table.put_raw(Keys::fleet(), &doc.to_string());
    assert_eq!(in_force(&table).await.unwrap().number, 2);
}

#[tokio::test]
async fn a_fleet_file_that_is_rolled_out_is_checked_again_only_when_it_is_another_one() {
    let (table, last) = (rolled_out().await, LastRead::default());
    let first = last.in_use(&table).await.unwrap();
    let second = last.in_use(&table).await.unwrap();
    let target = |in_use: &InUse| Arc::clone(&in_use.rolling.as_ref().unwrap().target);
    assert!(Arc::ptr_eq(&first.base, &second.base) && Arc::ptr_eq(&target(&first), &target(&second)));
}
