//! Accounts whose `infra/member-role.yaml` is older than their plans need.

use phonehome_cloud::table::{Table as _, Write};
use phonehome_planner::{Action, render};
use phonehome_state::{Hour, Keys, Outdated, Phase, all};
use serde_json::json;

use super::agreed::publish_agreed;
use super::decommission::{asked, left_behind};
use super::links::{CONNECTIONS, joined, routes_to_peerings};
use super::world::{FLEET, PAYMENTS_DEV, REGION, SHOP_DEV, SHOP_PROD, World};

/// As if gateway endpoints needed a version that is yet to come.
fn needs(action: &Action) -> u32 {
    match action {
        Action::CreateGatewayEndpoint { .. } => 4,
        _ => 1,
    }
}

/// The same of what takes them and peerings away.
fn removal_needs(action: &Action) -> u32 {
    if ["ec2:DeleteVpcEndpoints", "ec2:DeleteVpcPeeringConnection"].contains(&action.operation()) {
        4
    } else {
        1
    }
}

async fn world_of_later_needs() -> World {
    let world = World::new().await;
    world.conditions().needs = Some(needs);
    world
}

impl World {
    fn has(&self, account: &str, version: u32) {
        self.cloud.with(|cloud| cloud.set_template(account, version));
    }

    fn endpoints(&self, account: &str) -> usize {
        self.truth(account).endpoints.len()
    }

    /// As if it had been so for as long.
    async fn outdated_since(&self, account: &str, ago_ms: u64) {
        let key = Keys::stack(&format!("{account}/{REGION}").parse().unwrap());
        let doc = self.table().get(&key).await.unwrap();
        let mut status = self.status(account).await;
        let outdated = status.outdated.as_mut().expect("outdated");
        outdated.since_ms = outdated.since_ms.saturating_sub(ago_ms);
        self.table().write(vec![Write::over(doc.as_ref(), key, &status)]).await.unwrap();
    }

    async fn sweep_all(&self) {
        // Messages of one millisecond have no order among them.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        self.send(json!({"sweep": {}})).await;
    }
}

const HOUR_MS: u64 = 60 * 60_000;

#[tokio::test]
async fn what_needs_a_newer_template_is_withheld_everything_else_is_done_and_it_is_made_when_that_arrives() {
    let mut world = world_of_later_needs().await;
    world.has(SHOP_DEV, 2);
    world.converge(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, world.endpoints(SHOP_DEV)), (Phase::Waiting, 0), "{}", status.message);
    assert!(status.network_ready && status.converged_spec.is_none(), "{status:?}");
    for part in ["withheld", "needs version 4 of infra/member-role.yaml", "has version 2", "StackSet"] {
        assert!(status.message.contains(part), "{part}: {}", status.message);
    }
    let Outdated { needed, there, .. } = status.outdated.expect("outdated");
    assert_eq!((needed, there, status.member_template), (4, 2, 2));
    assert!(status.withheld.iter().all(|it| it.contains("needs version 4")), "{:?}", status.withheld);
    assert_eq!(world.letters(), Vec::<String>::new(), "nobody is to look into a message of the queue");
    let told = world.notified_of("").await;
    assert!(
        !told.iter().any(|it| it.contains("permission") || it.contains("may no longer call")),
        "{told:?}"
    );
    assert!(told.iter().any(|it| it.contains("is ready")), "{told:?}");

    world.has(SHOP_DEV, 4);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.outdated, status.member_template), (None, 4));
    assert!(world.endpoints(SHOP_DEV) > 0);
}

#[tokio::test]
async fn a_template_is_asked_for_only_when_a_plan_needs_more_than_is_known() {
    let mut world = world_of_later_needs().await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.member_template, 4);
    // From here on an answer would be another one.
    world.has(SHOP_DEV, 1);
    for _ in 0..3 {
        world.converge(SHOP_DEV).await;
        world.assert_ready(SHOP_DEV).await;
    }
    // What was known proves wrong when a call is denied; then it is asked for anew, and nothing is tried again.
    world.edit(SHOP_DEV, |seen| seen.endpoints.clear());
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.member_template, 0);
    world.converge(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.member_template), (Phase::Waiting, 1), "{}", status.message);
    assert!(status.outdated.is_some_and(|it| it.there == 1));

    let mut world = World::new().await;
    world.has(SHOP_DEV, 1);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.member_template, 0, "nothing needs more than the first one");
}

