//! Accounts that are given up.

use phonehome_closing::{Decommissioned, decommissioned_key};
use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_network::{Inventory, SecurityGroup, Tagged as _, Tags};
use phonehome_state::{Claim, ClaimState, Keys, Seen, all};
use phonehome_state::{Phase, StackStatus};
use serde_json::{Value, json};

use super::world::{EUROPE, FLEET, REGION, SHOP_DEV, SHOP_PROD, World};

const DAY_MS: u64 = 24 * 60 * 60_000;

/// The same fleet without shop-dev, or without shop-prod.
pub(super) fn without(environment: &str) -> String {
    let (both, rest) = ("environments: [{ name: dev }, { name: prod }]", ["dev", "prod"]);
    assert!(FLEET.contains(both));
    let left = rest.into_iter().find(|name| *name != environment).unwrap();
    let text = FLEET.replace(both, &format!("environments: [{{ name: {left} }}]"));
    let connections = text.find("connections:").unwrap()..text.find("network:").unwrap();
    let mut text = text;
    text.replace_range(connections, "");
    text
}

pub(super) fn asked(account: &str, mode: &str) -> Value {
    json!({"reconcile": {"account": account, "release": mode}})
}

/// Has shop-dev its network, and left the fleet file.
pub(super) async fn left_behind() -> World {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.publish(&without("dev")).await;
    world
}

async fn seen_vpcs(world: &World, account: &str) -> Vec<(String, bool)> {
    let doc = world
        .table()
        .get(&Keys::seen(&format!("{account}/{REGION}").parse().unwrap()))
        .await
        .unwrap()
        .expect("what was seen");
    doc.read::<Seen>().unwrap().vpcs.into_iter().map(|vpc| (vpc.vpc_id, vpc.ours)).collect()
}

fn is_empty(seen: &Inventory) -> bool {
    let lists = [
        seen.vpcs.len(),
        seen.subnets.len(),
        seen.internet_gateways.len(),
        seen.elastic_ips.len(),
        seen.route_tables.len(),
        seen.security_groups.len(),
        seen.functions.len(),
        seen.schedules.len(),
        seen.network_interfaces.len(),
    ];
    lists.iter().sum::<usize>() == 0
}

#[tokio::test]
async fn an_account_that_is_in_the_fleet_file_is_not_decommissioned() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let changes = world.changes(SHOP_DEV, REGION);
    world.send(asked(SHOP_DEV, "remove")).await;
    assert!(world.letters()[0].contains("is in the fleet file"), "{:?}", world.letters());
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
    assert!(world.claims().await[0].is_held());
}

#[tokio::test]
async fn a_decommissioned_account_holds_nothing_any_more_and_its_block_is_in_quarantine() {
    let mut world = left_behind().await;
    world.send(asked(SHOP_DEV, "remove")).await;
    assert_eq!(world.queued().last().unwrap()["reconcile"]["release"], "remove");
    world.drain().await;
    assert_eq!(world.letters(), Vec::<String>::new());
    let seen = world.truth(SHOP_DEV);
    assert!(is_empty(&seen), "{seen:?}");
    assert!(world.status_in(SHOP_DEV, REGION).await.is_none());
    let claims = world.claims().await;
    let ClaimState::Quarantined { released_at_ms, until_ms } = claims[0].state else { panic!("{claims:?}") };
    assert_eq!(until_ms - released_at_ms, 7 * DAY_MS);
    assert!(seen_vpcs(&world, SHOP_DEV).await.is_empty(), "no ghost keeps addresses");
    let record = world.table().get(&decommissioned_key(&SHOP_DEV.parse().unwrap())).await.unwrap().unwrap();
    let record: Decommissioned = record.read().unwrap();
    assert_eq!((record.account_name.as_str(), record.line.as_str()), ("shop-dev", "shop/dev"));
    world.send(asked(SHOP_DEV, "remove")).await;
    assert_eq!(world.letters(), Vec::<String>::new(), "a second time it is so already");
}

