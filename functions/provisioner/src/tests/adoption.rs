//! A VPC that was there before phonehome.

use std::collections::BTreeMap;

use phonehome_network::{Address, Inventory, SecurityGroup, Tagged as _, Tags};
use phonehome_planner::{Action, StackSpec};
use phonehome_state::Phase;

use super::world::{FLEET, REGION, SHOP_DEV, World};

/// A VPC of somebody else's, with a security group; returns its id.
pub(super) fn existing(world: &World) -> String {
    existing_in(world, SHOP_DEV)
}

/// The same in any account.
pub(super) fn existing_in(world: &World, account: &str) -> String {
    let cidr = "10.200.0.0/18".parse().unwrap();
    let stack = format!("{account}/{REGION}").parse().unwrap();
    let (spec, action) = (StackSpec::bare(&stack, "old"), Action::CreateVpc { cidr });
    let made = world.cloud.with(|cloud| {
        let mut stack = cloud.stack(account, REGION);
        stack.call(&spec, &Address::vpc(), &action, &BTreeMap::<Address, String>::new())
    });
    let id = made.unwrap().unwrap();
    world.edit(account, |seen: &mut Inventory| {
        let vpc = seen.vpcs.iter_mut().find(|vpc| vpc.id == id).unwrap();
        vpc.tags = Tags::from([("Name".to_owned(), "old-shop".to_owned())]);
        seen.security_groups.push(SecurityGroup {
            id: "sg-0123456789abcdef0".to_owned(),
            tags: Tags::new(),
            name: "old-shop-web".to_owned(),
            vpc_id: id.clone(),
            ingress: vec![],
            egress: vec![],
        });
    });
    id
}

pub(super) fn adopting(vpc_id: &str) -> String {
    FLEET.replacen(
        "environments: [{ name: dev }",
        &format!("environments: [{{ name: dev, adopt: {vpc_id} }}"),
        1,
    )
}

#[tokio::test]
async fn an_existing_vpc_gives_its_addresses_and_becomes_the_stack_and_what_others_made_stays() {
    let mut world = World::new().await;
    let id = existing(&world);
    world.publish(&adopting(&id)).await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.cidr.to_string().as_str(), status.vpc_id.as_ref()), ("10.200.0.0/18", Some(&id)));
    assert_eq!(status.private_subnets.len(), 2, "peers have to know where they are");
    let claims = world.claims().await;
    assert!(claims.len() == 1 && claims[0].is_adopted() && claims[0].cidr.to_string() == "10.200.0.0/18");
    let seen = world.truth(SHOP_DEV);
    assert_eq!(seen.vpcs.len(), 1);
    assert!(seen.vpcs[0].address().is_some() && seen.vpcs[0].tags["Name"] == "old-shop");
    let theirs = seen.security_groups.iter().find(|it| it.name == "old-shop-web").unwrap();
    assert!(theirs.tags.is_empty());
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_vpc_that_is_not_there_is_refused_with_those_that_are() {
    let world = World::new().await;
    let id = existing(&world);
    world.publish(&adopting("vpc-00000000000000bad")).await;
    let changes = world.changes(SHOP_DEV, REGION);
    world.reconcile(SHOP_DEV).await;
    let letters = world.letters();
    assert!(letters[0].contains("vpc-00000000000000bad") && letters[0].contains(&id), "{letters:?}");
    assert!(world.claims().await.is_empty() && world.queued().is_empty());
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
}

#[tokio::test]
async fn an_account_that_has_a_network_of_phonehomes_adopts_no_other() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let id = existing(&world);
    world.publish(&adopting(&id)).await;
    let changes = world.changes(SHOP_DEV, REGION);
    world.reconcile(SHOP_DEV).await;
    let letters = world.letters();
    assert!(letters.len() == 1 && letters[0].contains("already holds 10.0.0.0/18"), "{letters:?}");
    assert_eq!(world.changes(SHOP_DEV, REGION), changes);
    let own = world.status(SHOP_DEV).await.vpc_id.unwrap();
    world.publish(&adopting(&own)).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(world.letters().len(), 1, "its own it may name");
    assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Ready);
}
