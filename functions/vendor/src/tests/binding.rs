//! What was made becomes its line, by the order's id alone.

use phonehome_alerting::{PathStatus, SlackKind};
use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_cloud::{Account, WallClock as _};
use phonehome_state::{Keys, Phase, unbind};
use phonehome_vending::OrderState;
use phonehome_wire::StackId;

use super::world::{FLEET, World, line};

const MADE: &str = "444455556601";
const OTHER: &str = "444455556602";

fn made() -> OrderState {
    OrderState::Made { account: MADE.parse().unwrap(), at_ms: 1_767_225_600_000 }
}

#[tokio::test]
async fn an_account_that_was_made_is_bound_and_asked_for_once_whenever_whoever_made_it_died() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.passes(120).await;
    assert_eq!(world.bound("shop").await.unwrap().as_str(), MADE);
    assert_eq!(world.asked(), [MADE]);
}

#[tokio::test]
async fn bound_and_not_asked_for_the_next_minute_asks() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.binds("shop", MADE).await;
    world.passes(120).await;
    assert_eq!(world.asked(), [MADE]);
}

#[tokio::test]
async fn nothing_is_bound_over_another_binding_and_that_is_told() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.binds("shop", OTHER).await;
    world.passes(40 * 60).await;
    assert_eq!(world.bound("shop").await.unwrap().as_str(), OTHER);
    assert!(world.asked().is_empty());
    assert!(world.lines().await.iter().any(|it| it.contains("phonehome rebind shop/dev 444455556601")));
}

#[tokio::test]
async fn an_account_that_somebody_made_another_line_stays_that_one() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.binds("pay", MADE).await;
    world.passes(120).await;
    assert_eq!((world.bound("shop").await, world.bound("pay").await.unwrap().as_str()), (None, MADE));
    assert!(world.note("shop/dev").await.unwrap().over);
}

#[tokio::test]
async fn the_message_of_an_account_that_somebody_makes_another_line_while_its_network_is_made_ends() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    let account = world.made("shop").await;
    unbind(&world.table, &account).await.unwrap();
    world.binds("pay", account.as_str()).await;
    world.passes(120).await;
    let told = world.told().await;
    let last = told.last().unwrap();
    assert_eq!((last.2, &last.0), (SlackKind::Resolved, &told[0].0), "{told:?}");
    assert!(world.note("shop/dev").await.unwrap().over);
}

#[tokio::test]
async fn an_account_whose_network_is_another_lines_is_not_bound_though_no_binding_says_so() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.has_stack("pay", &MADE.parse().unwrap(), Phase::Ready).await;
    world.passes(120).await;
    assert_eq!(world.bound("shop").await, None);
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn an_account_that_is_given_up_is_not_bound_again_while_another_one_is_made() {
    let world = World::permitting(&["shop"]).await;
    world.passes(120).await;
    world.has_converged("shop").await;
    world.reports("shop", PathStatus::Up).await;
    world.passes(60).await;
    let account = world.made("shop").await;
    assert!(world.note("shop/dev").await.unwrap().over);
    // As `phonehome decommission` does.
    unbind(&world.table, &account).await.unwrap();
    let stack = Keys::stack(&StackId::new(&account, &"us-east-1".parse().unwrap()));
    let doc = world.table.get(&stack).await.unwrap();
    world.table.write(vec![Write::delete(stack, Expect::unchanged(doc.as_ref()))]).await.unwrap();
    world.publishes(&format!("{FLEET}# next\n"), &["shop", "pay"]).await;
    world.passes(120).await;
    assert_eq!(world.bound("pay").await, Some(world.made("pay").await));
    assert_eq!(world.bound("shop").await, None);
    assert_eq!(world.asked(), [account, world.made("pay").await].map(|it| it.to_string()));
}

#[tokio::test]
async fn an_account_that_is_not_its_line_is_not_told_to_be_ready_whatever_its_network_proves() {
    let world = World::permitting(&["shop"]).await;
    let state = OrderState::Made { account: MADE.parse().unwrap(), at_ms: world.clock.now_ms() };
    world.has_order("shop", state).await;
    // A line that the file does not have.
    world.has_stack("gone", &MADE.parse().unwrap(), Phase::Ready).await;
    world.binds("gone", MADE).await;
    for _ in 0..35 {
        world.account_reports(MADE.parse().unwrap(), PathStatus::Up).await;
        world.passes(60).await;
    }
    let lines = world.lines().await;
    assert!(lines.iter().all(|it| !it.contains("is ready")), "{lines:?}");
    assert!(lines.last().unwrap().contains("phonehome rebind shop/dev 444455556601"), "{lines:?}");
    assert_eq!(world.bound("shop").await, None);
}

