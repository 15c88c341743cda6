//! What no rollback brings back is done once the version that asks for it is in force, and not before.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_cloud::{Account, SystemClock, WallClock as _};
use phonehome_network::{Ask, Inventory, RemovalTarget, Tagged as _};
use phonehome_state::{
    Accepted, Claim, InForce, Keys, PERMISSION_MS, Phase, PublishedFleet, Used, all, base, version,
};
use serde_json::json;

use super::default_vpcs;
use super::links::CONNECTIONS;
use super::versions::{roll_out, sweep, turn};
use super::world::{EUROPE, FLEET, REGION, SHOP_DEV, SHOP_PROD, World};
use crate::stacks::is_new;

/// The fleet file without a way out of dev.
fn without_nat() -> String {
    let text = FLEET.replace("{ name: dev, pools: [nonprod] }", "{ name: dev, pools: [nonprod], nat: none }");
    assert!(text != FLEET);
    text
}

/// The elastic IPs with their public addresses.
fn elastic_ips(seen: &Inventory) -> BTreeMap<String, String> {
    seen.elastic_ips.iter().map(|it| (it.allocation_id.clone(), it.public_ip.clone())).collect()
}

/// Through which public addresses each way out leads.
fn ways_out(seen: &Inventory) -> BTreeMap<String, String> {
    let live = seen.nat_gateways.iter().filter(|it| it.is_live());
    live.filter_map(|it| Some((it.address()?.to_string(), format!("{:?}", it.public_ips)))).collect()
}

/// An account that had a way out in each of two zones, and got a version without, with permission, in its turn; and
/// what it had.
async fn rolled_out(text: &str) -> (World, Inventory) {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let before = world.truth(SHOP_DEV);
    assert_eq!((before.elastic_ips.len(), ways_out(&before).len()), (2, 2));
    let shown = world.shown(text, &[SHOP_DEV]).await;
    roll_out(&world, text, shown).await;
    turn(&world, &[SHOP_DEV]).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    (world, before)
}

/// Changes what was accepted with the version that is rolled out.
async fn accepted(world: &World, change: impl Fn(Accepted) -> Accepted) {
    let number = base(world.table()).await.unwrap().next() - 1;
    let doc = world.table().get(&Keys::version(number)).await.unwrap().unwrap();
    let published: PublishedFleet = doc.read().unwrap();
    let accepted = change(published.accepted.clone());
    let published = PublishedFleet { accepted, ..published };
    world.table().write(vec![Write::over(Some(&doc), doc.key.clone(), &published)]).await.unwrap();
}

/// The roll-out ends: the version is in force since this moment.
async fn ends(world: &World, in_force_at_ms: u64) {
    let number = base(world.table()).await.unwrap().next() - 1;
    let published = version(world.table(), Some(number)).await.unwrap().unwrap();
    let accepted = Accepted { in_force_at_ms: Some(in_force_at_ms), ..published.accepted.clone() };
    let doc = world.table().get(&Keys::fleet()).await.unwrap();
    let in_force = PublishedFleet { accepted, ..published };
    let write = Write::put(Keys::fleet(), Expect::unchanged(doc.as_ref()), &in_force);
    world.table().write(vec![write]).await.unwrap();
}

async fn used(world: &World) -> Vec<Ask> {
    let used = all::<Used>(world.table(), "permissions").await.unwrap();
    used.into_iter().flat_map(|(_, used)| used.asks).collect()
}

fn is_of_elastic_ip(ask: &Ask) -> bool {
    matches!(ask, Ask::Delete(RemovalTarget::ElasticIp { .. }))
}

