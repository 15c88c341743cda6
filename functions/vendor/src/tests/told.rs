//! What people are told: one message for an account, edited until it is ready.

use phonehome_alerting::{PathStatus, SlackKind};
use phonehome_bench_vending::Faults;
use phonehome_cloud::table::MemoryTable;
use phonehome_cloud::{Account, WallClock as _};
use phonehome_fleet::Line;
use phonehome_state::Phase;
use phonehome_vending::{OrderState, Stop};

use super::world::{FLEET, VENDING, World, until_stop};

fn kinds(told: &[(String, String, SlackKind, String)]) -> Vec<SlackKind> {
    told.iter().map(|it| it.2).collect()
}

#[tokio::test]
async fn an_account_is_one_message_from_the_request_to_the_proof_and_then_nothing_more_is_done() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    let told = world.told().await;
    assert_eq!(kinds(&told), [SlackKind::Opened, SlackKind::Updated]);
    assert!(told[0].3.contains("is made for shop/dev"), "{told:?}");
    assert!(told[1].3.contains("its network is on its way"), "{told:?}");
    world.has_converged("shop").await;
    world.passes(30).await;
    assert_eq!(world.told().await.len(), 2, "nothing is proven yet");
    let (now_ms, next_ms) = (world.clock.now_ms(), world.look().await);
    assert_eq!(next_ms, Some(now_ms + 1_000), "its team hears of it within a second");
    world.reports("shop", PathStatus::Unknown).await;
    world.passes(30).await;
    assert_eq!(world.told().await.len(), 2, "a report that says nothing proves nothing");
    world.reports("shop", PathStatus::Up).await;
    world.passes(30).await;
    let told = world.told().await;
    assert_eq!(kinds(&told), [SlackKind::Opened, SlackKind::Updated, SlackKind::Resolved]);
    assert!(told.iter().all(|it| it.0 == told[0].0 && it.1 == "#net-shop"), "{told:?}");
    assert!(told[2].3.contains("is ready"), "{told:?}");
    world.reports("shop", PathStatus::Down).await;
    let before = MemoryTable::all(&world.table);
    assert_eq!(world.look().await, None);
    world.passes(3_600).await;
    assert_eq!(MemoryTable::all(&world.table), before, "a quiet minute writes nothing");
}

#[tokio::test]
async fn the_last_message_says_all_that_a_team_needs() {
    let world =
        World::with(&FLEET.replace("ports: [443]", "ports: [443, 8443]"), &["shop"], Faults::default()).await;
    world.look().await;
    assert!(!world.newest().await.contains("it is asked for"), "the first one has no thread");
    world.passes(120).await;
    world.has_converged("shop").await;
    world.reports("shop", PathStatus::Up).await;
    world.passes(30).await;
    let (shown, account) = (world.newest().await, world.made("shop").await);
    for expected in [
        account.as_str(),
        "10.0.64.0/18",
        "use1-az1",
        "to pay-dev on ports 443",
        "is ready, and its network proven",
        "BreakGlass",
        "IAM Identity Center",
        "team-shop (#shop)",
        "#platform",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("from pay-dev"), "nobody may connect to it: {shown}");
}

#[tokio::test]
async fn a_network_that_is_not_proven_after_half_an_hour_is_told_once_with_what_is_not_and_the_end_as_well() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    world.has_converged("shop").await;
    for _ in 0..45 {
        world.reports("shop", PathStatus::Down).await;
        world.passes(60).await;
    }
    let told = world.told().await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(world.newest().await.contains("checkip.amazonaws.com"), "{told:?}");
    world.reports("shop", PathStatus::Up).await;
    world.passes(60).await;
    assert!(world.lines().await.last().unwrap().contains("is ready"));
}

#[tokio::test]
async fn a_network_that_is_not_as_declared_is_not_ready_whatever_its_probes_say() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    for phase in [Phase::Claimed, Phase::Waiting, Phase::Failed] {
        world.has_stack("shop", &world.made("shop").await, phase).await;
        world.reports("shop", PathStatus::Up).await;
        world.passes(10).await;
        assert!(world.lines().await.iter().all(|it| !it.contains("is ready")), "{phase:?}");
    }
    world.has_converged("shop").await;
    world.passes(10).await;
    assert!(world.lines().await.last().unwrap().contains("is ready"));
}

