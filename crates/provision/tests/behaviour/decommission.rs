//! What giving a stack up would do, and does.

use phonehome_planner::{Decommission, Plan};
use phonehome_provision::{COOLDOWN_MS, StackProgress};

use crate::support::{ACCOUNT, REGION, World};

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
    let done = world.provision.decommission(ACCOUNT, REGION, Decommission::Remove, false, 7).await.unwrap();
    assert_eq!(calls(&done.plan.unwrap()), calls(&preview));
    assert_ne!(done.progress, StackProgress::Converged, "that is for the next observation to say");
}
