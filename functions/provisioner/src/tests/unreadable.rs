//! One bad item, or one account that floods, stops no other account.

use phonehome_cloud::table::Table as _;
use phonehome_state::ChangeLog;
use phonehome_state::Keys;
use serde_json::{Value, json};

use super::drift::{converged, deleted};
use super::links::{admitted, joined, peered};
use super::world::{PAYMENTS_DEV, REGION, SHOP_DEV, SHOP_PROD, World};

#[tokio::test]
async fn an_unreadable_stack_stops_only_its_own_account() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.table().put_raw(Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()), "nonsense");
    world.converge(SHOP_PROD).await;
    assert!(world.status(SHOP_PROD).await.network_ready);
    assert_eq!(world.letters(), Vec::<String>::new());
    // Of an account that has left the fleet file.
    world.table().put_raw(Keys::stack(&format!("123123123123/{REGION}").parse().unwrap()), "nonsense");
    let before = world.queued().len();
    world.send(json!({"sweep": {}})).await;
    let swept: Vec<Value> = world.queued().split_off(before);
    let is_queued = |id: &str| swept.iter().any(|body| body["reconcile"]["account"] == id);
    assert!(is_queued(SHOP_DEV) && is_queued(SHOP_PROD) && is_queued("123123123123"), "{swept:?}");
    world.reconcile(SHOP_DEV).await;
    let letters = world.letters();
    assert!(letters.len() == 1 && letters[0].contains("stacks/444455556666/us-east-1"), "{letters:?}");
    assert_eq!(
        world
            .table()
            .get(&Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
            .await
            .unwrap()
            .unwrap()
            .body,
        "nonsense"
    );
}

#[tokio::test]
async fn while_a_peer_cannot_be_read_nothing_that_leads_to_it_is_touched() {
    let mut world = joined().await;
    let (shop, payments) = (world.truth(SHOP_DEV), world.truth(PAYMENTS_DEV));
    let whole = world
        .table()
        .get(&Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
        .await
        .unwrap()
        .unwrap()
        .body;
    world.table().put_raw(Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()), "nonsense");
    for _ in 0..3 {
        world.converge(PAYMENTS_DEV).await;
    }
    let after = world.truth(PAYMENTS_DEV);
    assert_eq!(peered(&after), peered(&payments));
    assert_eq!(admitted(&after), admitted(&payments));
    assert_eq!(after.peerings, payments.peerings);
    assert!(world.status(PAYMENTS_DEV).await.withheld.is_empty());
    world.table().put_raw(Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()), &whole);
    world.converge(SHOP_DEV).await;
    world.converge(PAYMENTS_DEV).await;
    assert_eq!(peered(&world.truth(SHOP_DEV)), peered(&shop));
    world.assert_ready(PAYMENTS_DEV).await;
}

#[tokio::test]
async fn a_flood_of_changes_from_one_account_is_a_bounded_document_and_a_few_observations() {
    let world = converged().await;
    let (queued, generation) = (world.queued().len(), world.status(SHOP_DEV).await.generation);
    for number in 0..350 {
        let mut event = deleted(&format!("rtb-{number:017x}"));
        event["detail"]["eventTime"] = json!(format!("{number}{}", "t".repeat(2000)));
        event["detail"]["userIdentity"]["arn"] = json!("x".repeat(50_000));
        let many: Vec<String> = (0..2000).map(|n| format!("rtb-{n:017x}")).collect();
        event["detail"]["responseElements"] =
            json!({"many": many, "name": format!("phonehome-probe-{}", "y".repeat(50_000))});
        world.send(event).await;
    }
    assert_eq!(world.letters(), Vec::<String>::new());
    let doc = world
        .table()
        .get(&Keys::change_log(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    assert!(doc.body.len() < 150_000, "{} bytes", doc.body.len());
    assert!(doc.version <= 102, "{} writes", doc.version);
    let change_log: ChangeLog = doc.read().unwrap();
    assert_eq!(change_log.api_calls.len(), 50);
    assert!(world.status(SHOP_DEV).await.generation <= generation + 2);
    assert!(world.queued().len() <= queued + 2, "{:?}", &world.queued()[queued..]);
    assert!(world.provisioner.metrics.counts()["ApiCallsDropped"] >= 1);
}

#[tokio::test]
async fn unreadable_notes_of_an_account_are_written_anew() {
    for key in [
        Keys::change_log(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()),
        Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()),
        Keys::seen(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()),
    ] {
        let mut world = converged().await;
        world.table().put_raw(key.clone(), "nonsense");
        world.send(deleted("rtb-0fffffffffffffff0")).await;
        world.drain().await;
        assert_ne!(world.table().get(&key).await.unwrap().unwrap().body, "nonsense", "{key:?}");
        let aside = world.table().query(Keys::UNREADABLE).await.unwrap();
        assert!(aside.len() == 1 && aside[0].body.contains("nonsense"), "{key:?}: {aside:?}");
        world.assert_ready(SHOP_DEV).await;
    }
}