/// An account of the organization that cannot become the line has its account's name.
async fn name_is_taken(world: &World) {
    let id = "444455556602".parse().unwrap();
    let account = Account { id, name: "shop-dev".into(), active: false, created_at_ms: None };
    world.listed.accounts.lock().unwrap().push(account);
    world.passes(60).await;
    assert_eq!(kinds(&world.told().await), [SlackKind::Opened]);
}

#[tokio::test]
async fn what_kept_a_line_from_its_account_is_over_once_the_line_is_no_more() {
    let world = World::permitting(&["shop"]).await;
    name_is_taken(&world).await;
    world.publishes(&without_shop(), &[]).await;
    world.passes(60).await;
    assert_eq!(kinds(&world.told().await), [SlackKind::Opened, SlackKind::Resolved]);
    assert_eq!(world.look().await, None);
}

#[tokio::test]
async fn while_another_version_is_rolled_out_nothing_is_said_to_be_over() {
    let world = World::permitting(&["shop"]).await;
    name_is_taken(&world).await;
    let pace = phonehome_rollout::Pace { bake_ms: 60_000, converge_ms: 600_000, at_once: 5 };
    let waves = vec![phonehome_rollout::Wave::new("everyone".into(), [].into())];
    let way = phonehome_state::Way::InWaves { waves, pace, mends: false };
    world.published(&format!("{FLEET}# next\n"), &["shop"], &way).await;
    world.passes(300).await;
    assert_eq!(kinds(&world.told().await), [SlackKind::Opened]);
}

#[tokio::test]
async fn what_stops_a_line_is_told_once_in_its_channel_with_what_to_do_and_the_other_line_goes_on() {
    let world = World::permitting(&["shop", "pay"]).await;
    world.organizations.add_foreign("aws+shop-dev@example.com");
    world.passes(1_200).await;
    let told: Vec<_> = world.told().await.into_iter().filter(|it| it.3.contains("for good")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "#net-shop");
    assert!(matches!(
        world.order("shop").await.unwrap().state,
        OrderState::Stopped { stop: Stop::EmailTaken, .. }
    ));
    assert!(world.order("pay").await.unwrap().account().is_some());
}

#[tokio::test]
async fn permitted_anew_with_another_address_it_goes_on_in_the_same_message() {
    let world = World::permitting(&["shop"]).await;
    world.organizations.add_foreign("aws+shop-dev@example.com");
    world.passes(600).await;
    let with_email = FLEET.replace(
        "owner_channel: \"#shop\", environments: [dev]",
        "owner_channel: \"#shop\", environments: [{ name: dev, email: shop@example.com }]",
    );
    assert_ne!(with_email, FLEET);
    world.publishes(&with_email, &["shop"]).await;
    world.passes(300).await;
    assert!(world.order("shop").await.unwrap().account().is_some());
    let incidents: std::collections::BTreeSet<String> =
        world.told().await.into_iter().map(|it| it.0).collect();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
}

/// The fleet file without the shop.
pub(super) fn without_shop() -> String {
    let without: String = FLEET
        .lines()
        .filter(|it| !it.contains("name: shop") && !it.contains("from: shop"))
        .fold(String::new(), |all, it| all + it + "\n");
    without
        .replace("connections:\n", "")
        .replace("  - { domains: [shop], slack_channel: \"#net-shop\" }\n", "")
}

#[tokio::test]
async fn a_line_that_left_the_file_while_its_account_was_made_is_told_and_not_bound() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", OrderState::Made { account: "444455556601".parse().unwrap(), at_ms: 1 }).await;
    world.publishes(&without_shop(), &[]).await;
    world.passes(300).await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "#platform");
    assert!(told[0].3.contains("which the fleet file has no more"), "{told:?}");
    assert_eq!(world.bound("shop").await, None);
}

