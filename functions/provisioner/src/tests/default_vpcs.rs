//! The default VPCs of new accounts.

use phonehome_cloud::table::Table as _;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fakecloud::Fault;
use phonehome_network::{NetworkInterface, Tagged as _};
use phonehome_state::DefaultVpcs;
use phonehome_state::Keys;
use phonehome_state::Phase;

use super::world::{EUROPE, FLEET, REGION, SHOP_DEV, World, error, no_role};

const ASIA: &str = "ap-south-1";
const DAY_MS: u64 = 24 * 60 * 60_000;

/// An account that has a default VPC in each of three Regions.
pub(super) async fn account(created_at_ms: Option<u64>) -> World {
    let mut world = World::new().await;
    world.account(SHOP_DEV, "shop-dev", true, created_at_ms);
    for region in [REGION, EUROPE, ASIA] {
        world.cloud.with(|cloud| cloud.stack(SHOP_DEV, region).with_default_vpc());
        world.conditions().regions.push(region.parse().unwrap());
    }
    world
}

fn left(world: &World) -> Vec<&'static str> {
    let has = |region: &&str| world.truth_in(SHOP_DEV, region).vpcs.iter().any(|vpc| vpc.is_default);
    [REGION, EUROPE, ASIA].into_iter().filter(has).collect()
}

