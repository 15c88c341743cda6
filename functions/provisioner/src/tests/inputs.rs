//! What the collector is notified of the probes' inputs.

use phonehome_alerting::Inputs;
use phonehome_cloud::table::Table as _;
use phonehome_state::Keys;
use serde_json::json;

use super::world::{FLEET, REGION, SHOP_DEV, World};

async fn inputs(world: &World) -> Inputs {
    let doc =
        world.table().get(&Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap())).await.unwrap();
    doc.expect("inputs").read().unwrap()
}

/// The generation that the probe of a zone really has.
fn deployed(world: &World, zone: &str) -> u64 {
    let inputs = world.truth(SHOP_DEV).schedules.into_iter().filter_map(|schedule| schedule.input);
    inputs.filter(|input| input.availability_zone == zone).map(|input| input.generation).next().unwrap()
}

#[tokio::test]
async fn of_each_probe_the_input_it_has_and_the_one_before_are_noted() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let first = inputs(&world).await;
    for zone in ["use1-az1", "use1-az2"] {
        let generation = deployed(&world, zone);
        assert_eq!(first.zones[zone], [generation]);
        let ids: Vec<&str> = first.checks[&generation].keys().map(|id| id.0.as_str()).collect();
        assert_eq!(ids, ["connection/shop-to-payments/443", "egress/example.com/443"]);
    }
    let old = deployed(&world, "use1-az1");
    // Looks that change nothing write nothing.
    let version = world
        .table()
        .get(&Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
        .await
        .unwrap()
        .unwrap()
        .version;
    world.converge(SHOP_DEV).await;
    assert_eq!(
        world
            .table()
            .get(&Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
            .await
            .unwrap()
            .unwrap()
            .version,
        version
    );

    world.publish(&FLEET.replace("example.com", "example.org")).await;
    world.converge(SHOP_DEV).await;
    let new = deployed(&world, "use1-az1");
    let second = inputs(&world).await;
    assert!(new > old);
    assert_eq!(second.zones["use1-az1"], [new, old]);
    assert!(second.checks[&new].values().any(|endpoint| endpoint == "example.org:443"));
    assert!(second.checks[&old].values().any(|endpoint| endpoint == "example.com:443"));
}

#[tokio::test]
async fn an_input_is_noted_before_it_is_deployed() {
    let mut world = World::new().await;
    world.conditions().noted = Some(world.table().clone());
    world.converge(SHOP_DEV).await;
    world.publish(&FLEET.replace("example.com", "example.org")).await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.truth(SHOP_DEV).schedules.len(), 2);
}

#[tokio::test]
async fn what_a_decommissioned_account_was_given_is_forgotten() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.account(SHOP_DEV, "shop-dev", false, None);
    world.wait().await;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "release": "remove"}})).await;
    world.drain().await;
    assert!(
        world
            .table()
            .get(&Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        world
            .table()
            .get(&Keys::inputs(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()))
            .await
            .unwrap()
            .is_none()
    );
}
