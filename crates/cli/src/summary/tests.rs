//! What whoever is to accept a version reads, and what exactly is accepted.

use phonehome_fakecloud::{FakeCloud, Options, sample};
use phonehome_network::Kind;
use phonehome_planner::{Limits, StackSpec, plan};

use super::*;

fn spec(zones: usize) -> StackSpec {
    let mut spec = sample::full("444455556666", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap();
    spec.zones.truncate(zones);
    spec
}

fn planned(name: &str, cloud: &mut FakeCloud, spec: &StackSpec) -> Planned {
    let seen = cloud.stack(&spec.account, &spec.region).inventory(&Kind::ALL);
    let plan = plan(spec, &seen, &Limits::SWEEP).map_err(|refused| refused.to_string());
    Planned { name: name.into(), account: spec.account.clone(), region: spec.region.clone(), plan }
}

fn made(spec: &StackSpec) -> FakeCloud {
    let mut cloud = FakeCloud::with_options(Options { elastic_ips_max: 100, ..Options::default() });
    for _ in 0..3 {
        let plan = planned("", &mut cloud, spec).plan.unwrap();
        cloud.stack(&spec.account, &spec.region).apply(spec, &plan).unwrap();
        cloud.advance(200_000);
    }
    cloud
}

#[test]
fn each_removal_is_named_and_counted_and_just_those_are_accepted() {
    let mut cloud = made(&spec(3));
    let failed = Planned { plan: Err("no role".into()), ..planned("pay-prod", &mut cloud, &spec(3)) };
    let same = planned("ledger-prod", &mut cloud, &spec(3));
    let smaller = planned("shop-prod", &mut cloud, &spec(2));
    let asks = smaller.plan.as_ref().unwrap().asks();
    let summary = Summary::new(vec![smaller, failed, same], 30);
    let text = summary.text();
    assert!(text.starts_with("shop-prod: "), "{text}");
    assert!(
        text.contains(&format!("{} with your permission; at worst it cuts off its users", asks.len())),
        "{text}"
    );
    assert!(text.contains("  ! deletes nat-gateway/use1-az4 nat-"), "{text}");
    let ip = summary.planned()[0].plan.as_ref().unwrap().given_up().remove(0);
    assert!(ip.known_as.len() == 1 && text.contains(&format!("  no rollback brings back {ip}\n")), "{text}");
    assert!(
        text.contains("\nNo rollback brings back 1 thing in 1 stack: done once the version is in force"),
        "{text}"
    );
    assert_eq!(summary.json()["stacks"][0]["given_up"][0]["id"], ip.id);
    assert!(text.contains("pay-prod: cannot be planned, and gets no permission: no role"), "{text}");
    assert!(!text.contains("ledger-prod"), "nothing changes there: {text}");
    assert!(text.ends_with(&format!("It deletes {} other resources in 1 stack.\n", asks.len())), "{text}");
    assert_eq!(text.matches("  ! ").count(), asks.len(), "{text}");
    let accepted = summary.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].permission.asks().cloned().collect::<BTreeSet<_>>(), asks);
    assert_eq!(summary.json()["stacks"][0]["worst"], "detaches");
}

#[test]
fn what_takes_nothing_away_says_so_and_gives_no_permission() {
    let mut cloud = FakeCloud::with_options(Options { elastic_ips_max: 100, ..Options::default() });
    let summary = Summary::new(vec![planned("shop-prod", &mut cloud, &spec(2))], 0);
    let text = summary.text();
    assert!(!text.contains("rollback") && summary.json()["stacks"][0]["given_up"] == json!([]), "{text}");
    assert!(text.contains("to create") && text.ends_with("It takes nothing away.\n"), "{text}");
    assert!(summary.accepted().is_empty());
}

#[test]
fn where_the_hours_limit_makes_it_long_that_is_said() {
    let said = |per_hour: u32| {
        let mut cloud = made(&spec(3));
        let smaller = planned("shop-prod", &mut cloud, &spec(2));
        let asks = smaller.plan.as_ref().unwrap().asks().len();
        (asks, Summary::new(vec![smaller], per_hour).text())
    };
    let (asks, text) = said(30);
    assert!(asks > 2 && !text.contains("removals_per_hour"), "{text}");
    let (_, text) = said(u32::try_from(asks).unwrap());
    assert!(!text.contains("removals_per_hour"), "{text}");
    let (_, text) = said(2);
    let hours = format!("it takes {} hours", asks.div_ceil(2));
    assert!(text.contains("No more than 2 of that are done in an hour") && text.contains(&hours), "{text}");
    let (_, text) = said(0);
    assert!(text.ends_with("None of that is done: network.removals_per_hour is 0.\n"), "{text}");
}
