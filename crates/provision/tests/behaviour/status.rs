//! What the status of a stack says.

use std::sync::atomic::Ordering;

use phonehome_provision::COOLDOWN_MS;
use phonehome_state::Phase;

use crate::support::World;

#[tokio::test]
async fn probes_are_expected_to_report_once_their_stack_is_ready_and_they_were_observed() {
    let world = World::new();
    world.reconcile().await;
    let status = world.status().await.unwrap();
    assert_eq!(status.phase, Phase::Waiting, "{}", status.message);
    assert!(status.ready_since_ms.is_empty(), "{status:?}");

    world.conditions.no_probes.store(true, Ordering::Relaxed);
    world.converge().await;
    let status = world.status().await.unwrap();
    assert_eq!(status.phase, Phase::Ready, "{}", status.message);
    assert!(status.ready_since_ms.is_empty(), "a person at a terminal saw no probes: {status:?}");

    world.conditions.no_probes.store(false, Ordering::Relaxed);
    world.converge().await;
    let status = world.status().await.unwrap();
    assert_eq!((status.phase, status.ready_since_ms.len()), (Phase::Ready, 2), "{}", status.message);
    assert!(status.ready_since_ms.values().all(|since_ms| *since_ms == world.now_ms()), "{status:?}");
}

#[tokio::test]
async fn the_way_out_is_ready_after_a_repair_unless_something_it_needs_is_on_its_way() {
    let world = World::converged().await;
    world.delete_route();
    world.reconcile().await;
    let status = world.status().await.unwrap();
    assert!(status.network_ready && status.egress_ready, "{status:?}");

    let world = World::new();
    world.cloud.with(|cloud| cloud.options_mut().nat_pending_ms = 100_000_000);
    for _ in 0..5 {
        world.reconcile().await;
        world.advance(COOLDOWN_MS);
    }
    world.edit(|seen| {
        seen.schedules.remove(0);
    });
    let repaired = world.reconcile().await.applied.unwrap();
    let status = world.status().await.unwrap();
    assert!(repaired.done() == 1 && status.network_ready && !status.egress_ready, "{status:?}");
}

#[tokio::test]
async fn a_private_subnet_that_is_gone_stays_in_the_status_until_its_repair_is_over() {
    let world = World::converged().await;
    let known = world.status().await.unwrap().private_subnets;
    world.edit(|seen| {
        let private = seen.subnets.iter().find(|it| known.contains(&it.cidr)).unwrap().id.clone();
        seen.subnets.retain(|it| it.id != private);
    });
    world.conditions.refuses.store(true, Ordering::Relaxed);
    world.reconcile().await;
    assert_eq!(world.status().await.unwrap().private_subnets, known, "peers keep their routes to it");
}

#[tokio::test]
async fn a_private_subnet_that_is_no_longer_declared_stays_in_the_status_until_it_may_go() {
    let mut world = World::converged().await;
    let known = world.status().await.unwrap().private_subnets;
    world.publish("[use1-az1, use1-az2]", "[use1-az1]");
    world.converge().await;
    world.advance(COOLDOWN_MS);
    assert!(world.reconcile().await.plan.unwrap().steps.is_empty());
    let status = world.status().await.unwrap();
    assert!(status.withheld.iter().any(|held| held.contains("subnet/private")), "{status:?}");
    assert_eq!(status.private_subnets, known, "peers keep their routes to it");
}

#[tokio::test]
async fn a_stack_of_which_something_is_withheld_is_as_declared_but_for_that() {
    for (declared, message) in [
        ("[s3, dynamodb]", ""),
        ("[s3]", ", but for a change that needs permission"),
        ("[]", ", but for 2 changes that need permission"),
    ] {
        let mut world = World::converged().await;
        world.publish("probing:", &format!("network: {{ gateway_endpoints: {declared} }}\nprobing:"));
        world.converge().await;
        let status = world.status().await.unwrap();
        assert!(status.message.starts_with("as declared"), "{}", status.message);
        let withheld = status.message.find(", but for").map_or("", |at| &status.message[at..]);
        assert_eq!((status.phase, withheld), (Phase::Ready, message));
    }
}
