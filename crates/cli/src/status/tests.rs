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
