//! Starter packs: when their stacks have a turn, what of it is stored and what is told.

use phonehome_cloud::Class;
use phonehome_cloud::table::{Doc, Expect, Table, Write};
use phonehome_planner::CONTRACT_FORM;
use phonehome_provision::pack_digests;
use phonehome_stacks::{Outcome, PackPhase, PackRecord, Problem, Refused, pack_key};
use phonehome_starter_pack::{Change, Pack, compare};
use phonehome_state::{Accepted, Contract, Phase};
use serde_json::Value;

use super::versions::sweep;
use super::world::{EUROPE, FLEET, REGION, SHOP_DEV, SHOP_PROD, World};

/// A world whose accounts have a starter pack, with its home in this Region.
pub(super) async fn world(home: &str) -> World {
    let world = World::new().await;
    let pack = format!("starter_pack: {{ enabled: true, home_region: {home}, key: true }}\n");
    world.publish(&format!("{FLEET}{pack}")).await;
    world
}

pub(super) async fn record(world: &World, account: &str, region: &str) -> Option<PackRecord> {
    let key = pack_key(&format!("{account}/{region}").parse().unwrap());
    world.table().get(&key).await.unwrap().map(|doc: Doc| doc.read().unwrap())
}

/// The fleet without the Region in Europe.
pub(super) fn without_europe() -> String {
    let alone = FLEET
        .replace("  - name: eu-west-1\n    availability_zones: [euw1-az1]\n", "")
        .replace("  - { name: prod-eu, region: eu-west-1, cidr: 10.32.0.0/12, block: 18 }\n", "")
        .replace("[prod, prod-eu]", "[prod]");
    assert!(!alone.contains("eu"), "{alone}");
    alone
}

fn turns(world: &World) -> Vec<String> {
    std::mem::take(&mut world.conditions().pack_turns)
        .into_iter()
        .map(|(stack, _)| stack.to_string())
        .collect()
}

pub(super) fn refused(why: &str) -> Outcome {
    Outcome::Told(Problem::Refused(vec![Refused { logical_id: "Key".into(), why: why.into() }]))
}

#[tokio::test]
async fn where_no_starter_pack_is_declared_nobody_asks_for_one() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    assert_eq!(turns(&world), [""; 0]);
    assert_eq!(record(&world, SHOP_DEV, REGION).await, None);
}

#[tokio::test]
async fn the_home_regions_pack_is_there_before_the_others_begin() {
    for (home, other) in [(REGION, EUROPE), (EUROPE, REGION)] {
        let mut world = world(home).await;
        let waits = Outcome::Later { reason: "it is made".into(), class: Class::EventuallyConsistent };
        world.conditions().packs.insert(home.into(), waits);
        world.reconcile(SHOP_PROD).await;
        assert_eq!(turns(&world), [format!("{SHOP_PROD}/{home}")]);
        assert_eq!(record(&world, SHOP_PROD, home).await.unwrap().phase, PackPhase::UnderWay);
        world.conditions().packs.clear();
        world.converge(SHOP_PROD).await;
        assert!(turns(&world).contains(&format!("{SHOP_PROD}/{other}")));
        for region in [home, other] {
            let record = record(&world, SHOP_PROD, region).await.unwrap();
            assert_eq!((record.phase, record.version), (PackPhase::AsDeclared, 2), "{region}");
        }
        // What goes wrong once it was there holds up no other.
        world.conditions().packs.insert(home.into(), refused("it would be replaced"));
        world.converge(SHOP_PROD).await;
        assert!(turns(&world).contains(&format!("{SHOP_PROD}/{other}")));
    }
}