#[tokio::test]
async fn an_account_with_stacks_in_several_regions_is_decommissioned_in_all_of_them() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    world.publish(&without("prod")).await;
    world.send(asked(SHOP_PROD, "remove")).await;
    world.drain().await;
    assert_eq!(world.letters(), Vec::<String>::new());
    for region in [REGION, EUROPE] {
        assert!(is_empty(&world.truth_in(SHOP_PROD, region)), "{region}");
    }
    assert!(all::<StackStatus>(world.table(), Keys::STACKS).await.unwrap().is_empty());
    assert!(world.claims().await.iter().all(|claim| !claim.is_held()));
}

#[tokio::test]
async fn of_a_closed_account_only_the_block_is_released() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.account(SHOP_DEV, "shop-dev", false, None);
    let changes = world.changes(SHOP_DEV, REGION);
    world.send(asked(SHOP_DEV, "remove")).await;
    assert_eq!(world.letters(), Vec::<String>::new());
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
    assert!(!world.claims().await[0].is_held());
    assert!(world.status_in(SHOP_DEV, REGION).await.is_none());
    assert!(seen_vpcs(&world, SHOP_DEV).await.is_empty());
}

#[tokio::test]
async fn what_others_have_in_the_vpc_keeps_all_of_it() {
    let mut world = left_behind().await;
    world.edit(SHOP_DEV, |seen| {
        let vpc_id = seen.vpcs[0].id.clone();
        seen.security_groups.push(SecurityGroup {
            id: "sg-0123456789abcdef0".to_owned(),
            tags: Tags::new(),
            name: "web".to_owned(),
            vpc_id,
            ingress: vec![],
            egress: vec![],
        });
    });
    let changes = world.changes(SHOP_DEV, REGION);
    world.send(asked(SHOP_DEV, "remove")).await;
    assert!(world.letters()[0].contains("sg-0123456789abcdef0"), "{:?}", world.letters());
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
    assert!(world.claims().await[0].is_held());
    assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Failed);
    world.drain().await;
}

#[tokio::test]
async fn a_forgotten_stack_stays_and_is_no_longer_phonehomes() {
    let mut world = left_behind().await;
    world.send(asked(SHOP_DEV, "forget")).await;
    world.drain().await;
    assert_eq!(world.letters(), Vec::<String>::new());
    let seen = world.truth(SHOP_DEV);
    assert_eq!((seen.vpcs.len(), seen.subnets.len(), seen.nat_gateways.len()), (1, 4, 2));
    assert!(seen.vpcs[0].address().is_none() && seen.subnets.iter().all(|it| it.address().is_none()));
    assert!(world.status_in(SHOP_DEV, REGION).await.is_none());
    assert!(!world.claims().await[0].is_held());
    let noted = seen_vpcs(&world, SHOP_DEV).await;
    assert_eq!(noted, [(seen.vpcs[0].id.clone(), false)], "its addresses are not given to others");
}

#[tokio::test]
async fn a_decommission_waits_for_whoever_works_on_the_stack() {
    let world = left_behind().await;
    world.table_leased(SHOP_DEV).await;
    let changes = world.changes(SHOP_DEV, REGION);
    world.send(asked(SHOP_DEV, "remove")).await;
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
    assert_eq!(world.queued().last().unwrap()["reconcile"]["release"], "remove");
}

#[tokio::test]
async fn a_block_that_the_ledger_contradicts_keeps_the_status_which_says_so() {
    let mut world = left_behind().await;
    let key = Keys::block("10.0.0.0/18");
    let doc = world.table().get(&key).await.unwrap().unwrap();
    let torn = Claim { account: SHOP_PROD.parse().unwrap(), ..doc.read().unwrap() };
    world.table().write(vec![Write::put(key, Expect::Version(doc.version), &torn)]).await.unwrap();
    world.send(asked(SHOP_DEV, "remove")).await;
    world.drain().await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!(status.phase, Phase::Failed);
    assert!(status.message.contains("restore the two documents"), "{}", status.message);
    assert_eq!(world.letters().len(), 1);
}
