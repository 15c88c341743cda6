//! Settings that scans ask for: when they are looked at, what of it is stored and what is told.

use phonehome_cloud::Class;
use phonehome_cloud::table::{Doc, Expect, Table, Write};
use phonehome_settings::{Setting, SettingsRecord, State, settings_key};
use phonehome_state::Phase;

use super::packs::without_europe;
use super::versions::sweep;
use super::world::{EUROPE, FLEET, REGION, SHOP_DEV, SHOP_PROD, World, denied, no_role};

const ALL: &str = "account_settings: { s3_block_public_access: true, imdsv2: true }\n";

async fn world(settings: &str) -> World {
    let world = World::new().await;
    world.publish(&format!("{FLEET}{settings}")).await;
    world
}

fn key(account: &str, region: &str) -> phonehome_cloud::table::Key {
    settings_key(&format!("{account}/{region}").parse().unwrap())
}

async fn record(world: &World, account: &str, region: &str) -> Option<SettingsRecord> {
    world.table().get(&key(account, region)).await.unwrap().map(|doc: Doc| doc.read().unwrap())
}

/// A day passes.
async fn next_day(world: &mut World, account: &str) {
    for region in [REGION, EUROPE] {
        let Some(doc) = world.table().get(&key(account, region)).await.unwrap() else { continue };
        let record = doc.read::<SettingsRecord>().unwrap();
        let record = SettingsRecord { looked_at_ms: 0, ..record };
        world.table().write(vec![Write::over(Some(&doc), doc.key.clone(), &record)]).await.unwrap();
    }
    world.converge(account).await;
}

#[tokio::test]
async fn where_none_is_declared_nobody_looks_and_nothing_is_stored() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    assert_eq!(world.settings().calls(), []);
    assert_eq!(record(&world, SHOP_PROD, REGION).await, None);
}

#[tokio::test]
async fn they_are_tightened_at_the_first_look_in_each_region_and_s3s_in_the_first_alone() {
    let world = world(ALL).await;
    world.reconcile(SHOP_PROD).await;
    let calls = world.settings().calls();
    let set: Vec<_> = calls.iter().filter(|(_, call)| !call.contains(":Get")).collect();
    let (here, there) = (format!("{SHOP_PROD}/{REGION}"), format!("{SHOP_PROD}/{EUROPE}"));
    let tokens = "ec2:ModifyInstanceMetadataDefaults";
    assert_eq!(set, [&(here.clone(), "s3:PutAccountPublicAccessBlock"), &(here, tokens), &(there, tokens)]);
    for (region, settings) in [(REGION, 2), (EUROPE, 1)] {
        let record = record(&world, SHOP_PROD, region).await.unwrap();
        let states: Vec<State> = record.settings.values().map(|it| it.state).collect();
        assert_eq!(states, vec![State::AsDeclared; settings], "{region}");
    }
    assert_eq!(world.notified_of("settings/").await, [""; 0], "that they are set is no message");
}

#[tokio::test]
async fn a_quiet_sweep_asks_and_writes_nothing_and_once_a_day_they_are_looked_at() {
    let mut world = world(ALL).await;
    world.converge(SHOP_DEV).await;
    world.settings().calls();
    let before = world.table().get(&key(SHOP_DEV, REGION)).await.unwrap().unwrap();
    for _ in 0..3 {
        world.converge(SHOP_DEV).await;
    }
    assert_eq!(world.settings().calls(), []);
    assert_eq!(world.table().get(&key(SHOP_DEV, REGION)).await.unwrap().unwrap().version, before.version);
    next_day(&mut world, SHOP_DEV).await;
    let calls: Vec<&str> = world.settings().calls().into_iter().map(|(_, call)| call).collect();
    assert_eq!(calls, ["s3:GetAccountPublicAccessBlock", "ec2:GetInstanceMetadataDefaults"]);
}

#[tokio::test]
async fn what_may_not_be_seen_stops_no_network_is_told_once_and_that_it_is_over() {
    let mut world = world(ALL).await;
    world.settings().refuse("s3:GetAccountPublicAccessBlock", denied("s3:GetAccountPublicAccessBlock"));
    for _ in 0..3 {
        next_day(&mut world, SHOP_DEV).await;
    }
    assert_eq!(world.status_in(SHOP_DEV, REGION).await.unwrap().phase, Phase::Ready);
    assert_eq!(world.letters(), Vec::<String>::new());
    let told = world.notified_of("settings/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("settings of the account") && told[0].contains("AccountSettings=true"),
        "{}",
        told[0]
    );
    assert!(!told[0].contains("IMDSv2"), "what is as declared is not told");
    world.settings().refuse_nothing();
    for _ in 0..2 {
        next_day(&mut world, SHOP_DEV).await;
    }
    let told = world.notified_of("settings/").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[1].contains("its settings are as declared") && told[1].contains("AccountSettings=true"),
        "{}",
        told[1]
    );
    let ids = world.incident_ids_of("settings/").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(world.settings().is_blocked(SHOP_DEV));
}