#[tokio::test]
async fn while_it_is_rolled_out_gateways_go_their_addresses_stay_and_the_account_has_the_version_all_the_same()
 {
    let (world, before) = rolled_out(&without_nat()).await;
    let seen = world.truth(SHOP_DEV);
    assert_eq!((ways_out(&seen).len(), elastic_ips(&seen)), (0, elastic_ips(&before)));
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.version), (Phase::Ready, 2), "{}", status.message);
    assert_eq!((status.withheld.len(), status.until_in_force.len()), (0, 2), "{status:?}");
    assert!(
        status.message.ends_with("2 changes that no rollback brings back wait until its version is in force")
    );
    for prefix in ["withheld/", "drift/", "failed/"] {
        assert_eq!(world.notified_of(prefix).await, Vec::<String>::new(), "nobody has to do anything");
    }
    let used = used(&world).await;
    assert!(used.len() >= 4 && !used.iter().any(is_of_elastic_ip), "{used:?}");
}

#[tokio::test]
async fn what_drifts_while_something_waits_is_led_back_unasked_as_ever() {
    // Who waits for the other end of a connection is not there in full.
    let alone = FLEET.replace(CONNECTIONS, "");
    let mut world = World::new().await;
    world.publish(&alone).await;
    world.converge(SHOP_DEV).await;
    let text = without_nat().replace(CONNECTIONS, "");
    let shown = world.shown(&text, &[SHOP_DEV]).await;
    roll_out(&world, &text, shown).await;
    turn(&world, &[SHOP_DEV]).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.version, status.until_in_force.len()), (3, 2), "{status:?}");
    assert!(status.full_spec.is_some() && status.full_spec == status.converged_spec, "{status:?}");
}

#[tokio::test]
async fn taken_back_it_leaves_with_the_same_public_addresses() {
    let (mut world, before) = rolled_out(&without_nat()).await;
    turn(&world, &[]).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    let seen = world.truth(SHOP_DEV);
    assert_eq!((ways_out(&seen), elastic_ips(&seen)), (ways_out(&before), elastic_ips(&before)));
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.version), (Phase::Ready, 1), "{}", status.message);
    assert!(status.until_in_force.is_empty() && status.egress_ready);
}

#[tokio::test]
async fn once_it_is_in_force_what_waited_is_done_with_the_permission_that_it_had() {
    let (mut world, _) = rolled_out(&without_nat()).await;
    ends(&world, SystemClock.now_ms()).await;
    world.converge(SHOP_DEV).await;
    assert!(elastic_ips(&world.truth(SHOP_DEV)).is_empty());
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.version), (Phase::Ready, 2), "{}", status.message);
    assert!(status.until_in_force.is_empty() && status.withheld.is_empty(), "{status:?}");
    assert_eq!(used(&world).await.iter().filter(|ask| is_of_elastic_ip(ask)).count(), 2);
    for prefix in ["withheld/", "drift/", "failed/"] {
        assert_eq!(world.notified_of(prefix).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_waits_has_its_permission_for_as_long_as_the_roll_out_takes_and_for_its_days_after_that() {
    let now_ms = SystemClock.now_ms();
    for (in_force_at_ms, left) in [(now_ms, 0), (now_ms - PERMISSION_MS, 2)] {
        let (mut world, _) = rolled_out(&without_nat()).await;
        accepted(&world, |accepted| Accepted { until_ms: 1, ..accepted }).await;
        sweep(&mut world).await;
        let status = world.status(SHOP_DEV).await;
        assert_eq!((status.withheld.len(), status.until_in_force.len()), (0, 2), "{status:?}");
        ends(&world, in_force_at_ms).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(elastic_ips(&world.truth(SHOP_DEV)).len(), left);
        assert_eq!(world.status(SHOP_DEV).await.withheld.len(), left, "it needs permission anew");
    }
}

#[tokio::test]
async fn what_did_not_have_to_wait_ends_after_its_days_however_long_the_roll_out_takes() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let shown = world.shown(&without_nat(), &[SHOP_DEV]).await;
    roll_out(&world, &without_nat(), shown).await;
    accepted(&world, |accepted| Accepted { until_ms: 1, ..accepted }).await;
    turn(&world, &[SHOP_DEV]).await;
    sweep(&mut world).await;
    ends(&world, SystemClock.now_ms()).await;
    sweep(&mut world).await;
    assert_eq!(ways_out(&world.truth(SHOP_DEV)).len(), 2, "the routes to them were not permitted any more");
}

#[tokio::test]
async fn what_the_hour_leaves_over_does_not_make_of_what_waits_something_that_needs_permission() {
    let text = without_nat().replace("quarantine_days: 7", "quarantine_days: 7, removals_per_hour: 3");
    let began_ms = SystemClock.now_ms();
    let (world, before) = rolled_out(&text).await;
    assert_eq!(elastic_ips(&world.truth(SHOP_DEV)), elastic_ips(&before));
    let hours = all::<phonehome_state::Hour>(world.table(), "removals").await.unwrap().len();
    if hours > 1 {
        return;
    }
    assert_eq!(ways_out(&world.truth(SHOP_DEV)).len(), 1, "two routes and a gateway went");
    let status = world.status(SHOP_DEV).await;
    assert_eq!(status.until_in_force, ["elastic-ip/use1-az1: delete: no longer declared"], "{status:?}");
    assert!(!status.withheld.iter().any(|it| it.contains("--allow-delete")), "{:?}", status.withheld);
    let hours = [began_ms, SystemClock.now_ms()].map(phonehome_state::next_hour_ms);
    assert!(hours.contains(&status.next_hour_ms), "{hours:?}: {}", status.next_hour_ms);
}

#[tokio::test]
async fn not_even_a_person_who_asks_over_the_queue_gets_it_before() {
    let (mut world, before) = rolled_out(&without_nat()).await;
    world.wait().await;
    let limits = json!({"deletions": 9, "disruption": "detaches"});
    world.send(json!({"reconcile": {"account": SHOP_DEV, "limits": limits}})).await;
    world.drain().await;
    assert_eq!(elastic_ips(&world.truth(SHOP_DEV)), elastic_ips(&before));
}

#[tokio::test]
async fn a_version_that_was_never_rolled_out_does_it_at_once() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let shown = world.shown(&without_nat(), &[SHOP_DEV]).await;
    world.publish_accepting(&without_nat(), shown).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    assert!(elastic_ips(&world.truth(SHOP_DEV)).is_empty());
}

