//! What giving a stack up would do, and does.

use phonehome_network::{SecurityGroup, Tags};
use phonehome_planner::{Decommission, Plan};
use phonehome_provision::{COOLDOWN_MS, StackProgress};
use phonehome_state::Phase;

use crate::support::World;

fn calls(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| format!("{} {}", step.action.operation(), step.address)).collect()
}

#[tokio::test]
async fn a_preview_of_a_decommission_names_what_it_then_takes_away_and_changes_nothing() {
    let world = World::converged().await;
    world.advance(COOLDOWN_MS);
    let (changes, status) = (world.changes(), world.status().await.unwrap());
    for mode in [Decommission::Forget, Decommission::Remove] {
        let preview = world.provision.preview_decommission(&status, mode).await.unwrap();
        assert!(!preview.steps.is_empty(), "{mode:?}");
        assert_eq!(world.changes(), changes, "{mode:?}");
    }
    assert_eq!(world.status().await, Some(status.clone()));
    let preview = world.provision.preview_decommission(&status, Decommission::Remove).await.unwrap();
    let done = world.provision.decommission(&world.stack, Decommission::Remove, false, 7).await.unwrap();
    assert_eq!(calls(&done.plan.unwrap()), calls(&preview));
    assert_ne!(done.progress, StackProgress::Converged, "that is for the next observation to say");
}

#[tokio::test]
async fn what_a_decommission_has_changed_settles_before_anybody_goes_on_with_it() {
    let world = World::converged().await;
    world.advance(COOLDOWN_MS);
    let before = world.status().await.unwrap();
    let remove = || world.provision.decommission(&world.stack, Decommission::Remove, false, 7);
    assert!(!remove().await.unwrap().busy);
    let status = world.status().await.unwrap();
    assert_eq!(status.phase, Phase::Waiting, "{}", status.message);
    assert_eq!(status.generation, before.generation + 1);
    assert_eq!(status.leased_until_ms, world.now_ms() + COOLDOWN_MS);
    world.advance(COOLDOWN_MS - 1);
    assert!(remove().await.unwrap().busy);
    world.advance(1);
    assert!(!remove().await.unwrap().busy);
}

#[tokio::test]
async fn a_decommission_that_changes_nothing_keeps_nobody_from_trying_again() {
    let world = World::converged().await;
    world.advance(COOLDOWN_MS);
    world.edit(|seen| {
        let (vpc_id, id) = (seen.vpcs[0].id.clone(), "sg-0123456789abcdef0".to_owned());
        let (tags, name) = (Tags::new(), "web".to_owned());
        let (ingress, egress) = (vec![], vec![]);
        seen.security_groups.push(SecurityGroup { id, tags, name, vpc_id, ingress, egress });
    });
    for _ in 0..2 {
        let done = world.provision.decommission(&world.stack, Decommission::Remove, false, 7).await;
        let StackProgress::Failed(reason) = done.unwrap().progress else { panic!() };
        assert!(reason.contains("sg-0123456789abcdef0"), "{reason}");
        assert_eq!(world.status().await.unwrap().leased_until_ms, 0);
    }
}
