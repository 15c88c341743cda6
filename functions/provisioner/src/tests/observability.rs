//! Accounts at an observability vendor: over the wire to its stand-in, with what is stored, told and put into the stack.

use phonehome_cloud::table::{Table, Write};
use phonehome_nerdgraph::{Fault, Nerdgraph};
use phonehome_new_relic::NewRelic;
use phonehome_stacks::{ObservabilityRecord, PackPhase, observability_key};
use phonehome_wire::AccountId;
use serde_json::Value;

use super::packs::{record as of_pack, refused, without_europe};
use super::versions::sweep;
use super::world::{EUROPE, FLEET, FakeSecrets, REGION, SHOP_DEV, SHOP_PROD, World};

const KEY: &str = "NRAK-TEST";
const SECRET: &str = "phonehome/observability/new-relic";
const HOUR_MS: u64 = 60 * 60_000;

fn observed() -> String {
    format!(
        "{FLEET}starter_pack: {{ home_region: {REGION}, permissions_boundary: b, observability: {{ vendor: new_relic, \
         data_center: eu }} }}\n"
    )
}

fn streamed() -> String {
    let streamed =
        observed().replace("data_center: eu", "data_center: eu, metric_stream: { namespaces: [AWS/EC2] }");
    assert_ne!(streamed, observed());
    streamed
}

/// A world whose accounts are observed, where they are and the secrets.
async fn world() -> (World, Nerdgraph, FakeSecrets) {
    let (world, stand_in) = (World::new().await, Nerdgraph::start(KEY).unwrap());
    world.publish(&observed()).await;
    let secrets = FakeSecrets::default();
    let new_relic = NewRelic::at(stand_in.url().to_owned(), KEY.into());
    world.conditions().vendor = Some((new_relic, secrets.clone()));
    (world, stand_in, secrets)
}

async fn record(world: &World) -> ObservabilityRecord {
    let key = observability_key(&SHOP_DEV.parse::<AccountId>().unwrap());
    world.table().get(&key).await.unwrap().expect("it was looked at").read().unwrap()
}

#[tokio::test]
async fn a_stream_is_made_with_the_role_and_the_account_is_linked_as_one_that_sends() {
    let (mut world, stand_in, secrets) = world().await;
    world.publish(&streamed()).await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(modes(&stand_in), ["PUSH"]);
    let template = template(&world).await;
    let resources = &template["Resources"];
    assert!(resources["ObservabilityRole"].is_object());
    let filters = &resources["MetricStream"]["Properties"]["IncludeFilters"];
    assert_eq!(filters[0]["Namespace"], "AWS/EC2");
    assert!(!template.to_string().contains(&secrets.value(SECRET).unwrap()));
}

fn modes(stand_in: &Nerdgraph) -> Vec<String> {
    stand_in.state().linked.iter().map(|it| it.mode.clone()).collect()
}

#[tokio::test]
async fn a_stream_that_is_declared_later_gets_a_link_of_its_own_once_it_is_made() {
    let (mut world, stand_in, _) = world().await;
    world.converge(SHOP_DEV).await;
    assert_eq!(modes(&stand_in), ["PULL"]);
    world.publish(&streamed()).await;
    world.conditions().packs.insert(REGION.into(), refused("it waits"));
    world.converge(SHOP_DEV).await;
    assert_eq!(modes(&stand_in), ["PULL"], "the stack has no stream yet");
    world.conditions().packs.clear();
    for _ in 0..2 {
        world.converge(SHOP_DEV).await;
        assert_eq!(modes(&stand_in), ["PULL", "PUSH"]);
    }
    assert_eq!(world.notified_of("observability").await, [""; 0]);
}