#[tokio::test]
async fn where_control_tower_makes_the_accounts_none_is_asked_for_and_one_message_says_who_waits() {
    let text = FLEET.replace(VENDING, "vending: { control_tower: true }");
    let world = World::with(&text, &[], Faults::default()).await;
    world.passes(900).await;
    assert!(world.organizations.accounts().is_empty());
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "#platform");
    assert!(told[0].3.contains("2 lines") && told[0].3.contains("shop/dev"), "{told:?}");
    world.binds("shop", "444455556601").await;
    world.binds("pay", "444455556602").await;
    world.passes(120).await;
    assert_eq!(world.told().await.last().unwrap().2, SlackKind::Resolved);
    assert_eq!(world.look().await, None);
    assert_eq!(*world.listed.lists.lock().unwrap(), 0);
}

#[tokio::test]
async fn two_at_once_tell_each_thing_once() {
    let world = World::permitting(&["shop", "pay"]).await;
    for _ in 0..200 {
        let (mut one, mut other) = (crate::handler::Working::default(), crate::handler::Working::default());
        let both = async { tokio::join!(world.function.turn(&mut one), world.function.turn(&mut other)) };
        let (one, other) = until_stop(usize::MAX, both).await.unwrap();
        one.unwrap();
        other.unwrap();
        world.clock.pass(1_000);
    }
    assert_eq!(world.organizations.accounts().len(), 2);
    let told = world.told().await;
    let opened = told.iter().filter(|it| it.2 == SlackKind::Opened).count();
    assert_eq!((opened, told.len()), (2, 4), "{told:?}");
}

#[test]
fn no_line_has_a_name_under_which_something_of_all_lines_is_noted() {
    assert!(Line::new("everyone", "").as_str().contains('/'));
}

#[tokio::test]
async fn a_line_that_is_renamed_while_its_network_is_made_goes_on_in_its_message_under_its_new_name() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    world.publishes(&super::binding::renamed(), &[]).await;
    world.has_converged("shop").await;
    world.reports("shop", PathStatus::Up).await;
    world.passes(60).await;
    let told = world.told().await;
    assert_eq!(kinds(&told), [SlackKind::Opened, SlackKind::Updated, SlackKind::Resolved]);
    assert!(told.iter().all(|it| it.0 == told[0].0), "{told:?}");
    assert!(told[1].3.contains("shop/dev") && told[2].3.contains("store/dev is ready"), "{told:?}");
}

#[tokio::test]
async fn what_stops_a_renamed_lines_order_is_told_once_and_not_of_both_names() {
    let world = World::permitting(&["shop"]).await;
    let at_ms = world.clock.now_ms();
    world.has_order("shop", OrderState::Stopped { stop: Stop::EmailTaken, at_ms }).await;
    world.publishes(&super::binding::renamed(), &[]).await;
    world.passes(300).await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].3.contains("no account is made for store/dev"), "{told:?}");
    assert!(world.note("shop/dev").await.is_some() && world.note("store/dev").await.is_none());
}

#[tokio::test]
async fn a_region_for_which_its_environment_has_no_addresses_is_not_waited_for() {
    let two = FLEET
        .replace("address_pools:\n", "  - { name: eu-west-1, availability_zones: [euw1-az1] }\naddress_pools:\n  - { name: eu, region: eu-west-1, cidr: 10.16.0.0/12, block: 18 }\n")
        .replace("environments:\n", "environments:\n  - { name: prod, pools: [eu] }\n");
    let world = World::with(&two, &["shop"], Faults::default()).await;
    world.passes(120).await;
    world.has_converged("shop").await;
    world.reports("shop", PathStatus::Up).await;
    world.passes(60).await;
    assert!(world.lines().await.last().unwrap().contains("is ready"), "{:?}", world.lines().await);
}

#[tokio::test]
async fn a_probe_that_was_silent_for_longer_than_it_may_be_proves_nothing() {
    let two_minutes = format!("{FLEET}probing: {{ overdue_after_seconds: 120 }}\n");
    for (by_setting, silent_s, is_ready) in
        [(0, 119, true), (0, 121, false), (300, 299, true), (300, 301, false)]
    {
        let mut world = World::with(&two_minutes, &["shop"], Faults::default()).await;
        world.function = world.function.at_the_pace((60, by_setting));
        world.passes(120).await;
        world.reports("shop", PathStatus::Up).await;
        world.clock.pass(silent_s * 1000);
        world.has_converged("shop").await;
        world.look().await;
        let told = world.lines().await;
        assert_eq!(told.last().unwrap().contains("is ready"), is_ready, "{by_setting} {silent_s}: {told:?}");
    }
}
