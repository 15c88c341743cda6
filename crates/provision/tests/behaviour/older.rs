//! A stack that a version looked after which noted nothing of what it reported.

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_provision::COOLDOWN_MS;
use phonehome_state::Keys;

use crate::support::World;

#[tokio::test]
async fn what_was_so_before_anything_was_noted_is_no_news() {
    let mut world = World::converged().await;
    world.publish("probing:", "network: { gateway_endpoints: [] }\nprobing:");
    world.converge().await;
    let status = world.status().await.unwrap();
    assert!(status.network_ready && status.withheld.len() == 2, "{status:?}");
    let reported = world.messages_of("").await.len();
    assert!(reported > 1);

    let key = Keys::stack_notices(&world.stack);
    let doc = world.provision.table.get(&key).await.unwrap();
    let write = Write::delete(key, Expect::unchanged(doc.as_ref()));
    world.provision.table.write(vec![write]).await.unwrap();
    for _ in 0..2 {
        world.advance(COOLDOWN_MS);
        world.reconcile().await;
        let messages = world.messages_of("").await;
        assert_eq!(messages.len(), reported, "{:?}", messages.last());
    }
}
