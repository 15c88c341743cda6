use phonehome_alerting::ProbePart;
use phonehome_cloud::table::{Expect, MemoryTable, Write};
use phonehome_network::{Ask, RemovalTarget};
use phonehome_state::{Accepted, AcceptedStack, InForce, PublishedFleet};

use super::*;

#[tokio::test]
async fn a_stack_that_has_another_version_than_it_is_to_have_says_so() {
    let table = MemoryTable::default();
    let published = |number| PublishedFleet {
        text: include_str!("../../../../fleet.example.yaml").to_owned(),
        number,
        ..PublishedFleet::default()
    };
    let versions = json!({"versions": {"base": 7, "target": 8, "turned": ["444455556666"]}});
    let writes = vec![
        Write::put(Keys::fleet(), Expect::Absent, &published(7)),
        Write::put(Keys::version(8), Expect::Absent, &published(8)),
        Write::put(Keys::rollout(), Expect::Absent, &versions),
    ];
    table.write(writes).await.unwrap();
    let desired = desired(&table).await;
    let notes = versions::lines(desired.as_ref().unwrap(), 0);
    assert_eq!(notes[1], "fleet file: version 8 is rolled out, which 1 account is to have");
    let desired = desired.map_err(|error| error.to_string());
    let stack = StackStatus { version: 7, ..phonehome_samples::stack(0) };
    let said = version_of(&stack, &desired, false);
    assert_eq!(said.as_deref(), Some("has version 7 and is to have version 8"));
    let stack = StackStatus { version: 8, ..stack };
    assert_eq!(version_of(&stack, &desired, false), None);
    assert_eq!(version_of(&stack, &desired, true).as_deref(), Some("has version 8"));
}

#[test]
fn the_version_in_force_is_named_with_why_it_is_not_the_newest_and_what_may_still_be_done() {
    let fleet = phonehome_fleet::parse(include_str!("../../../../fleet.example.yaml")).unwrap();
    let ask = Ask::Delete(RemovalTarget::NatGateway { id: "nat-1".into() });
    let stack = AcceptedStack {
        account: "444455556666".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        permission: [ask].into_iter().collect(),
    };
    let accepted = Accepted { until_ms: 1_000, stacks: vec![stack], ..Accepted::default() };
    let (published_at_ms, published_by) = (0, String::new());
    let mut in_force = InForce {
        fleet,
        number: 7,
        published_at_ms,
        published_by,
        accepted,
        authorities: None,
        probes: None,
        unreadable: None,
    };
    assert_eq!(
        versions::version(&in_force, 999),
        "fleet file: version 7 is in force; 1 accepted with it, each once, until 1970-01-01 00:00:01Z"
    );
    assert_eq!(versions::version(&in_force, 1_000), "fleet file: version 7 is in force");
    in_force.accepted = Accepted::default();
    in_force.unreadable = Some("line 3: no".into());
    let text = versions::version(&in_force, 0);
    assert!(text.ends_with("version 7 is in force, because the newest cannot be used: line 3: no"), "{text}");
}

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

#[tokio::test]
async fn while_a_version_is_rolled_out_that_leaves_a_path_out_it_is_shown_for_as_long_as_it_is_told_to_be_down()
 {
    let checks = "checks: [{ name: delegation, from: shop, type: dns, host: example.com, record: NS }]";
    let base = format!("{}\n{checks}\n", phonehome_samples::FLEET);
    let version = |number, text: &str| PublishedFleet { number, ..phonehome_samples::published(text) };
    let stack = StackStatus { version: 7, ..phonehome_samples::stack(0) };
    let turned = json!({"versions": {"base": 7, "target": 8, "turned": [stack.account]}});
    let table = MemoryTable::default();
    let writes = vec![
        Write::put(Keys::fleet(), Expect::Absent, &version(7, &base)),
        Write::put(Keys::version(8), Expect::Absent, &version(8, phonehome_samples::FLEET)),
        Write::put(Keys::rollout(), Expect::Absent, &turned),
        Write::put(Keys::stack(&stack.stack()), Expect::Absent, &stack),
    ];
    table.write(writes).await.unwrap();
    let check = CheckId("check/delegation".to_owned());
    let probe = phonehome_samples::probe("use1-az1");
    stored_paths(&table, &probe.part(0), &[(check.clone(), path(PathStatus::Down))].into()).await;
    let shown = load(&table).await.unwrap();
    assert_eq!(paths(&shown, &shown.stacks[0]), "0 ok", "nobody waits for it any more");
    let told_down = |check: &str| {
        let member = json!({
            "probe": probe, "symptom": "down", "check": check, "state": "failing", "since_ms": 1, "account_name": "shop-prod",
        });
        json!({
            "id": "i", "suspect": {"kind": "fleet"}, "severity": "note", "state": {"state": "open"}, "since_ms": 1,
            "opened_at_ms": 1, "updated_at_ms": 1, "revision": 1, "members": [member],
        })
    };
    let other = told_down("check/other");
    table.write(vec![Write::put(Keys::incident("i"), Expect::Absent, &other)]).await.unwrap();
    let shown = load(&table).await.unwrap();
    assert_eq!(
        (shown.incidents.len(), paths(&shown, &shown.stacks[0]).as_str()),
        (1, "0 ok"),
        "it is of another path"
    );
    let down = told_down(&check.0);
    let before = table.get(&Keys::incident("i")).await.unwrap();
    table.write(vec![Write::over(before.as_ref(), Keys::incident("i"), &down)]).await.unwrap();
    let shown = load(&table).await.unwrap();
    assert_eq!(paths(&shown, &shown.stacks[0]), "0 ok, 1 DOWN");
}
