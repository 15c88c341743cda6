//! Which stack is the other end of a declared connection.

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_planner::Action;
use phonehome_provision::COOLDOWN_MS;
use phonehome_state::{Keys, Phase, StackStatus};

use crate::support::{REGION, World};

const PEER: &str = "777788889999";

/// Another account gets a stack, as its status says.
async fn add_peer(world: &World, region: &str, phase: Phase, vpc_id: Option<&str>) {
    let peer = StackStatus {
        account: PEER.parse().unwrap(),
        account_name: "payments-dev".into(),
        domain: "payments".into(),
        region: region.parse().unwrap(),
        phase,
        cidr: "10.0.64.0/18".parse().unwrap(),
        vpc_id: vpc_id.map(str::to_owned),
        private_subnets: vec![],
        ..world.status().await.unwrap()
    };
    let write = Write::put(Keys::stack(&peer.stack()), Expect::Absent, &peer);
    world.provision.table.write(vec![write]).await.unwrap();
}

#[tokio::test]
async fn the_other_end_is_the_peers_stack_in_the_same_region_and_none_that_is_given_up() {
    for (region, phase, is_asked) in [
        (REGION, Phase::Ready, true),
        ("eu-west-1", Phase::Ready, false),
        (REGION, Phase::Gone, false),
        ("eu-west-1", Phase::Gone, false),
    ] {
        let world = World::converged().await;
        add_peer(&world, region, phase, Some("vpc-0123456789abcdef0")).await;
        let reconciled = world.reconcile().await;
        let plan = reconciled.plan.unwrap();
        let asks = |step: &phonehome_planner::Step| matches!(step.action, Action::CreatePeering { .. });
        assert_eq!(plan.steps.iter().any(asks), is_asked, "{phase:?} in {region}: {plan:?}");
        assert_eq!(reconciled.requeue_peers.contains(&PEER.parse().unwrap()), is_asked, "it has to accept");
    }
}

#[tokio::test]
async fn a_peer_is_requeued_when_what_it_leads_to_is_there_and_not_again() {
    let world = World::new();
    world.reconcile().await;
    add_peer(&world, REGION, Phase::Waiting, None).await;
    let known = async || world.status().await.map(|status| (status.vpc_id, status.private_subnets)).unwrap();
    let mut requeued = 0;
    for _ in 0..6 {
        world.advance(COOLDOWN_MS);
        let before = known().await;
        let peers = world.reconcile().await.requeue_peers;
        assert_eq!(peers.contains(&PEER.parse().unwrap()), known().await != before, "{peers:?}");
        requeued += peers.len();
    }
    assert_eq!(requeued, 1);
}