#[tokio::test]
async fn a_pack_that_fails_stops_no_network_and_is_told_once_and_that_it_is_over() {
    let mut world = world(REGION).await;
    world.conditions().packs.insert(REGION.into(), refused("it would be replaced"));
    for _ in 0..3 {
        world.converge(SHOP_DEV).await;
    }
    assert_eq!(world.status_in(SHOP_DEV, REGION).await.unwrap().phase, Phase::Ready);
    let told = world.notified_of("pack/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("the stack of its starter pack") && told[0].contains("Key: it would be replaced")
    );
    assert_eq!(record(&world, SHOP_DEV, REGION).await.unwrap().phase, PackPhase::Withheld);
    world.conditions().packs.insert(REGION.into(), refused("it would be deleted"));
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("pack/").await.len(), 2, "something else is wrong");
    world.conditions().packs.clear();
    for _ in 0..2 {
        world.converge(SHOP_DEV).await;
    }
    let told = world.notified_of("pack/").await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].contains("as declared"));
    let ids = world.incident_ids_of("pack/").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_its_own_pack_alone() {
    let world = world(REGION).await;
    let key = pack_key(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    world.table().put_raw(key, "nonsense");
    world.reconcile(SHOP_DEV).await;
    assert_eq!(turns(&world), [""; 0]);
    assert!(world.status_in(SHOP_DEV, REGION).await.is_some_and(|status| status.network_ready));
}

#[tokio::test]
async fn a_quiet_sweep_writes_nothing_of_a_pack() {
    let mut world = world(REGION).await;
    world.converge(SHOP_DEV).await;
    let key = pack_key(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let before = world.table().get(&key).await.unwrap().unwrap();
    world.converge(SHOP_DEV).await;
    assert_eq!(world.table().get(&key).await.unwrap().unwrap().version, before.version);
}

#[tokio::test]
async fn what_an_invocation_before_stored_is_gone_on_from() {
    let world = world(REGION).await;
    let key = pack_key(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let other = PackRecord::new(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let newer = Write::put(key.clone(), Expect::Absent, &PackRecord { attempts: 7, ..other });
    world.table().write(vec![newer]).await.unwrap();
    world.reconcile(SHOP_DEV).await;
    let record = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!(record.attempts, 8, "it goes on from what is stored");
}

/// A fleet whose pack is larger than CloudFormation takes with a call.
fn too_large() -> String {
    let policies: Vec<String> = (0..10).map(|it| format!("p{it}{}", "x".repeat(120))).collect();
    let role = |it: usize| {
        let (begin, policies) = ("trusted: [{ account: \"999999999999\", role: r }]", policies.join(", "));
        format!("{{ name: {}{it}, {begin}, managed_policies: [{policies}] }}", "r".repeat(60))
    };
    let roles = |from: usize| (from..from + 10).map(role).collect::<Vec<_>>().join(", ");
    let trusted = format!("{{ account: \"999999999999\", role: {} }}", "t".repeat(120));
    let trusted = [trusted.as_str(); 10].join(", ");
    let roles = roles(0).replace("{ account: \"999999999999\", role: r }", &trusted);
    let deploy: Vec<String> = (0..10)
        .map(|it| {
            let (name, branch) = (format!("{}{it}", "d".repeat(60)), "b".repeat(120));
            format!("{{ name: {name}, branches: [{branch}], managed_policies: [{}] }}", policies.join(", "))
        })
        .collect();
    let repositories: Vec<String> = (1..=2)
        .map(|it| format!("{{ name: {}/{}{it}, id: {it}, owner_id: 1 }}", "o".repeat(39), "s".repeat(90)))
        .collect();
    format!(
        "{FLEET}starter_pack:\n  key: true\n  state_bucket: true\n  repositories: [{}]\n  deploy_roles: [{}]\n  access_roles: \
         [{roles}]\n",
        repositories.join(", "),
        deploy.join(", ")
    )
}

#[tokio::test]
async fn a_template_that_is_too_large_is_told_once_and_is_no_dead_letter() {
    let mut world = world(REGION).await;
    world.converge(SHOP_DEV).await;
    turns(&world);
    world.publish(&too_large()).await;
    for _ in 0..2 {
        world.converge(SHOP_DEV).await;
    }
    assert_eq!(turns(&world), [""; 0], "CloudFormation is not asked");
    let told = world.notified_of("pack/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("bytes, and CloudFormation takes 51200"), "{}", told[0]);
    let kept = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!((kept.phase, kept.attempts), (PackPhase::Failed, 1));
    world.publish(&format!("{FLEET}starter_pack: {{ key: true }}\n")).await;
    world.converge(SHOP_DEV).await;
    assert!(world.notified_of("pack/").await[1].contains("as declared"));
}

#[tokio::test]
async fn a_pack_that_is_no_longer_declared_is_told_once_with_what_stays_and_begins_again_when_it_is() {
    for is_told in [false, true] {
        let mut world = world(REGION).await;
        world.converge(SHOP_DEV).await;
        if is_told {
            world.conditions().packs.insert(REGION.into(), refused("it would be replaced"));
            world.converge(SHOP_DEV).await;
        }
        world.publish(FLEET).await;
        for _ in 0..3 {
            world.converge(SHOP_DEV).await;
        }
        let told = world.notified_of("pack/").await;
        assert_eq!(told.len(), 1 + usize::from(is_told), "{told:?}");
        let last = told.last().unwrap();
        assert!(
            last.contains("no starter pack is declared") && last.contains("stays in the account"),
            "{last}"
        );
        let ids = world.incident_ids_of("pack/").await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let ended = record(&world, SHOP_DEV, REGION).await.unwrap();
        assert_eq!((ended.phase, ended.told.is_none()), (PackPhase::Undeclared, true));
        world.conditions().packs.clear();
        world.publish(&format!("{FLEET}starter_pack: {{ key: true }}\n")).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(record(&world, SHOP_DEV, REGION).await.unwrap().phase, PackPhase::AsDeclared);
    }
}

#[tokio::test]
async fn the_end_of_a_pack_in_a_region_that_left_the_file_is_told_once_by_a_sweep() {
    let mut world = world(REGION).await;
    world.converge(SHOP_PROD).await;
    assert_eq!(record(&world, SHOP_PROD, EUROPE).await.unwrap().phase, PackPhase::AsDeclared);
    world.publish(&format!("{}starter_pack: {{ key: true }}\n", without_europe())).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    let told = world.notified_of("pack/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("in eu-west-1: no starter pack is declared"), "{told:?}");
    assert_eq!(record(&world, SHOP_PROD, EUROPE).await.unwrap().phase, PackPhase::Undeclared);
    assert_eq!(record(&world, SHOP_PROD, REGION).await.unwrap().phase, PackPhase::AsDeclared);
    let turns = std::mem::take(&mut world.conditions().pack_turns);
    assert!(turns.iter().all(|(_, permits)| permits.version > 0), "a sweep itself takes no turn: {turns:?}");
    world.publish(&format!("{FLEET}starter_pack: {{ key: true }}\n")).await;
    world.converge(SHOP_PROD).await;
    assert_eq!(record(&world, SHOP_PROD, EUROPE).await.unwrap().phase, PackPhase::AsDeclared);
}

/// Publishes a pack with a key, with what was agreed to of shop-dev's.
async fn publish_agreed(world: &World, changes: &[Change]) {
    let stack = format!("{SHOP_DEV}/{REGION}").parse().unwrap();
    let contract = Contract { form: CONTRACT_FORM, over: 1, ..Contract::default() };
    let contract = Some(contract.with_packs([(stack, pack_digests(changes))]));
    let accepted = Accepted { contract, until_ms: u64::MAX, ..Accepted::default() };
    world.publish_with(&format!("{FLEET}starter_pack: {{ key: true }}\n"), accepted).await;
}

/// What of its stack, where that is to be made, nobody agreed to in the first turn since this was asked.
fn unplanned(world: &World) -> Vec<String> {
    let turns = std::mem::take(&mut world.conditions().unplanned_packs);
    turns[0].iter().map(|it| it.logical_id.clone()).collect()
}

#[tokio::test]
async fn a_pack_is_held_to_the_plan_of_its_version_until_it_was_as_declared_and_repaired_after_that() {
    let mut world = World::new().await;
    let with_key = phonehome_fleet::parse(&format!("{FLEET}starter_pack: {{ key: true }}\n")).unwrap();
    let member = with_key.member("shop-dev").unwrap();
    let template = Pack::of(&with_key, &member, &REGION.parse().unwrap()).unwrap().template();
    let made = compare(&Value::Null, &template);
    publish_agreed(&world, &made[1..]).await;
    let halted = Problem::Unplanned { version: 2, set: "s".into(), unplanned: vec![] };
    world.conditions().packs.insert(REGION.into(), Outcome::Told(halted));
    for _ in 0..3 {
        world.converge(SHOP_DEV).await;
        assert_eq!(unplanned(&world), [made[0].logical_id.clone()]);
    }
    let kept = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!((kept.phase, kept.turn_version, kept.version), (PackPhase::Halted, 2, 0));
    assert_eq!(world.status_in(SHOP_DEV, REGION).await.unwrap().phase, Phase::Ready, "its network goes on");
    let told = world.notified_of("pack/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "raised_hand",
        "shop-dev",
        SHOP_DEV,
        REGION,
        "the world moved since version 2",
        "plan again and publish",
    ] {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    // All of it is agreed to, and done.
    publish_agreed(&world, &made).await;
    world.conditions().packs.clear();
    world.converge(SHOP_DEV).await;
    assert_eq!(unplanned(&world), [""; 0]);
    let kept = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!((kept.phase, kept.turn_version, kept.version), (PackPhase::AsDeclared, 3, 3));
    publish_agreed(&world, &[]).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(unplanned(&world).len(), made.len(), "it was to stay as it is");
    world.converge(SHOP_DEV).await;
    assert_eq!(
        unplanned(&world),
        [""; 0],
        "it was as declared under its version: what differs now is repaired"
    );
}

#[tokio::test]
async fn a_pack_of_a_version_without_a_plan_or_with_one_of_another_form_is_bound_to_nothing() {
    for form in [None, Some(CONTRACT_FORM + 1)] {
        let mut world = World::new().await;
        let stack = format!("{SHOP_DEV}/{REGION}").parse().unwrap();
        let of_form =
            |form| Contract { form, ..Contract::default() }.with_packs([(stack, pack_digests(&[]))]);
        let accepted = Accepted { contract: form.map(of_form), ..Accepted::default() };
        world.publish_with(&format!("{FLEET}starter_pack: {{ key: true }}\n"), accepted).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(unplanned(&world), [""; 0]);
    }
}

#[tokio::test]
async fn the_end_of_a_pack_of_which_nothing_was_made_is_no_message() {
    let world = world(REGION).await;
    let waits = Outcome::Later { reason: "its role is not there".into(), class: Class::EventuallyConsistent };
    world.conditions().packs.insert(REGION.into(), waits);
    world.reconcile(SHOP_DEV).await;
    world.publish(FLEET).await;
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.notified_of("pack/").await.len(), 0);
    assert_eq!(record(&world, SHOP_DEV, REGION).await.unwrap().phase, PackPhase::Undeclared);
}