#[tokio::test]
async fn what_is_no_longer_declared_stays_and_whoever_was_told_of_it_hears_that() {
    let mut world = world(ALL).await;
    world.settings().refuse("ec2:GetInstanceMetadataDefaults", denied("ec2:GetInstanceMetadataDefaults"));
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("settings/").await.len(), 1);
    world.settings().calls();
    world.publish(FLEET).await;
    for _ in 0..3 {
        next_day(&mut world, SHOP_DEV).await;
    }
    assert_eq!(world.settings().calls(), [], "nobody looks");
    let told = world.notified_of("settings/").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("all of them stay as they are"), "{}", told[1]);
    assert!(world.settings().is_blocked(SHOP_DEV));
    let kept = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!(kept.settings[&Setting::PublicAccess].state, State::Undeclared);
    world.settings().refuse_nothing();
    world.publish(&format!("{FLEET}{ALL}")).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(
        record(&world, SHOP_DEV, REGION).await.unwrap().settings[&Setting::PublicAccess].state,
        State::AsDeclared
    );
}

#[tokio::test]
async fn what_is_declared_otherwise_is_looked_at_at_once() {
    let mut world = world("account_settings: { imdsv2: true }\n").await;
    world.converge(SHOP_DEV).await;
    world.settings().calls();
    world.publish(&format!("{FLEET}{ALL}")).await;
    world.converge(SHOP_DEV).await;
    assert!(world.settings().is_blocked(SHOP_DEV));
}

#[tokio::test]
async fn an_account_that_cannot_be_entered_yet_is_looked_at_later_and_not_told_of_its_settings() {
    let mut world = world(ALL).await;
    world.conditions().refusals.insert(SHOP_DEV.into(), no_role());
    world.reconcile(SHOP_DEV).await;
    assert_eq!(no_role().class(), Class::AccountNotReady);
    let kept = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!((kept.tries, kept.otherwise().len()), (1, 0));
    world.conditions().refusals.clear();
    next_day(&mut world, SHOP_DEV).await;
    assert!(world.settings().is_blocked(SHOP_DEV));
    assert_eq!(world.notified_of("settings/").await, [""; 0]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_its_own_settings_alone() {
    let world = world(ALL).await;
    world.table().put_raw(key(SHOP_PROD, REGION), "nonsense");
    world.reconcile(SHOP_PROD).await;
    assert!(!world.settings().is_blocked(SHOP_PROD));
    assert!(world.status_in(SHOP_PROD, REGION).await.is_some_and(|status| status.network_ready));
    assert!(record(&world, SHOP_PROD, EUROPE).await.is_some(), "the other Region's are looked at");
}

#[tokio::test]
async fn who_finds_that_somebody_else_wrote_sets_nothing_and_says_nothing() {
    let world = world(ALL).await;
    let other = SettingsRecord::new(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let other = Write::put(key(SHOP_DEV, REGION), Expect::Absent, &other);
    world.conditions().settings_taken = Some((world.table().clone(), other));
    world.reconcile(SHOP_DEV).await;
    assert!(!world.settings().is_blocked(SHOP_DEV));
    assert_eq!(world.letters(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_told_of_settings_in_a_region_that_left_the_file_is_over_by_a_sweep() {
    let mut world = world(ALL).await;
    world.settings().refuse("ec2:GetInstanceMetadataDefaults", denied("ec2:GetInstanceMetadataDefaults"));
    world.converge(SHOP_PROD).await;
    assert_eq!(world.notified_of("settings/").await.len(), 2, "one of each Region");
    world.publish(&format!("{}{ALL}", without_europe())).await;
    world.settings().calls();
    for _ in 0..2 {
        sweep(&mut world).await;
    }
    let told = world.notified_of(&format!("settings/{SHOP_PROD}/{EUROPE}")).await;
    assert_eq!(told.len(), 2, "{told:?}");
    let is_over = told[1].contains("none of its settings is declared any more");
    assert!(is_over && told[1].contains(r#""kind":"resolved""#), "{told:?}");
    assert_eq!(world.notified_of(&format!("settings/{SHOP_PROD}/{REGION}")).await.len(), 1);
    let europe = format!("{SHOP_PROD}/{EUROPE}");
    assert!(world.settings().calls().iter().all(|(stack, _)| *stack != europe), "nobody looks there");
}