#[tokio::test]
async fn an_account_whose_turn_has_not_come_does_what_the_version_in_force_permits() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let shown = world.shown(&without_nat(), &[SHOP_DEV]).await;
    world.publish_accepting(&without_nat(), shown).await;
    roll_out(&world, FLEET, vec![]).await;
    turn(&world, &[SHOP_PROD]).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    assert!(elastic_ips(&world.truth(SHOP_DEV)).is_empty());
}

fn blocks(mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.sort_by_key(|claim| claim.cidr);
    claims
}

#[tokio::test]
async fn whatever_a_version_leaves_out_every_block_and_vpc_stays_while_it_may_be_taken_back() {
    let moved = |from: &str, to: &str| {
        let text = FLEET.replace(from, to);
        assert!(text != FLEET, "{from}");
        text
    };
    let changes = [
        ("a line is left out", moved("[{ name: dev }, { name: prod }]", "[{ name: dev }]")),
        ("a Region is taken out of an environment", moved("pools: [prod, prod-eu]", "pools: [prod]")),
        ("a pool is moved", moved("cidr: 10.16.0.0/12, block: 18", "cidr: 10.48.0.0/12, block: 18")),
        ("an environment has another pool", moved("pools: [prod, prod-eu]", "pools: [prod-eu]")),
        (
            "a line is renamed",
            moved("  - name: shop\n", "  - name: store\n    renamed_from: shop\n")
                .replace("{ from: shop, to: payments", "{ from: store, to: payments"),
        ),
    ];
    for (what, text) in changes {
        let mut world = World::new().await;
        sweep(&mut world).await;
        let before = (blocks(world.claims().await), networks(&world));
        roll_out(&world, &text, vec![]).await;
        for turned in [&[SHOP_PROD][..], &[SHOP_DEV, SHOP_PROD], &[]] {
            turn(&world, turned).await;
            sweep(&mut world).await;
            let letters = world.letters().len();
            for mode in ["remove", "forget"] {
                world.send(json!({"reconcile": {"account": SHOP_PROD, "release": mode}})).await;
            }
            assert_eq!(world.letters().len(), letters + 2, "{what}: it is refused");
            assert_eq!((blocks(world.claims().await), networks(&world)), before, "{what}");
        }
        let status = world.status(SHOP_PROD).await;
        assert_eq!((status.phase, status.version), (Phase::Ready, 1), "{what}: {}", status.message);
    }
}

