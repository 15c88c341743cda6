//! Which stack is the other end of a declared connection.

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_planner::Action;
use phonehome_state::{Keys, Phase, StackStatus};

use crate::support::{REGION, World};

const PEER: &str = "777788889999";

#[tokio::test]
async fn the_other_end_is_the_peers_stack_in_the_same_region_and_none_that_is_given_up() {
    for (region, phase, is_asked) in [
        (REGION, Phase::Ready, true),
        ("eu-west-1", Phase::Ready, false),
        (REGION, Phase::Gone, false),
        ("eu-west-1", Phase::Gone, false),
    ] {
        let world = World::converged().await;
        let peer = StackStatus {
            account: PEER.into(),
            account_name: "payments-dev".into(),
            domain: "payments".into(),
            region: region.into(),
            phase,
            cidr: "10.0.64.0/18".parse().unwrap(),
            vpc_id: Some("vpc-0123456789abcdef0".into()),
            ..world.status().await.unwrap()
        };
        let write = Write::put(Keys::stack(PEER, region), Expect::Absent, &peer);
        world.provision.table.write(vec![write]).await.unwrap();
        let plan = world.reconcile().await.plan.unwrap();
        let asks = |step: &phonehome_planner::Step| matches!(step.action, Action::CreatePeering { .. });
        assert_eq!(plan.steps.iter().any(asks), is_asked, "{phase:?} in {region}: {plan:?}");
    }
}
