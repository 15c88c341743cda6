//! Whatever the file says meanwhile, no line gets two accounts, and each gets its own.

use std::collections::BTreeSet;

use phonehome_bench_vending::Faults;
use phonehome_cloud::WallClock as _;
use phonehome_fleet::Line;
use phonehome_vending::{OrderState, Stop};

use super::told::without_shop;
use super::world::{FLEET, World, line};

/// The addresses that accounts were asked for with.
fn addresses(world: &World) -> Vec<String> {
    world.organizations.asked().into_iter().map(|it| it.email).collect()
}

/// For which lines accounts are there.
fn lines(world: &World) -> Vec<Line> {
    world.organizations.accounts().into_iter().filter_map(|it| it.made_for).collect()
}

#[tokio::test]
async fn a_line_that_leaves_while_its_account_is_made_and_comes_back_is_that_account_permitted_or_not() {
    for permitted in [&[][..], &["shop"]] {
        for seconds in [1, 4, 20, 200] {
            let world = World::permitting(&["shop"]).await;
            world.look().await;
            world.clock.pass(1_000);
            world.publishes(&without_shop(), &[]).await;
            world.passes(seconds).await;
            world.publishes(FLEET, permitted).await;
            world.passes(900).await;
            let place = format!("{permitted:?} after {seconds} s");
            assert_eq!(lines(&world), [line("shop")], "{place}");
            assert_eq!(world.bound("shop").await, Some(world.made("shop").await), "{place}");
        }
    }
}

#[tokio::test]
async fn of_two_files_within_a_second_the_later_one_says_whether_an_account_is_made() {
    let world = World::permitting(&["shop"]).await;
    world.publishes(&without_shop(), &[]).await;
    world.passes(300).await;
    assert_eq!(lines(&world), []);
    let world = World::permitting(&["shop"]).await;
    world.publishes(&without_shop(), &[]).await;
    world.publishes(FLEET, &["shop"]).await;
    world.passes(300).await;
    assert_eq!(lines(&world), [line("shop")]);
}

#[tokio::test]
async fn another_pattern_of_addresses_is_for_new_accounts_alone() {
    let world = World::permitting(&["shop"]).await;
    world.look().await;
    let other = FLEET.replace("aws+{domain}", "cloud+{domain}");
    world.publishes(&other, &["shop", "pay"]).await;
    world.passes(900).await;
    assert_eq!(addresses(&world), ["aws+shop-dev@example.com", "cloud+pay-dev@example.com"]);
    world.publishes(&FLEET.replace("aws+{domain}", "third+{domain}"), &["shop", "pay"]).await;
    world.passes(900).await;
    assert_eq!(addresses(&world).len(), 2);
}

#[tokio::test]
async fn two_lines_that_swap_their_addresses_get_no_account_by_the_others_order() {
    let world = World::permitting(&["shop", "pay"]).await;
    let (stop, at_ms) = (Stop::EmailTaken, world.clock.now_ms());
    for domain in ["shop", "pay"] {
        world.has_order(domain, OrderState::Stopped { stop: stop.clone(), at_ms }).await;
    }
    world.clock.pass(1_000);
    let swapped = FLEET
        .replace(
            "\"#shop\", environments: [dev]",
            "\"#shop\", environments: [{ name: dev, email: aws+pay-dev@example.com }]",
        )
        .replace(
            "owner: team-pay, environments: [dev]",
            "owner: team-pay, environments: [{ name: dev, email: aws+shop-dev@example.com }]",
        );
    world.publishes(&swapped, &["shop", "pay"]).await;
    world.passes(900).await;
    assert_eq!(addresses(&world), Vec::<String>::new());
}

#[tokio::test]
async fn two_lines_that_swap_their_pins_become_nobody_elses_account_by_their_orders() {
    let world = World::permitting(&["shop", "pay"]).await;
    let (shop, pay) = ("444455556601", "444455556602");
    for (domain, account) in [("shop", shop), ("pay", pay)] {
        let account = account.parse().unwrap();
        world.has_order(domain, OrderState::Made { account, at_ms: world.clock.now_ms() }).await;
    }
    let pinned = |id: &str| format!("environments: [{{ name: dev, account_id: \"{id}\" }}]");
    let swapped = FLEET
        .replace("\"#shop\", environments: [dev]", &format!("\"#shop\", {}", pinned(pay)))
        .replace("owner: team-pay, environments: [dev]", &format!("owner: team-pay, {}", pinned(shop)));
    world.publishes(&swapped, &[]).await;
    world.passes(2_400).await;
    assert_eq!((world.bound("shop").await, world.bound("pay").await), (None, None));
    let told: BTreeSet<String> = world.lines().await.into_iter().filter(|it| it.contains("rebind")).collect();
    assert_eq!(told.len(), 2, "people are told of both: {told:?}");
    assert!(addresses(&world).is_empty());
}

#[tokio::test]
async fn one_permission_asks_once_also_where_whoever_gave_it_has_a_clock_that_is_an_hour_ahead() {
    let world = World::with(FLEET, &[], Faults::default()).await;
    world.organizations.add_foreign("aws+shop-dev@example.com");
    world.publishes_at(FLEET, &["shop"], world.clock.now_ms() + 3_600_000).await;
    world.passes(3_000).await;
    assert_eq!(addresses(&world).len(), 1, "its address is taken, and nobody permitted it anew");
    let told = world.lines().await.into_iter().filter(|it| it.contains("for good")).count();
    assert_eq!(told, 1);
    world.publishes_at(&format!("{FLEET}# next\n"), &["shop"], world.clock.now_ms() + 3_600_000).await;
    world.passes(3_000).await;
    assert_eq!(addresses(&world).len(), 2, "and now somebody did");
}