async fn noted(world: &World) -> DefaultVpcs {
    let doc = world.table().get(&Keys::default_vpcs(&SHOP_DEV.parse().unwrap())).await.unwrap();
    doc.map(|doc| doc.read().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_new_account_loses_its_default_vpcs_in_every_region_and_nothing_else() {
    let mut world = account(Some(SystemClock.now_ms())).await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(left(&world), Vec::<&str>::new());
    assert!(world.truth_in(SHOP_DEV, ASIA).internet_gateways.is_empty());
    assert_eq!(world.truth(SHOP_DEV).vpcs.len(), 1);
    let noted = noted(&world).await;
    assert!(noted.finished && noted.removed.len() == 3 && noted.kept.is_empty(), "{noted:?}");
    world.cloud.with(|cloud| cloud.stack(SHOP_DEV, ASIA).with_default_vpc());
    world.converge(SHOP_DEV).await;
    assert_eq!(left(&world), [ASIA], "whoever makes one again wants it");
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_old_or_an_invited_account_keeps_its_default_vpcs() {
    for created_at_ms in [None, Some(SystemClock.now_ms() - DAY_MS)] {
        let mut world = account(created_at_ms).await;
        world.converge(SHOP_DEV).await;
        world.assert_ready(SHOP_DEV).await;
        assert_eq!(left(&world), [REGION, EUROPE, ASIA]);
    }
}

#[tokio::test]
async fn an_account_is_new_for_a_day() {
    let mut world = account(Some(SystemClock.now_ms() - DAY_MS + 3_600_000)).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(left(&world), Vec::<&str>::new());
}

#[tokio::test]
async fn where_the_fleet_file_says_so_default_vpcs_are_kept() {
    let mut world = account(Some(SystemClock.now_ms())).await;
    world.publish(&FLEET.replace("pools: [nonprod]", "pools: [nonprod], default_vpcs: keep")).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(left(&world), [REGION, EUROPE, ASIA]);
}

#[tokio::test]
async fn a_default_vpc_in_use_is_kept_and_the_reason_noted() {
    let mut world = account(Some(SystemClock.now_ms())).await;
    world.cloud.with(|cloud| {
        cloud.stack(SHOP_DEV, EUROPE).edit(|seen| {
            let subnet = &seen.subnets[0];
            seen.network_interfaces.push(NetworkInterface {
                id: "eni-0123456789abcdef0".to_owned(),
                vpc_id: subnet.vpc_id.clone(),
                subnet_id: subnet.id.clone(),
                description: "Primary network interface".to_owned(),
            });
        });
    });
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(left(&world), [EUROPE]);
    let noted = noted(&world).await;
    assert!(noted.finished && noted.kept[0].1.contains("eni-0123456789abcdef0"), "{noted:?}");
    assert_eq!(world.truth_in(SHOP_DEV, EUROPE).internet_gateways.len(), 1, "all of it is kept");
}

#[tokio::test]
async fn a_region_that_a_policy_closes_is_noted_and_fails_nothing() {
    let mut world = account(Some(SystemClock.now_ms())).await;
    let message =
        "not authorized to perform: ec2:DescribeVpcs with an explicit deny in a service control policy";
    let denied = error("ec2:DescribeVpcs", "UnauthorizedOperation", message);
    world.conditions().refusals.insert(ASIA.into(), denied);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    let noted = noted(&world).await;
    assert!(noted.finished && noted.kept[0].0 == ASIA && noted.kept[0].1.contains("policy"), "{noted:?}");
    assert_eq!(left(&world), [ASIA]);
}

#[tokio::test]
async fn a_removal_that_a_crash_cut_short_is_gone_on_with() {
    let mut world = account(Some(SystemClock.now_ms())).await;
    // Seven observations come before the first removal.
    world.conditions().faults.insert(ASIA.into(), vec![Fault::DieAfter(10)]);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(left(&world), [ASIA]);
    assert!(world.changes(SHOP_DEV, ASIA) > 0 && !noted(&world).await.finished);
    world.drain().await;
    assert_eq!(left(&world), Vec::<&str>::new());
    assert!(noted(&world).await.finished);
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn a_region_whose_default_vpc_is_kept_holds_up_no_other() {
    let mut world = account(Some(SystemClock.now_ms())).await;
    let message =
        "not authorized to perform: ec2:DescribeVpcs with an explicit deny in a service control policy";
    let denied = error("ec2:DescribeVpcs", "UnauthorizedOperation", message);
    world.conditions().refusals.insert(EUROPE.into(), denied);
    world.conditions().faults.insert(ASIA.into(), vec![Fault::DieAfter(10)]);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(left(&world), [EUROPE, ASIA]);
    assert_eq!(noted(&world).await.kept[0].0, EUROPE);
    world.drain().await;
    assert_eq!(left(&world), [EUROPE], "one is kept, and the other is gone on with");
    let noted = noted(&world).await;
    assert!(noted.finished && noted.kept.len() == 1, "{noted:?}");
}

#[tokio::test]
async fn a_default_vpc_that_is_to_be_adopted_is_not_taken_away_before_it_is_tagged() {
    let world = account(Some(SystemClock.now_ms())).await;
    let id = world.truth(SHOP_DEV).vpcs[0].id.clone();
    let adopts = format!("environments: [{{ name: dev, adopt: {id} }}");
    world.publish(&FLEET.replacen("environments: [{ name: dev }", &adopts, 1)).await;
    // The network cannot be worked on yet; the default VPCs could.
    world.conditions().faults.insert(REGION.into(), vec![Fault::DieBefore(1)]);
    world.reconcile(SHOP_DEV).await;
    world.conditions().faults.insert(REGION.into(), vec![Fault::DieBefore(1)]);
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.truth(SHOP_DEV).vpcs[0].id, id);
    assert!(world.truth(SHOP_DEV).vpcs[0].address().is_none());
    assert_eq!(left(&world), [REGION]);
    assert!(noted(&world).await.kept[0].1.contains("to be adopted"), "{:?}", noted(&world).await);
}

#[tokio::test]
async fn a_new_account_without_its_role_is_requeued_once() {
    let world = account(Some(SystemClock.now_ms())).await;
    world.conditions().refusals.insert(SHOP_DEV.into(), no_role());
    world.reconcile(SHOP_DEV).await;
    assert_eq!((world.queued().len(), world.letters().len()), (1, 0));
    assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Waiting);
}
