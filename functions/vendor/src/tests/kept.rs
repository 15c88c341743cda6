//! What accounts bear is kept as declared.

use std::sync::atomic::Ordering;

use phonehome_alerting::PathStatus;
use phonehome_cloud::WallClock as _;
use phonehome_fleet::ContactType;

use super::world::{FLEET, World, until_stop};
use crate::handler::Working;

const BEARING: &str = "
accounts:
  tags: [{ key: owner, value: \"{owner}\" }]
  contacts:
    security: { name: Security, title: CISO, email: aws-security@example.com, phone: \"+1 555 0102\" }
";

const DAY_S: u64 = 24 * 60 * 60;

/// The fleet of every test, whose accounts bear something.
fn bearing() -> String {
    FLEET.replace("name: dev, pools: [all]", "name: dev, pools: [all], organizational_unit: Workloads")
        + BEARING
}

async fn with(text: &str) -> World {
    World::with(text, &["shop"], phonehome_bench_vending::Faults::default()).await
}

/// The same, once the account is ready and its network proven.
async fn ready(text: &str) -> World {
    let world = with(text).await;
    world.passes(120).await;
    world.has_converged("shop").await;
    world.reports("shop", PathStatus::Up).await;
    world.passes(60).await;
    assert!(world.note("shop/dev").await.unwrap().over, "all is told of it");
    world
}

#[tokio::test]
async fn a_new_account_is_made_with_its_tags_and_is_in_its_unit_when_the_provisioner_is_asked_to_look_at_it()
{
    let world = with(&bearing()).await;
    while world.asked().is_empty() {
        let next_ms = world.look().await.unwrap();
        world.clock.pass_to(next_ms.max(world.clock.now_ms() + 500));
    }
    let account = world.made("shop").await;
    let made: Vec<_> = world.organizations.asked().into_iter().map(|it| it.tags).collect();
    assert_eq!(made, [vec![("owner".to_owned(), "team-shop".to_owned())]]);
    world.role.bearing.state(|state| {
        assert_eq!(state.parents[&account], "ou-Workloads");
        assert_eq!(state.tags[&account]["owner"], "team-shop");
        assert_eq!(state.contacts[&(account.clone(), ContactType::Security)].name, "Security");
    });
    assert!(world.lines().await.iter().all(|it| !it.contains("identification_card")), "nothing is wrong");
}

#[tokio::test]
async fn whoever_dies_anywhere_a_new_account_ends_as_declared_and_nothing_is_told() {
    for seconds in [0, 30, 60] {
        for stop in 0..60 {
            let world = with(&bearing()).await;
            world.passes(seconds).await;
            let _ = until_stop(stop, world.function.turn(&mut Working::default())).await;
            world.passes(600).await;
            let account = world.made("shop").await;
            let unit = world.role.bearing.state(|state| state.parents.get(&account).cloned());
            assert_eq!(unit.as_deref(), Some("ou-Workloads"), "at stop {stop} after {seconds} s");
            let told = world.lines().await;
            assert!(told.iter().all(|it| !it.contains("identification_card")), "{told:?}");
        }
    }
}

#[tokio::test]
async fn what_somebody_changes_is_told_once_in_the_platforms_channel_and_put_right_within_a_day() {
    let world = ready(&bearing()).await;
    let account = world.made("shop").await;
    world.role.bearing.state(|state| {
        state.tags.get_mut(&account).unwrap().insert("owner".into(), "*mallory* <!channel>".into());
        state.parents.remove(&account);
    });
    world.passes(2 * DAY_S).await;
    world.role.bearing.state(|state| {
        assert_eq!(
            (state.parents[&account].as_str(), state.tags[&account]["owner"].as_str()),
            ("ou-Workloads", "team-shop")
        );
    });
    let told: Vec<_> =
        world.told().await.into_iter().filter(|it| it.3.contains("identification_card")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "#platform");
    assert!(told[0].3.contains("the policies of that unit apply to the account again"), "{told:?}");
    assert!(!told[0].3.contains("<!channel>") && told[0].3.contains("&lt;!channel&gt;"), "{told:?}");
}

#[tokio::test]
async fn as_declared_an_account_is_looked_at_once_a_day_and_a_quiet_minute_asks_nobody() {
    let world = ready(&bearing()).await;
    world.role.bearing.state(|state| state.calls.clear());
    world.passes(3 * DAY_S).await;
    let calls = world.role.bearing.state(|state| state.calls.clone());
    let looks = calls.iter().filter(|it| *it == "parent").count();
    assert_eq!((looks, calls.len()), (3, 3 * 4), "where it is, its units, its tags and a contact: {calls:?}");
}

#[tokio::test]
async fn where_nothing_is_declared_nobody_is_asked_and_nothing_is_stored() {
    let world = ready(FLEET).await;
    world.passes(DAY_S).await;
    assert_eq!(world.role.bearing.state(|state| state.calls.clone()), Vec::<String>::new());
    assert!(world.table.all().iter().all(|doc| !doc.key.partition.starts_with("properties")));
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_told_once_and_keeps_no_account_from_being_made() {
    let world = ready(&bearing()).await;
    world.role.state.lock().unwrap().0 = false;
    world.publishes(&(bearing() + "# next\n").replace("{owner}", "{domain}"), &[]).await;
    world.passes(DAY_S).await;
    let told: Vec<_> =
        world.lines().await.into_iter().filter(|it| it.contains("identification_card")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("KeepProperties=true"), "{told:?}");
}

#[tokio::test]
async fn without_the_support_api_a_person_is_told_once_what_to_ask_for() {
    let world = ready(&format!("{FLEET}accounts: {{ support_plan: business-plus }}\n")).await;
    world.passes(DAY_S).await;
    let told: Vec<_> = world.lines().await.into_iter().filter(|it| it.contains("Support Center")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(world.made("shop").await.as_str()), "{told:?}");
    assert_eq!(world.role.bearing.state(|state| state.calls.clone()), ["open"]);
}

#[tokio::test]
async fn what_is_no_longer_declared_goes_within_minutes_of_the_version_that_leaves_it_out() {
    let world = ready(&bearing()).await;
    let account = world.made("shop").await;
    world.publishes(FLEET, &[]).await;
    world.passes(180).await;
    world.role.bearing.state(|state| {
        assert_eq!(state.tags[&account].len(), 0, "the tag that phonehome gave");
        assert_eq!(state.parents[&account], "ou-Workloads", "its unit is left alone");
        assert_eq!(state.contacts.len(), 1, "and so is its contact");
    });
}

#[tokio::test]
async fn a_call_that_hangs_keeps_no_account_from_being_bound() {
    let world = with(&bearing()).await;
    world.role.bearing.state(|state| state.hangs = true);
    for _ in 0..60 {
        if world.bound("shop").await.is_some() {
            break;
        }
        world.look().await;
        world.clock.pass(2_000);
    }
    assert_eq!(world.bound("shop").await, Some(world.made("shop").await));
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn a_version_that_declares_otherwise_is_followed_within_minutes_also_after_a_quiet_day() {
    let world = ready(&bearing()).await;
    // In the middle of an hour in which nothing is due.
    world.passes(DAY_S / 2 + 600).await;
    let account = world.made("shop").await;
    world.publishes(&bearing().replace("{owner}", "{domain}"), &[]).await;
    world.passes(180).await;
    world.role.bearing.state(|state| assert_eq!(state.tags[&account]["owner"], "shop"));
}

#[tokio::test]
async fn a_property_that_may_not_be_looked_up_is_told_at_once_and_once() {
    for (operation, declared) in [
        ("parent", "organizations:ListParents"),
        ("units", "organizations:ListOrganizationalUnitsForParent"),
        ("tags", "organizations:ListTagsForResource"),
        ("contact", "account:GetAlternateContact"),
    ] {
        let world = with(&bearing()).await;
        world.role.bearing.state(|state| state.denied = Some((operation, declared)));
        world.passes(120).await;
        let told = |all: Vec<String>| {
            all.into_iter().filter(|it| it.contains("identification_card")).collect::<Vec<_>>()
        };
        let at_once = told(world.lines().await);
        assert_eq!(at_once.len(), 1, "{operation}: {at_once:?}");
        for expected in [declared, "role/phonehome-vending", "KeepProperties=true"] {
            assert!(at_once[0].contains(expected), "{operation}: {at_once:?}");
        }
        assert_eq!(world.asked().len(), 1, "{operation}: its network is made all the same");
        world.passes(DAY_S).await;
        assert_eq!(told(world.lines().await).len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_quiet_minute_is_four_reads_whatever_is_declared() {
    for text in [FLEET.to_owned(), bearing()] {
        let world = ready(&text).await;
        // What is due is looked at first.
        world.passes(600).await;
        let before = world.reads.load(Ordering::Relaxed);
        assert_eq!(world.look().await, None);
        let reads = world.reads.load(Ordering::Relaxed) - before;
        assert_eq!(reads, 4, "the roll-out, the version in force, the orders and the notes");
    }
}