/// The VPCs and public addresses of both accounts.
fn networks(world: &World) -> Vec<(String, String, BTreeMap<String, String>)> {
    let of = |(account, region): (&str, &str)| {
        let seen = world.truth_in(account, region);
        let vpcs: Vec<_> = seen.vpcs.iter().map(|it| (&it.id, &it.cidrs)).collect();
        (format!("{account}/{region}"), format!("{vpcs:?}"), elastic_ips(&seen))
    };
    [(SHOP_DEV, REGION), (SHOP_PROD, REGION), (SHOP_PROD, EUROPE)].map(of).into()
}

/// A new account of a line that the version in force does not have, or of which it keeps the default VPCs.
#[tokio::test]
async fn a_default_vpc_that_only_the_new_version_takes_away_stays_until_that_is_in_force() {
    const DAY_MS: u64 = 24 * 60 * 60_000;
    let keeps = FLEET.replace("pools: [nonprod]", "pools: [nonprod], default_vpcs: keep");
    let lacks = FLEET.replace("  - name: shop\n", "  - name: other\n").replace("from: shop", "from: other");
    let now_ms = SystemClock.now_ms();
    let default_vpcs = |world: &World| world.truth(SHOP_DEV).vpcs.iter().filter(|vpc| vpc.is_default).count();
    for (base, left_meanwhile) in [(&keeps, 1), (&lacks, 1), (&FLEET.to_owned(), 0)] {
        let mut world = default_vpcs::account(Some(now_ms - DAY_MS + 600_000)).await;
        world.publish(base).await;
        roll_out(&world, FLEET, vec![]).await;
        turn(&world, &[SHOP_DEV]).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(default_vpcs(&world), left_meanwhile, "{base}");
        // It is more than a day old by now.
        world.account(SHOP_DEV, "shop-dev", true, Some(now_ms - DAY_MS));
        ends(&world, now_ms).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(default_vpcs(&world), 0, "{base}");
    }
}

#[tokio::test]
async fn an_account_is_new_for_a_day_and_one_that_was_when_a_roll_out_began_for_a_day_after_its_end() {
    const HALF_DAY_MS: u64 = 12 * 60 * 60_000;
    let world = World::new().await;
    let of_version_1 = phonehome_state::in_force(world.table()).await.unwrap();
    let now_ms = 20 * HALF_DAY_MS;
    // Each in half days before now: made, published, in force.
    for (made, published, in_force, wanted) in [
        (1, 30, None, true),
        (2, 30, None, false),
        (2, 3, None, false),
        (4, 3, Some(1), true),
        (2, 4, Some(1), true),
        (5, 3, Some(1), false),
        (4, 3, Some(2), false),
    ] {
        let at_ms = |half_days: u64| now_ms - (half_days * HALF_DAY_MS).min(now_ms);
        let created_at_ms = Some(at_ms(made));
        let account =
            Account { id: SHOP_DEV.parse().unwrap(), name: "shop-dev".into(), active: true, created_at_ms };
        let accepted = Accepted { in_force_at_ms: in_force.map(at_ms), ..Accepted::default() };
        let version = InForce { published_at_ms: at_ms(published), accepted, ..of_version_1.clone() };
        assert_eq!(is_new(&account, &version, now_ms), wanted, "{made} {published} {in_force:?}");
        let invited = Account { created_at_ms: None, ..account };
        assert!(!is_new(&invited, &version, now_ms));
    }
}
