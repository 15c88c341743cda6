use phonehome_alerting::{PathState, PathStatus, ProbePart};
use phonehome_cloud::table::{Expect, MemoryTable, Write};
use phonehome_state::{Keys, desired};
use serde_json::json;

use super::super::{load, paths, render};
use super::*;

const GONE: &str = "connect:shop-prod:gone-prod:443";

fn path(status: PathStatus) -> PathState {
    let state = json!({"status": status, "since_ms": 1, "last": {"verdict": "ok"}, "last_since_ms": 1});
    serde_json::from_value(state).unwrap()
}

async fn stored_paths(table: &MemoryTable, part: &ProbePart, paths: &Paths) {
    table.write(vec![Write::put(Keys::paths(part), Expect::Absent, paths)]).await.unwrap();
}

/// The fleet in which shop-prod has a path that is declared, and one that is not any more.
async fn table() -> (MemoryTable, CheckId) {
    let table = phonehome_samples::table(0).await;
    let fleet = desired(&table).await.unwrap().in_force().fleet.clone();
    let members = fleet.members();
    let member = members.iter().find(|member| member.account_name == "shop-prod").unwrap();
    let declared = fleet.checks_for(member, &phonehome_samples::stack_id().region)[0].id.clone();
    let of = [(declared.clone(), path(PathStatus::Up)), (CheckId(GONE.to_owned()), path(PathStatus::Down))];
    stored_paths(&table, &phonehome_samples::probe("use1-az1").part(0), &of.into()).await;
    (table, declared)
}

#[tokio::test]
async fn a_path_whose_declaration_has_gone_is_not_shown() {
    let (table, declared) = table().await;
    let shown = load(&table).await.unwrap();
    assert_eq!(paths(&shown, &shown.stacks[0]), "1 ok");
    let text = render(&shown, true, 0);
    assert!(text.contains(&declared.to_string()) && !text.contains(GONE), "{text}");
}

#[tokio::test]
async fn where_it_is_not_known_what_is_declared_every_path_is_shown() {
    let (table, _) = table().await;
    let fleet = table.get(&Keys::fleet()).await.unwrap().unwrap();
    table.write(vec![Write::over(Some(&fleet), Keys::fleet(), &json!({"text": "no fleet"}))]).await.unwrap();
    let shown = load(&table).await.unwrap();
    assert_eq!(paths(&shown, &shown.stacks[0]), "1 ok, 1 DOWN");
}
