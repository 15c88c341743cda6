//! When nothing is done, and how little that takes.

use phonehome_bench_vending::Faults;
use phonehome_cloud::table::{Key, Table as _};
use phonehome_rollout::{Pace, Wave};
use phonehome_state::{Keys, Way, change_roll_out};
use phonehome_vending::{OrderState, Stop, order_key};

use super::world::{FLEET, VENDING, World, line, until_stop};
use crate::handler::Working;

#[tokio::test]
async fn a_minute_in_which_nothing_was_permitted_asks_nobody_and_writes_nothing() {
    let world = World::permitting(&[]).await;
    let before = world.table.all();
    until_stop(usize::MAX, world.function.handle()).await.unwrap().unwrap();
    assert_eq!(world.table.all(), before);
    assert_eq!((*world.listed.lists.lock().unwrap(), world.role.state.lock().unwrap().1), (0, 0));
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn only_what_was_permitted_is_made_and_each_once() {
    let world = World::permitting(&["shop"]).await;
    world.passes(600).await;
    let made: Vec<_> = world.organizations.accounts().into_iter().filter_map(|it| it.made_for).collect();
    assert_eq!(made, [line("shop")]);
    assert!(world.order("pay").await.is_none());
}

#[tokio::test]
async fn the_organization_is_listed_only_where_there_is_something_to_make() {
    let world = World::permitting(&["shop"]).await;
    world.look().await;
    assert_eq!(*world.listed.lists.lock().unwrap(), 1);
    world.passes(120).await;
    assert_eq!(*world.listed.lists.lock().unwrap(), 1, "what is under way needs no list");
}

#[tokio::test]
async fn nobody_lists_the_organization_for_what_is_an_account_or_was_permitted_before_it_stopped() {
    let world = World::permitting(&["shop", "pay"]).await;
    world.binds("shop", "444455556601").await;
    let at_ms = phonehome_cloud::WallClock::now_ms(&world.clock);
    world.has_order("pay", OrderState::Stopped { stop: Stop::TooOften, at_ms }).await;
    world.look().await;
    assert_eq!(*world.listed.lists.lock().unwrap(), 0);
    world.clock.pass(1);
    world.publishes(&format!("{FLEET}# next\n"), &["pay"]).await;
    world.look().await;
    assert_eq!(*world.listed.lists.lock().unwrap(), 1, "permitted anew it goes on");
}

#[tokio::test]
async fn the_role_is_assumed_by_who_makes_an_account_and_by_nobody_who_binds_and_follows_one() {
    let world = World::permitting(&["shop"]).await;
    world.role.state.lock().unwrap().0 = false;
    world.has_order("shop", OrderState::Made { account: "444455556601".parse().unwrap(), at_ms: 1 }).await;
    world.passes(120).await;
    assert_eq!(world.bound("shop").await.unwrap().as_str(), "444455556601");
    assert_eq!(world.role.state.lock().unwrap().1, 0);
}

#[tokio::test]
async fn while_another_version_is_rolled_out_nothing_is_asked_for_and_what_is_under_way_is_bound() {
    let world = World::permitting(&["shop", "pay"]).await;
    world.has_order("shop", OrderState::Made { account: "444455556601".parse().unwrap(), at_ms: 1 }).await;
    let wave = Wave::new("everyone".into(), [].into());
    let pace = Pace { bake_ms: 60_000, converge_ms: 600_000, at_once: 5 };
    let way = Way::InWaves { waves: vec![wave], pace, mends: false };
    world.published(&format!("{FLEET}# next\n"), &["shop", "pay"], &way).await;
    world.passes(300).await;
    assert!(world.order("pay").await.is_none());
    assert_eq!(world.bound("shop").await.unwrap().as_str(), "444455556601");
    let now_ms = phonehome_cloud::WallClock::now_ms(&world.clock);
    change_roll_out(&world.table, |it| phonehome_rollout::abort(it, "ada".into(), "no".into(), now_ms))
        .await
        .unwrap();
    world.passes(60).await;
    assert!(world.order("pay").await.is_none(), "halted is not over");
    change_roll_out(&world.table, |it| phonehome_rollout::roll_back(it, "ada".into(), now_ms)).await.unwrap();
    world.passes(60).await;
    assert!(world.order("pay").await.is_none(), "nor is going back");
    let doc = world.table.get(&Keys::rollout()).await.unwrap().unwrap();
    let mut over: serde_json::Value = doc.read().unwrap();
    over["phase"] = serde_json::json!(phonehome_rollout::Phase::RolledBack);
    world.put(Keys::rollout(), &over).await;
    world.passes(60).await;
    assert!(world.order("pay").await.is_some());
}

#[tokio::test]
async fn an_account_of_a_version_that_is_only_rolled_out_is_not_made_before_that_is_in_force() {
    let world = World::permitting(&[]).await;
    let wave = Wave::new("everyone".into(), [].into());
    let pace = Pace { bake_ms: 60_000, converge_ms: 600_000, at_once: 5 };
    let way = Way::InWaves { waves: vec![wave], pace, mends: false };
    world.published(&format!("{FLEET}# next\n"), &["shop"], &way).await;
    world.passes(300).await;
    assert!(world.order("shop").await.is_none());
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_makes_nothing_and_that_is_told_once() {
    let world = World::permitting(&["shop"]).await;
    world.role.state.lock().unwrap().0 = false;
    world.passes(900).await;
    let told: Vec<_> =
        world.told().await.into_iter().filter(|it| it.3.contains("may not make accounts")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "#platform");
    assert!(told[0].3.contains("infra/management.yaml"), "{told:?}");
    world.role.state.lock().unwrap().0 = true;
    world.passes(900).await;
    assert_eq!(world.organizations.accounts().len(), 1);
    assert!(world.note("everyone").await.is_none(), "it is told again, should it come back");
}

#[tokio::test]
async fn a_role_that_was_just_made_is_waited_for_and_holds_nobody() {
    let world = World::permitting(&["shop"]).await;
    world.role.state.lock().unwrap().0 = false;
    world.passes(8).await;
    assert!(world.order("shop").await.is_none() && world.told().await.is_empty());
    world.role.state.lock().unwrap().0 = true;
    world.passes(60).await;
    assert!(world.order("shop").await.unwrap().account().is_some());
    assert!(world.note("everyone").await.is_none());
}

#[tokio::test]
async fn whoever_dies_before_or_after_any_call_each_account_is_made_bound_asked_for_and_told_once() {
    let whole = World::permitting(&["shop", "pay"]).await;
    whole.passes(300).await;
    let told = whole.told().await.len();
    for seconds in [0, 4, 9, 30, 60] {
        for stop in 0..45 {
            let world = World::permitting(&["shop", "pay"]).await;
            world.passes(seconds).await;
            let _ = until_stop(stop, world.function.turn(&mut Working::default())).await;
            world.passes(600).await;
            let place = format!("at stop {stop} after {seconds} s");
            assert_eq!(world.organizations.accounts().len(), 2, "{place}");
            for domain in ["shop", "pay"] {
                let made = world.made(domain).await;
                assert_eq!(world.bound(domain).await.as_ref(), Some(&made), "{domain} {place}");
                assert!(world.asked().contains(&made.to_string()), "{domain} {place}");
            }
            assert_eq!(world.told().await.len(), told, "{place}");
        }
    }
}

#[tokio::test]
async fn the_notes_are_written_where_the_function_may_write_and_nowhere_else() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    let partitions: std::collections::BTreeSet<String> = world
        .table
        .all()
        .into_iter()
        .map(|doc| {
            let Key { partition, .. } = doc.key;
            partition
        })
        .collect();
    let expected = [
        "bindings",
        "bindings/accounts",
        "fleet",
        "fleet/versions",
        "outbox",
        "vending",
        "vending/pace",
        "vending/told",
    ];
    assert_eq!(partitions.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_look_in_which_nothing_changes_writes_nothing() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    assert!(!world.note("shop/dev").await.unwrap().over, "its network is on its way");
    let before = world.table.all();
    world.passes(600).await;
    assert_eq!(world.table.all(), before);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_is_told_also_where_there_is_nothing_else_to_do() {
    let world = World::permitting(&[]).await;
    world.table.put_raw(order_key(&line("shop")), "not an order");
    world.passes(120).await;
    let told = world.told().await;
    assert_eq!((told.len(), told[0].1.as_str()), (1, "#net-shop"), "{told:?}");
    assert!(told[0].3.contains("cannot be read"), "{told:?}");
}

#[tokio::test]
async fn a_pinned_line_waits_for_no_account_though_one_was_permitted_before_it_was_pinned() {
    let pinned = FLEET.replace(
        "owner_channel: \"#shop\", environments: [dev]",
        "owner_channel: \"#shop\", environments: [{ name: dev, account_id: \"444455556602\" }]",
    );
    let world = World::with(&pinned, &["shop"], Faults::default()).await;
    world.passes(300).await;
    assert_eq!((world.order("shop").await, *world.listed.lists.lock().unwrap()), (None, 0));
    let control_tower = pinned.replace(VENDING, "vending: { control_tower: true }");
    let world = World::with(&control_tower, &[], Faults::default()).await;
    world.passes(300).await;
    let told = world.lines().await;
    assert!(told.len() == 1 && told[0].contains("1 line ") && told[0].contains("pay/dev"), "{told:?}");
}

#[tokio::test]
async fn a_version_that_comes_into_force_within_an_invocation_says_how_the_next_account_is_made() {
    let world = World::permitting(&["shop"]).await;
    let mut working = Working::default();
    until_stop(usize::MAX, world.function.turn(&mut working)).await.unwrap().unwrap();
    let next = FLEET.replace("role_name: BreakGlass", "role_name: Landing");
    world.publishes(&next, &["shop", "pay"]).await;
    world.clock.pass(1_000);
    until_stop(usize::MAX, world.function.turn(&mut working)).await.unwrap().unwrap();
    let asked: Vec<_> =
        world.organizations.asked().into_iter().map(|it| (it.line, it.role_name.unwrap())).collect();
    assert_eq!(asked, [(line("shop"), "BreakGlass".to_owned()), (line("pay"), "Landing".to_owned())]);
}