#[tokio::test]
async fn a_line_that_the_file_pins_to_another_account_is_not_bound_to_what_was_made() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    let pinned = FLEET.replace(
        "owner_channel: \"#shop\", environments: [dev]",
        &format!("owner_channel: \"#shop\", environments: [{{ name: dev, account_id: \"{OTHER}\" }}]"),
    );
    assert_ne!(pinned, FLEET);
    world.publishes(&pinned, &[]).await;
    world.passes(60).await;
    assert_eq!(world.bound("shop").await, None);
}

/// The fleet file in which the shop is called the store.
pub(super) fn renamed() -> String {
    FLEET
        .replace("from: shop", "from: store")
        .replace("{ name: shop, owner", "{ name: store, renamed_from: shop, owner")
        .replace("domains: [shop]", "domains: [store]")
}

#[tokio::test]
async fn a_line_that_was_renamed_while_its_account_was_made_is_that_account_under_its_new_name() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.publishes(&renamed(), &[]).await;
    world.passes(60).await;
    assert_eq!(world.bound("store").await.unwrap().as_str(), MADE);
    assert_eq!(world.asked(), [MADE]);
}

#[tokio::test]
async fn while_a_binding_cannot_be_read_nothing_is_bound_nor_asked_for() {
    let world = World::permitting(&["shop", "pay"]).await;
    world.has_order("shop", made()).await;
    world.table.put_raw(Keys::binding(&line("other")), "not a binding");
    world.passes(60).await;
    assert_eq!((world.bound("shop").await, world.order("pay").await), (None, None));
}

#[tokio::test]
async fn a_suspended_account_of_the_lines_name_makes_none_and_that_is_told() {
    let world = World::permitting(&["shop"]).await;
    let account =
        Account { id: OTHER.parse().unwrap(), name: "shop-dev".into(), active: false, created_at_ms: None };
    world.listed.accounts.lock().unwrap().push(account);
    world.passes(300).await;
    assert!(world.order("shop").await.is_none());
    let told: Vec<_> = world.told().await.into_iter().map(|it| (it.1, it.3)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "#net-shop");
    assert!(told[0].1.contains(OTHER), "{told:?}");
    world.listed.accounts.lock().unwrap().clear();
    world.passes(300).await;
    assert!(world.order("shop").await.unwrap().account().is_some());
}

#[tokio::test]
async fn an_account_that_could_not_be_bound_when_it_was_told_is_asked_for_once_it_is() {
    let world = World::permitting(&["shop"]).await;
    world
        .has_order("shop", OrderState::Made { account: MADE.parse().unwrap(), at_ms: world.clock.now_ms() })
        .await;
    let unreadable = Keys::binding(&line("other"));
    world.table.put_raw(unreadable.clone(), "not a binding");
    world.passes(120).await;
    assert!(
        world.asked().is_empty() && !world.note("shop/dev").await.unwrap().queued,
        "it is told, and not bound"
    );
    let doc = world.table.get(&unreadable).await.unwrap();
    world.table.write(vec![Write::delete(unreadable, Expect::unchanged(doc.as_ref()))]).await.unwrap();
    world.passes(300).await;
    assert_eq!(world.bound("shop").await.unwrap().as_str(), MADE);
    assert_eq!(world.asked(), [MADE], "and that is noted");
}

#[tokio::test]
async fn a_line_that_leaves_and_comes_back_is_asked_for_no_second_time() {
    let world = World::permitting(&["shop"]).await;
    world
        .has_order("shop", OrderState::Made { account: MADE.parse().unwrap(), at_ms: world.clock.now_ms() })
        .await;
    world.passes(60).await;
    assert_eq!(world.asked(), [MADE]);
    world.publishes(&super::told::without_shop(), &[]).await;
    world.passes(120).await;
    assert!(world.lines().await.last().unwrap().contains("which the fleet file has no more"));
    world.publishes(FLEET, &[]).await;
    world.passes(120).await;
    assert!(world.lines().await.last().unwrap().contains("its network is on its way"));
    assert_eq!((world.asked().len(), world.bound("shop").await.unwrap().as_str()), (1, MADE));
}

#[tokio::test]
async fn a_line_that_the_file_pins_to_what_was_made_for_it_is_bound() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    let pinned = FLEET.replace(
        "owner_channel: \"#shop\", environments: [dev]",
        &format!("owner_channel: \"#shop\", environments: [{{ name: dev, account_id: \"{MADE}\" }}]"),
    );
    world.publishes(&pinned, &[]).await;
    world.passes(60).await;
    assert_eq!((world.bound("shop").await.unwrap().as_str(), world.asked().len()), (MADE, 1));
}

#[tokio::test]
async fn a_line_that_is_two_accounts_by_its_names_is_not_bound_to_a_third_nor_is_that_asked_for() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    world.binds("shop", OTHER).await;
    world.binds("store", "444455556603").await;
    world.publishes(&renamed(), &[]).await;
    world.passes(120).await;
    assert_eq!((world.bound("shop").await.unwrap().as_str(), world.asked().len()), (OTHER, 0));
}
