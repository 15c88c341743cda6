//! Private certificate authorities travel with the probe's code, and with nothing else.

use phonehome_network::Inventory;
use phonehome_state::{PublishedFleet, base, publish};

use super::world::{FLEET, SHOP_DEV, World};

async fn published(world: &World, authorities: Option<&str>) {
    let (text, published_by) = (FLEET.to_owned(), "test".to_owned());
    let authorities = authorities.map(str::to_owned);
    let fleet = PublishedFleet { text, published_by, authorities, ..PublishedFleet::default() };
    publish(world.table(), &base(world.table()).await.unwrap(), fleet).await.unwrap();
}

fn code(seen: &Inventory) -> Vec<&str> {
    seen.functions.iter().map(|function| function.code_sha256.as_str()).collect()
}

#[tokio::test]
async fn other_authorities_are_other_code_in_each_zone_and_change_nothing_else() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let before = world.truth(SHOP_DEV);
    for (authorities, expected) in
        [(Some("PEM"), "hash with PEM"), (Some("more"), "hash with more"), (None, "hash")]
    {
        published(&world, authorities).await;
        world.converge(SHOP_DEV).await;
        world.assert_ready(SHOP_DEV).await;
        let seen = world.truth(SHOP_DEV);
        assert_eq!(code(&seen), [expected, expected]);
        assert_eq!(seen.schedules, before.schedules, "they are no part of the input");
        let without_functions = |seen: &Inventory| Inventory { functions: vec![], ..seen.clone() };
        assert_eq!(without_functions(&seen), without_functions(&before));
    }
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_same_authorities_in_a_new_version_change_nothing() {
    let mut world = World::new().await;
    published(&world, Some("PEM")).await;
    world.converge(SHOP_DEV).await;
    let changes = world.changes(SHOP_DEV, super::world::REGION);
    published(&world, Some("PEM")).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(world.changes(SHOP_DEV, super::world::REGION), changes);
}
