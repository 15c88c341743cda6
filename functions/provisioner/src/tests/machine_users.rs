//! Machine users: when their keys are looked at, and what is told of them.

use phonehome_cloud::Class;
use phonehome_cloud::table::{Table, Write};
use phonehome_machine_users::Problem;
use phonehome_stacks::{Outcome, PackRecord, Problem as StackProblem, Refused, pack_key};

use super::world::{FLEET, REGION, SHOP_DEV, World};

/// The starter packs have these machine users.
async fn declare(world: &World, names: &[&str]) {
    let users: Vec<String> =
        names.iter().map(|name| format!("{{ name: {name}, managed_policies: [p] }}")).collect();
    let users = users.join(", ");
    let pack = format!("starter_pack: {{ home_region: {REGION}, machine_users: [{users}] }}\n");
    world.publish(&format!("{FLEET}{pack}")).await;
}

/// A world whose accounts have two machine users.
async fn world() -> World {
    let world = World::new().await;
    declare(&world, &["ci", "backup"]).await;
    world
}

fn looked_at(world: &World) -> Vec<String> {
    std::mem::take(&mut world.conditions().keys_turns)
}

async fn a_day_passes(world: &World) {
    let key = pack_key(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let doc = world.table().get(&key).await.unwrap().unwrap();
    let mut record: PackRecord = doc.read().unwrap();
    for user in record.users.values_mut() {
        (user.rotation.looked_at_ms, user.rotation.acted_at_ms) = (0, 0);
    }
    world.table().write(vec![Write::over(Some(&doc), key, &record)]).await.unwrap();
}

#[tokio::test]
async fn keys_wait_for_the_stack_and_are_looked_at_once_a_day() {
    let mut world = world().await;
    let waits = Outcome::Later { reason: "it is made".into(), class: Class::EventuallyConsistent };
    world.conditions().packs.insert(REGION.into(), waits);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(looked_at(&world), [""; 0]);
    world.conditions().packs.clear();
    world.converge(SHOP_DEV).await;
    let secret = |user: &str| format!("{SHOP_DEV}/{REGION} phonehome/machine-users/{user}");
    assert_eq!(looked_at(&world), [secret("ci"), secret("backup")]);
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), [""; 0]);
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world).len(), 2);
}

#[tokio::test]
async fn a_stack_that_waits_holds_up_the_keys_of_no_user_that_it_has_made() {
    let mut world = world().await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world).len(), 2);
    declare(&world, &["ci", "new"]).await;
    let refused = Refused { logical_id: "MachineUserbackup".into(), why: "it would stay".into() };
    world.conditions().packs.insert(REGION.into(), Outcome::Told(StackProblem::Refused(vec![refused])));
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), [format!("{SHOP_DEV}/{REGION} phonehome/machine-users/ci")]);
}

#[tokio::test]
async fn what_is_wrong_with_a_machine_user_is_told_once_and_that_it_is_over_and_holds_up_no_other() {
    let mut world = world().await;
    let wrong = Problem::ForeignKey { key: "AKIAEXAMPLE000000001".parse().unwrap() };
    world.conditions().keys.insert("ci".into(), wrong.clone());
    world.converge(SHOP_DEV).await;
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world).len(), 4);
    let told = world.notified_of("machine-user/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("its machine user ci") && told[0].contains("AKIAEXAMPLE000000001"), "{told:?}");
    // Another user's is another message.
    world.conditions().keys.insert("backup".into(), wrong);
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    world.conditions().keys.clear();
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    let told = world.notified_of("machine-user/").await;
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[2].contains("as declared") && told[3].contains("as declared"), "{told:?}");
    let mut ids = world.incident_ids_of("machine-user/").await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2, "{ids:?}");
}

/// A world in which something was told of a machine user.
async fn told_of_ci() -> World {
    let mut world = world().await;
    let wrong = Problem::ForeignKey { key: "AKIAEXAMPLE000000001".parse().unwrap() };
    world.conditions().keys.insert("ci".into(), wrong);
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("machine-user/").await.len(), 1);
    world
}

#[tokio::test]
async fn what_was_told_of_a_user_is_over_once_it_is_not_declared_any_more() {
    let mut world = told_of_ci().await;
    let incident = world.incident_ids_of("machine-user/").await;
    declare(&world, &["backup"]).await;
    for _ in 0..2 {
        world.converge(SHOP_DEV).await;
        let told = world.notified_of("machine-user/").await;
        assert_eq!(told.len(), 2, "{told:?}");
        let is_over = told[1].contains("its machine user ci is not declared any more");
        assert!(is_over && told[1].contains(r#""kind":"resolved""#), "{told:?}");
        assert!(told[1].contains("AKIAEXAMPLE000000001"), "it does not say what it was: {told:?}");
    }
    assert_eq!(world.incident_ids_of("machine-user/").await, [incident.clone(), incident].concat());
}

#[tokio::test]
async fn what_was_told_of_a_user_is_over_also_where_its_whole_pack_is_not_declared_any_more() {
    let mut world = told_of_ci().await;
    world.publish(FLEET).await;
    for _ in 0..2 {
        world.converge(SHOP_DEV).await;
        let told = world.notified_of("machine-user/").await;
        assert_eq!(told.len(), 2, "{told:?}");
        let is_over = told[1].contains("its machine user ci is not declared any more");
        assert!(is_over && told[1].contains(r#""kind":"resolved""#), "{told:?}");
    }
}

#[tokio::test]
async fn a_user_that_is_declared_again_is_told_of_again() {
    let mut world = told_of_ci().await;
    world.publish(FLEET).await;
    world.converge(SHOP_DEV).await;
    declare(&world, &["ci"]).await;
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("machine-user/").await.len(), 3);
}

#[tokio::test]
async fn a_user_that_is_not_declared_any_more_is_not_looked_at() {
    let mut world = world().await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world).len(), 2);
    declare(&world, &["backup"]).await;
    a_day_passes(&world).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(looked_at(&world), [format!("{SHOP_DEV}/{REGION} phonehome/machine-users/backup")]);
}
