//! Accounts that are being made are bound by their orders, and not by their names.

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_fleet::{Binding, Line};
use phonehome_state::{Keys, Outboxed, VendingNote, all, bind};
use phonehome_vending::{Order, OrderState, RequestId, order_key};
use serde_json::json;

use super::world::{FLEET, PAYMENTS_DEV, World, sample};

const LINE: (&str, &str) = ("payments", "dev");

/// The order of payments/dev is in a state.
async fn ordered(world: &World, state: OrderState) {
    let line = Line::new(LINE.0, LINE.1);
    let key = order_key(&line);
    let order = Order { state, ..Order::place(line, "pay@example.com".into(), "payments-dev".into(), 1) };
    let expect = Expect::unchanged(world.table().get(&key).await.unwrap().as_ref());
    world.table().unrestricted().write(vec![Write::put(key, expect, &order)]).await.unwrap();
}

async fn bound(world: &World) -> Option<String> {
    let doc = world.table().get(&Keys::binding(&Line::new(LINE.0, LINE.1))).await.unwrap()?;
    Some(doc.read::<Binding>().unwrap().account.to_string())
}

#[tokio::test]
async fn an_account_whose_event_comes_before_its_order_says_whose_it_is_waits_and_is_told_to_nobody() {
    let mut world = World::new().await;
    ordered(&world, OrderState::Creating { request: RequestId::new("car-1"), since_ms: 1 }).await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    for _ in 0..2 {
        world.reconcile(PAYMENTS_DEV).await;
        world.send(json!({"sweep": {}})).await;
        world.drain().await;
    }
    assert_eq!(bound(&world).await, None);
    assert!(
        !world.notified().await.iter().any(|it| it.contains(PAYMENTS_DEV)),
        "{:?}",
        world.notified().await
    );
    assert!(world.letters().is_empty(), "{:?}", world.letters());

    let made = PAYMENTS_DEV.parse().unwrap();
    ordered(&world, OrderState::Made { account: made, at_ms: 2 }).await;
    bind(
        &world.table().unrestricted(),
        &Line::new(LINE.0, LINE.1),
        &PAYMENTS_DEV.parse().unwrap(),
        "payments-dev",
        3,
    )
    .await
    .unwrap();
    world.converge(PAYMENTS_DEV).await;
    world.assert_ready(PAYMENTS_DEV).await;
}

#[tokio::test]
async fn a_sweep_binds_nobody_else_of_the_name_to_a_line_whose_account_was_made() {
    let mut world = World::new().await;
    let made = "444455556699".parse().unwrap();
    ordered(&world, OrderState::Made { account: made, at_ms: 1 }).await;
    world.account("444455556699", "called-otherwise", true, None);
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
    assert_eq!(bound(&world).await, None);
}

#[tokio::test]
async fn where_no_account_is_being_made_a_line_is_bound_by_its_name_as_ever() {
    let mut world = World::new().await;
    ordered(&world, OrderState::Waiting { until_ms: 1 }).await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.reconcile(PAYMENTS_DEV).await;
    assert_eq!(bound(&world).await.as_deref(), Some(PAYMENTS_DEV));
}

#[tokio::test]
async fn where_phonehome_makes_the_accounts_what_organizations_could_not_make_is_the_vendors_to_tell() {
    let world = World::new().await;
    world.send(sample("create-account-result-failed")).await;
    assert_eq!(world.notified_of("creation").await.len() + world.notified_of("failed").await.len(), 1);
    let world = World::new().await;
    world
        .publish(&format!("{FLEET}\nvending: {{ email: \"aws+{{domain}}-{{environment}}@example.com\" }}\n"))
        .await;
    let before = world.notified().await;
    world.send(sample("create-account-result-failed")).await;
    assert_eq!(world.notified().await, before);
}

#[tokio::test]
async fn that_the_network_of_a_new_account_is_ready_stands_in_the_thread_of_the_message_about_it() {
    for (over, expected) in [(false, Some("account/payments/dev/1")), (true, None)] {
        let mut world = World::new().await;
        let note = VendingNote {
            incident_id: "account/payments/dev/1".into(),
            sequence: 1,
            says: "building".into(),
            queued: true,
            over,
        };
        let key = Keys::vending_note("payments/dev");
        world.table().unrestricted().write(vec![Write::put(key, Expect::Absent, &note)]).await.unwrap();
        world.account(PAYMENTS_DEV, "payments-dev", true, None);
        world.converge(PAYMENTS_DEV).await;
        let messages = all::<Outboxed>(world.table(), Keys::OUTBOX).await.unwrap();
        let of_network = messages.iter().filter(|(_, it)| it.outgoing.incident_id.starts_with("network/"));
        let joins: Vec<_> = of_network.map(|(_, it)| json!(it.outgoing.body)["joins"].clone()).collect();
        assert!(!joins.is_empty());
        assert!(joins.iter().all(|it| it.as_str() == expected), "{joins:?}");
    }
}