#[tokio::test]
async fn for_half_an_hour_a_newer_template_is_on_its_way_and_after_that_the_sweep_looks_again() {
    let world = world_of_later_needs().await;
    world.publish(&FLEET.replace(CONNECTIONS, "")).await;
    world.has(SHOP_DEV, 2);
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    for _ in 0..3 {
        world.wait().await;
        let queued = world.queued().len();
        world.reconcile(SHOP_DEV).await;
        assert_eq!(
            world.queued().len(),
            queued + 1,
            "it comes again: {}",
            world.status(SHOP_DEV).await.message
        );
    }
    world.outdated_since(SHOP_DEV, HOUR_MS / 2).await;
    world.wait().await;
    let queued = world.queued().len();
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.queued().len(), queued, "only the next sweep brings it again");
    assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Waiting);
}

#[tokio::test]
async fn all_outdated_accounts_are_one_message_told_by_the_sweep_and_ended_when_none_is_left() {
    let mut world = world_of_later_needs().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.has(account, 3);
        world.wait().await;
        world.reconcile(account).await;
        world.wait().await;
        world.reconcile(account).await;
    }
    world.sweep_all().await;
    assert_eq!(world.notified_of("member-template/").await, Vec::<String>::new(), "it may be on its way");
    world.outdated_since(SHOP_DEV, HOUR_MS).await;
    for _ in 0..3 {
        world.sweep_all().await;
    }
    let told = world.notified_of("member-template/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    for part in
        ["1 account has", "shop-dev", SHOP_DEV, "version 3 and needs 4", "update-stack-set", "#net-dev"]
    {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    world.outdated_since(PAYMENTS_DEV, HOUR_MS).await;
    world.sweep_all().await;
    let told = world.notified_of("member-template/").await;
    assert!(
        told.len() == 2 && told[1].contains("2 accounts have") && told[1].contains("payments-dev"),
        "{told:?}"
    );
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.has(account, 4);
        world.converge(account).await;
    }
    for _ in 0..2 {
        world.sweep_all().await;
    }
    let told = world.notified_of("member-template/").await;
    assert!(told.len() == 3 && told[2].contains("new enough in every account"), "{told:?}");
    let ids = world.incident_ids_of("member-template/").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn an_outdated_account_that_is_closed_keeps_the_message_open_no_longer() {
    let mut world = world_of_later_needs().await;
    world.has(SHOP_PROD, 1);
    world.wait().await;
    world.reconcile(SHOP_PROD).await;
    world.outdated_since(SHOP_PROD, HOUR_MS).await;
    world.sweep_all().await;
    assert_eq!(world.notified_of("member-template/").await.len(), 1);
    world.account(SHOP_PROD, "shop-prod", false, None);
    world.wait().await;
    world.reconcile(SHOP_PROD).await;
    world.sweep_all().await;
    let told = world.notified_of("member-template/").await;
    assert!(told.len() == 2 && told[1].contains("new enough"), "{told:?}");
    let doc = world.table().get(&Keys::outdated()).await.unwrap();
    assert!(doc.is_none(), "{doc:?}");
}

#[tokio::test]
async fn a_plan_shows_what_waits_for_a_newer_template_and_what_was_agreed_to_is_made_when_that_arrives() {
    let mut world = world_of_later_needs().await;
    world.has(SHOP_DEV, 2);
    let (plan, permission) = world.planned(FLEET, &[SHOP_DEV]).await.remove(0);
    assert!(!plan.steps.is_empty() && plan.steps.iter().all(|step| needs(&step.action) <= 2));
    let told = render::text(&plan);
    assert!(
        told.contains("needs version 4 of infra/member-role.yaml, and the account has version 2"),
        "{told}"
    );
    assert!(permission.permission.is_empty(), "no permission helps");
    publish_agreed(&world, FLEET, &[SHOP_DEV]).await;
    world.converge(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.agreed_version), (Phase::Waiting, 2), "{}", status.message);
    world.has(SHOP_DEV, 4);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn an_outdated_account_is_not_half_given_up() {
    let mut world = left_behind().await;
    world.conditions().needs = Some(removal_needs);
    world.has(SHOP_DEV, 2);
    world.wait().await;
    let before = world.changes(SHOP_DEV, REGION);
    world.send(asked(SHOP_DEV, "remove")).await;
    let status = world.status(SHOP_DEV).await;
    assert!(
        status.phase == Phase::Failed && status.message.contains("needs version 4"),
        "{}",
        status.message
    );
    assert_eq!(world.changes(SHOP_DEV, REGION), before);
    world.has(SHOP_DEV, 4);
    world.wait().await;
    world.send(asked(SHOP_DEV, "remove")).await;
    world.drain().await;
    assert!(world.status_in(SHOP_DEV, REGION).await.is_none(), "it is given up");
}

#[tokio::test]
async fn while_an_account_gives_no_answer_nothing_is_done_and_nothing_is_said_of_its_template() {
    let mut world = world_of_later_needs().await;
    world.conditions().template_untold = true;
    world.wait().await;
    let queued = world.queued().len();
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.outdated, status.member_template), (Phase::Waiting, None, 0));
    assert!(status.message.contains("Rate exceeded"), "{}", status.message);
    assert_eq!((world.queued().len(), world.changes(SHOP_DEV, REGION)), (queued + 1, 0));
    world.conditions().template_untold = false;
    world.drain().await;
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn what_a_template_does_not_allow_takes_nothing_of_the_hour() {
    let mut world = joined().await;
    let text = FLEET.replace(CONNECTIONS, "");
    let shown = world.shown(&text, &[SHOP_DEV]).await;
    world.conditions().needs = Some(removal_needs);
    world.has(SHOP_DEV, 2);
    world.publish_accepting(&text, shown).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let reserved = async |world: &World| {
        let hours = all::<Hour>(world.table(), "removals").await.unwrap();
        hours.iter().map(|(_, hour)| hour.reserved).sum::<u32>()
    };
    assert_eq!(reserved(&world).await, 0);
    assert!(routes_to_peerings(&world.truth(SHOP_DEV)) > 0, "a peering goes with its routes or not at all");
    assert!(world.status(SHOP_DEV).await.outdated.is_some());
    world.has(SHOP_DEV, 4);
    world.converge(SHOP_DEV).await;
    assert_eq!((reserved(&world).await, routes_to_peerings(&world.truth(SHOP_DEV))), (1, 0));
}

