//! What was made becomes its line, by the order's id alone.

use phonehome_cloud::Account;
use phonehome_vending::OrderState;

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

#[tokio::test]
async fn a_line_that_was_renamed_while_its_account_was_made_is_that_account_under_its_new_name() {
    let world = World::permitting(&["shop"]).await;
    world.has_order("shop", made()).await;
    let renamed = FLEET
        .replace("from: shop", "from: store")
        .replace("{ name: shop, owner", "{ name: store, renamed_from: shop, owner")
        .replace("domains: [shop]", "domains: [store]");
    world.publishes(&renamed, &[]).await;
    world.passes(60).await;
    assert_eq!(world.bound("store").await.unwrap().as_str(), MADE);
    assert_eq!(world.asked(), [MADE]);
}

#[tokio::test]
async fn while_a_binding_cannot_be_read_nothing_is_bound_nor_asked_for() {
    let world = World::permitting(&["shop", "pay"]).await;
    world.has_order("shop", made()).await;
    world.table.put_raw(phonehome_state::Keys::binding(&line("other")), "not a binding");
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