/// Hours pass for what is known of the account.
async fn pass(world: &World, hours: u64) {
    let key = observability_key(&SHOP_DEV.parse::<AccountId>().unwrap());
    let doc = world.table().get(&key).await.unwrap().unwrap();
    let mut record: ObservabilityRecord = doc.read().unwrap();
    let ago = |at_ms: &mut u64| *at_ms = at_ms.saturating_sub(hours * HOUR_MS);
    let setup = &mut record.setup;
    setup.asked.iter_mut().for_each(|asked| ago(&mut asked.at_ms));
    setup.keys.values_mut().for_each(|key| ago(&mut key.asked_at_ms));
    ago(&mut setup.bound_at_ms);
    ago(&mut setup.again_at_ms);
    world.table().write(vec![Write::over(Some(&doc), key, &record)]).await.unwrap();
}

async fn template(world: &World) -> Value {
    let record = of_pack(world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!(record.phase, PackPhase::AsDeclared);
    serde_json::from_str(&record.deployed.unwrap().body).unwrap()
}

#[tokio::test]
async fn an_account_a_key_in_the_secret_the_role_and_the_link_are_there_and_nothing_is_asked_again() {
    let (mut world, stand_in, secrets) = world().await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    {
        let state = stand_in.state();
        let made: Vec<_> =
            state.accounts.iter().map(|it| (it.name.as_str(), it.region_code.as_str())).collect();
        assert_eq!(made, [("shop-dev", "eu01")]);
        assert_eq!((state.keys.len(), state.linked.len()), (1, 1));
        assert_eq!(secrets.value(SECRET).as_ref(), Some(&state.keys[0].value));
        assert_eq!(state.linked[0].mode, "PULL");
    }
    let id = stand_in.state().accounts[0].id.to_string();
    let role = &template(&world).await["Resources"]["ObservabilityRole"]["Properties"];
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Condition"]["StringEquals"]["sts:ExternalId"], id);
    let calls = stand_in.state().calls.len();
    world.converge(SHOP_DEV).await;
    assert_eq!(stand_in.state().calls.len(), calls);
    let stored = serde_json::to_string(&record(&world).await).unwrap();
    let value = secrets.value(SECRET).unwrap();
    assert!(!stored.contains(&value) && !template(&world).await.to_string().contains(&value));
    assert_eq!(world.notified_of("observability").await, [""; 0]);
}

#[tokio::test]
async fn an_account_whose_answer_was_lost_is_found_and_holds_up_neither_network_nor_pack() {
    for fault in [
        Fault::HangsUp { is_done: true },
        Fault::Class { class: "TIMEOUT".into(), is_done: true },
        Fault::HalfAnAnswer,
    ] {
        let (mut world, stand_in, secrets) = world().await;
        stand_in.fail("accountManagementCreateAccount", fault.clone());
        world.converge(SHOP_DEV).await;
        world.assert_ready(SHOP_DEV).await;
        let resources = &template(&world).await["Resources"];
        assert!(resources["ObservabilityKey"].is_object() && resources["ObservabilityRole"].is_null());
        pass(&world, 1).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(stand_in.state().accounts.len(), 1, "{fault:?}");
        assert!(secrets.value(SECRET).is_some(), "{fault:?}");
        assert!(template(&world).await["Resources"]["ObservabilityRole"].is_object());
        assert_eq!(world.notified_of("observability").await, [""; 0], "{fault:?}");
    }
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_deleted_and_another_one_is_stored() {
    let (mut world, stand_in, secrets) = world().await;
    stand_in.fail("apiAccessCreateKeys", Fault::WithoutValue);
    world.converge(SHOP_DEV).await;
    assert_eq!((stand_in.state().keys.len(), secrets.value(SECRET)), (1, None));
    let lost = stand_in.state().keys[0].id.clone();
    pass(&world, 1).await;
    world.converge(SHOP_DEV).await;
    let state = stand_in.state();
    assert_eq!(state.keys.len(), 1);
    assert_ne!(state.keys[0].id, lost);
    assert_eq!(secrets.value(SECRET).as_ref(), Some(&state.keys[0].value));
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_once_with_what_to_do_and_that_it_is_over() {
    let (mut world, stand_in, secrets) = world().await;
    let id = stand_in.state().make_account("shop-dev", "eu01");
    world.converge(SHOP_DEV).await;
    pass(&world, 7).await;
    world.converge(SHOP_DEV).await;
    let told = world.notified_of("observability").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&id.to_string()) && told[0].contains("observability_account"), "{told:?}");
    assert_eq!((stand_in.state().accounts.len(), secrets.value(SECRET)), (1, None));
    // Named in the fleet file it is bound.
    let entry = format!("[{{ name: dev, observability_account: {id} }}, {{ name: prod }}]");
    let named = observed().replacen("[{ name: dev }, { name: prod }]", &entry, 1);
    assert!(named.contains(&entry), "{named}");
    world.publish(&named).await;
    world.converge(SHOP_DEV).await;
    assert!(secrets.value(SECRET).is_some());
    let told = world.notified_of("observability").await;
    assert!(told.len() == 2 && told[1].contains("as declared"), "{told:?}");
}

#[tokio::test]
async fn a_hub_without_a_key_says_so_once_and_the_rest_of_the_pack_is_made() {
    let (mut world, _, _) = world().await;
    world.conditions().vendor = None;
    world.converge(SHOP_DEV).await;
    pass(&world, 7).await;
    world.converge(SHOP_DEV).await;
    let told = world.notified_of("observability").await;
    assert!(told.len() == 1 && told[0].contains("NewRelicUserKeySecretArn"), "{told:?}");
    assert!(template(&world).await["Resources"]["ObservabilityRole"].is_null());
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn where_nothing_is_observed_nobody_is_asked() {
    let (mut world, stand_in, _) = world().await;
    world.publish(&format!("{FLEET}starter_pack: {{ home_region: {REGION}, key: true }}\n")).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(stand_in.state().calls, [""; 0]);
}

/// Nobody's key opens the vendor, and that was told of an account.
async fn told_of(account: &str, fleet: &str) -> World {
    let mut world = World::new().await;
    world.publish(fleet).await;
    world.converge(account).await;
    assert_eq!(world.notified_of("observability").await.len(), 1);
    world
}

#[tokio::test]
async fn what_was_told_of_it_is_over_once_neither_it_nor_the_pack_nor_its_home_region_is_declared_any_more() {
    let pack = format!(
        "{{ home_region: {EUROPE}, permissions_boundary: b, observability: {{ vendor: new_relic, data_center: eu }} }}"
    );
    let in_europe = FLEET.replace("nat: single", &format!("nat: single, starter_pack: {pack}"));
    let alone = format!("{}starter_pack: {{ home_region: {REGION}, key: true }}\n", without_europe());
    for (account, before, after) in [
        (SHOP_DEV, observed(), format!("{FLEET}starter_pack: {{ home_region: {REGION}, key: true }}\n")),
        (SHOP_DEV, observed(), FLEET.to_owned()),
        (SHOP_PROD, in_europe, alone),
    ] {
        let mut world = told_of(account, &before).await;
        world.publish(&after).await;
        for _ in 0..3 {
            sweep(&mut world).await;
        }
        let told = world.notified_of(&format!("observability/{account}")).await;
        assert_eq!(told.len(), 2, "{told:?}");
        let is_over = told[1].contains("its account at New Relic is not declared any more");
        assert!(is_over && told[1].contains(r#""kind":"resolved""#), "{told:?}");
        assert!(told[1].contains("NewRelicUserKeySecretArn"), "it does not say what it was: {told:?}");
        let place = if account == SHOP_PROD { EUROPE } else { REGION };
        assert!(told.iter().all(|it| it.contains(&format!("in {place}"))), "{told:?}");
        let ids = world.incident_ids_of(&format!("observability/{account}")).await;
        assert_eq!(ids[0], ids[1]);
        world.publish(&before).await;
        world.converge(account).await;
        let told = world.notified_of(&format!("observability/{account}")).await;
        assert_eq!(told.len(), 3, "declared again it is told again: {told:?}");
    }
}

#[tokio::test]
async fn no_sweep_ends_what_was_told_of_one_that_is_still_declared() {
    let mut world = told_of(SHOP_DEV, &observed()).await;
    for _ in 0..2 {
        sweep(&mut world).await;
    }
    assert_eq!(world.notified_of(&format!("observability/{SHOP_DEV}")).await.len(), 1);
}
