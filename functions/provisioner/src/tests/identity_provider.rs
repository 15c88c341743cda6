//! An identity provider of the team's that deploy roles refer to: when it is looked at, and what is told of it.

use phonehome_cloud::CloudError;
use phonehome_cloud::table::{Table, Write};
use phonehome_stacks::{Outcome, PackRecord, pack_key};

use super::world::{FLEET, REGION, SHOP_DEV, World, denied, error};

const ARN: &str = "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com";
const DAY_MS: u64 = 24 * 60 * 60_000;

fn pack(provider: &str) -> String {
    format!(
        "{FLEET}starter_pack:\n  home_region: {REGION}\n  oidc_provider: {provider}\n  \
         repositories: [{{ name: acme/shop, id: 1, owner_id: 2 }}]\n  \
         deploy_roles: [{{ name: deploy, branches: [main] }}]\n"
    )
}

/// A world whose accounts have deploy roles.
async fn world(provider: &str) -> World {
    let world = World::new().await;
    world.publish(&pack(provider)).await;
    world
}

fn looked_at(world: &World) -> usize {
    let seen = std::mem::take(&mut world.conditions().providers_seen);
    assert!(seen.iter().all(|it| it == ARN), "{seen:?}");
    seen.len()
}

fn sees(world: &World, provider: Result<Option<Vec<String>>, CloudError>) {
    world.conditions().provider = Some(provider);
}

async fn change(world: &World, change: impl FnOnce(&mut PackRecord)) {
    let key = pack_key(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let doc = world.table().get(&key).await.unwrap().unwrap();
    let mut record: PackRecord = doc.read().unwrap();
    change(&mut record);
    world.table().write(vec![Write::over(Some(&doc), key, &record)]).await.unwrap();
}

/// What is stored is as old as if it had been looked at this long before.
async fn passes(world: &World, ms: u64) {
    change(world, |record| record.provider.as_mut().unwrap().looked_at_ms -= ms).await;
}

async fn told(world: &World) -> Vec<String> {
    world.notified_of("identity-provider").await
}

#[tokio::test]
async fn it_waits_for_the_stack_and_is_looked_at_once_a_day() {
    let mut world = world("theirs").await;
    let waits = Outcome::Later { reason: "it is made".into(), class: phonehome_cloud::Class::Transient };
    world.conditions().packs.insert(REGION.into(), waits);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 0);
    world.conditions().packs.clear();
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 1);
    passes(&world, DAY_MS - 60_000).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 0);
    passes(&world, 60_000).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 1);
    assert_eq!(told(&world).await, [""; 0]);
}

#[tokio::test]
async fn it_is_looked_at_after_each_change_of_the_stack() {
    let mut world = world("theirs").await;
    world.converge(SHOP_DEV).await;
    let changed = |record: &mut PackRecord| {
        let looked_at_ms = record.provider.as_ref().unwrap().looked_at_ms;
        record.verified.as_mut().unwrap().changed_at_ms = looked_at_ms + 1;
    };
    change(&world, changed).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 2);
}

#[tokio::test]
async fn one_of_phonehomes_own_is_the_stacks_and_is_not_looked_at() {
    let mut world = world("ours").await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 0);
}

#[tokio::test]
async fn that_it_is_gone_is_told_once_and_within_an_hour_that_it_is_there_again() {
    let mut world = world("theirs").await;
    world.converge(SHOP_DEV).await;
    sees(&world, Ok(None));
    for _ in 0..2 {
        passes(&world, DAY_MS).await;
        world.converge(SHOP_DEV).await;
    }
    let said = told(&world).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(ARN) && said[0].contains("is not there"), "{said:?}");
    sees(&world, Ok(Some(vec!["sts.amazonaws.com".into()])));
    passes(&world, 59 * 60_000).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(told(&world).await.len(), 1);
    passes(&world, 60_000).await;
    world.converge(SHOP_DEV).await;
    let said = told(&world).await;
    assert!(said.len() == 2 && said[1].contains("is as declared"), "{said:?}");
    let ids = world.incident_ids_of("identity-provider").await;
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn one_that_does_not_take_githubs_audience_and_one_that_may_not_be_seen_are_told() {
    let mut world = world("theirs").await;
    sees(&world, Ok(Some(vec!["other".into(), "sts.amazonaws.com.evil".into()])));
    world.converge(SHOP_DEV).await;
    sees(&world, Err(denied("iam:GetOpenIDConnectProvider")));
    passes(&world, DAY_MS).await;
    world.converge(SHOP_DEV).await;
    let said = told(&world).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("does not take the audience sts.amazonaws.com"), "{said:?}");
    assert!(said[1].contains("StarterPack=true"), "{said:?}");
}

#[tokio::test]
async fn a_look_that_says_nothing_changes_nothing_that_was_told() {
    let mut world = world("theirs").await;
    sees(&world, Ok(None));
    world.converge(SHOP_DEV).await;
    sees(&world, Err(error("iam:GetOpenIDConnectProvider", "ServiceFailure", "try again")));
    passes(&world, DAY_MS).await;
    world.converge(SHOP_DEV).await;
    assert_eq!((looked_at(&world), told(&world).await.len()), (2, 1));
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), 1, "it is still due");
}

#[tokio::test]
async fn what_was_told_of_it_ends_with_the_declaration() {
    for after in [pack("ours"), FLEET.to_owned()] {
        let mut world = world("theirs").await;
        sees(&world, Ok(None));
        world.converge(SHOP_DEV).await;
        world.publish(&after).await;
        for _ in 0..2 {
            world.converge(SHOP_DEV).await;
        }
        let said = told(&world).await;
        assert!(said.len() == 2 && said[1].contains("is not declared any more"), "{said:?}");
    }
}