#[tokio::test]
async fn of_a_stack_that_cannot_be_read_it_is_not_said_that_its_template_is_new_enough() {
    let world = world_of_later_needs().await;
    world.has(SHOP_DEV, 1);
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    world.outdated_since(SHOP_DEV, HOUR_MS).await;
    world.sweep_all().await;
    let key = Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    world.table().put_raw(key, "nonsense");
    world.sweep_all().await;
    assert_eq!(world.notified_of("member-template/").await.len(), 1);
}

#[tokio::test]
async fn what_is_planned_anew_because_of_the_hour_is_within_the_template_too() {
    let world = joined().await;
    let no_more = ("quarantine_days: 7", "quarantine_days: 7, removals_per_hour: 0");
    let text = FLEET.replace(CONNECTIONS, "").replace(no_more.0, no_more.1);
    let shown = world.shown(&text, &[SHOP_DEV]).await;
    world.conditions().needs = Some(needs);
    world.has(SHOP_DEV, 2);
    world.edit(SHOP_DEV, |seen| seen.endpoints.clear());
    world.publish_accepting(&text, shown).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.member_template, world.endpoints(SHOP_DEV)), (2, 0), "nothing was denied");
    for part in ["removals_per_hour", "needs version 4"] {
        assert!(status.withheld.iter().any(|it| it.contains(part)), "{part}: {:?}", status.withheld);
    }
}
