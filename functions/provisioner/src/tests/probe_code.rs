//! Whichever code the hub came with, the probes of an account have that of the account's version.

use phonehome_cloud::table::{Expect, Key, Table as _, Write};
use phonehome_network::FunctionState;
use phonehome_provision::{Package, Packages};
use phonehome_state::{
    Keys, Phase, ProbeRelease, PublishedFleet, base, newest_probes, publish, store_probes,
};
use serde_json::json;

use super::world::{FLEET, SHOP_DEV, SHOP_PROD, World};

/// The hub of a release: its code is its name, many times.
fn package(release: &str) -> Package {
    Package::new(release.repeat(100).into_bytes(), "arm64")
}

fn named(release: &str) -> ProbeRelease {
    package(release).probes
}

/// The hub is deployed with this code: every process begins anew.
fn deploy(world: &mut World, release: &str) {
    world.provisioner.provision.members.packages = Some(Packages::new(package(release)));
}

fn published(text: &str, probes: Option<ProbeRelease>) -> PublishedFleet {
    PublishedFleet { text: text.into(), published_by: "test".into(), probes, ..PublishedFleet::default() }
}

/// Puts a version in force that names this code.
async fn publish_at_once(world: &World, text: &str, release: &str) {
    let over = base(world.table()).await.unwrap();
    publish(world.table(), &over, published(text, Some(named(release)))).await.unwrap();
}

/// Begins to roll out a version with this code; the turn of these accounts has come.
async fn roll_out(world: &World, text: &str, release: &str, turned: &[&str]) {
    let over = base(world.table()).await.unwrap();
    let number = over.next();
    let version = PublishedFleet { number, over: Some(number - 1), ..published(text, Some(named(release))) };
    world.table().write(vec![Write::put(Keys::version(number), Expect::Absent, &version)]).await.unwrap();
    turn(world, number, turned).await;
}

async fn turn(world: &World, target: u64, turned: &[&str]) {
    let doc = world.table().get(&Keys::rollout()).await.unwrap();
    let rollout = json!({"versions": {"base": target - 1, "target": target, "turned": turned}});
    let write = Write::put(Keys::rollout(), Expect::unchanged(doc.as_ref()), &rollout);
    world.table().write(vec![write]).await.unwrap();
}

async fn sweep(world: &mut World) {
    world.wait().await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
}

/// A hub of release `a`, whose code is in force, and both accounts have it.
async fn with_a() -> World {
    let mut world = World::new().await;
    deploy(&mut world, "a");
    publish_at_once(&world, FLEET, "a").await;
    sweep(&mut world).await;
    assert_eq!([code(&world, SHOP_DEV), code(&world, SHOP_PROD)], ["a", "a"]);
    world
}

/// Which release's code all probes of an account have.
fn code(world: &World, account: &str) -> String {
    let functions = world.truth(account).functions;
    let hashes: Vec<&str> = functions.iter().map(|it| it.code_sha256.as_str()).collect();
    let known = ["a", "b", "c"].into_iter().find(|release| {
        let hash = named(release).code_sha256;
        hashes.len() == 2 && hashes.iter().all(|found| *found == hash)
    });
    known.map_or_else(|| format!("{hashes:?}"), str::to_owned)
}

async fn remove(world: &World, key: Key) {
    let doc = world.table().get(&key).await.unwrap();
    world.table().write(vec![Write::delete(key, Expect::unchanged(doc.as_ref()))]).await.unwrap();
}

#[tokio::test]
async fn a_newer_hub_notes_its_code_and_changes_no_account_before_a_version_names_it() {
    let mut world = with_a().await;
    deploy(&mut world, "b");
    sweep(&mut world).await;
    assert_eq!(newest_probes(world.table()).await.unwrap().unwrap().probes, named("b"));
    assert_eq!([code(&world, SHOP_DEV), code(&world, SHOP_PROD)], ["a", "a"]);
    // What goes missing or is changed by hand comes back as it was.
    world.edit(SHOP_DEV, |seen| drop(seen.functions.remove(0)));
    world.edit(SHOP_PROD, |seen| seen.functions[0].code_sha256 = "forged".into());
    sweep(&mut world).await;
    assert_eq!([code(&world, SHOP_DEV), code(&world, SHOP_PROD)], ["a", "a"]);
}

#[tokio::test]
async fn new_code_reaches_the_accounts_whose_turn_has_come_and_what_is_taken_back_gets_the_old_one() {
    let mut world = with_a().await;
    deploy(&mut world, "b");
    sweep(&mut world).await;
    roll_out(&world, FLEET, "b", &[SHOP_DEV]).await;
    sweep(&mut world).await;
    assert_eq!([code(&world, SHOP_DEV), code(&world, SHOP_PROD)], ["b", "a"]);
    let target = world.status(SHOP_DEV).await.version;
    turn(&world, target, &[]).await;
    sweep(&mut world).await;
    assert_eq!([code(&world, SHOP_DEV), code(&world, SHOP_PROD)], ["a", "a"]);
    assert_eq!(world.status(SHOP_DEV).await.version, target - 1);
}

#[tokio::test]
async fn a_hub_that_is_rolled_back_by_one_release_leaves_every_account_its_code() {
    let mut world = with_a().await;
    deploy(&mut world, "b");
    sweep(&mut world).await;
    publish_at_once(&world, FLEET, "b").await;
    sweep(&mut world).await;
    deploy(&mut world, "a");
    sweep(&mut world).await;
    assert_eq!([code(&world, SHOP_DEV), code(&world, SHOP_PROD)], ["b", "b"]);
    // A new account as well.
    world.edit(SHOP_DEV, |seen| seen.functions.clear());
    sweep(&mut world).await;
    assert_eq!(code(&world, SHOP_DEV), "b");
}

#[tokio::test]
async fn a_version_that_names_no_code_has_that_of_the_hub_that_runs() {
    let mut world = World::new().await;
    for release in ["a", "b", "a"] {
        deploy(&mut world, release);
        sweep(&mut world).await;
        assert_eq!(code(&world, SHOP_DEV), release);
    }
}

#[tokio::test]
async fn a_stack_has_a_version_once_its_probes_have_the_code_and_its_status_says_since_when() {
    let mut world = with_a().await;
    deploy(&mut world, "b");
    sweep(&mut world).await;
    let before = world.status(SHOP_DEV).await;
    let since = |status: &phonehome_state::StackStatus| status.probe_code.clone().map(|it| it.code_sha256);
    assert_eq!(since(&before), Some(named("a").code_sha256));
    roll_out(&world, FLEET, "b", &[SHOP_DEV]).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.version), (Phase::Waiting, before.version), "{}", status.message);
    assert_eq!(since(&status), None, "nobody knows which one runs");
    // The update is accepted, and not done yet.
    world.edit(SHOP_DEV, |seen| seen.functions[0].state = FunctionState::Pending);
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, since(&status)), (Phase::Waiting, None), "{}", status.message);
    world.edit(SHOP_DEV, |seen| seen.functions[0].state = FunctionState::Active);
    world.drain().await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.version, since(&status)), (before.version + 1, Some(named("b").code_sha256)));
    let code = status.probe_code.unwrap();
    assert!(code.since_ms > before.probe_code.unwrap().since_ms);
    // It stays so, until somebody changes it by hand.
    sweep(&mut world).await;
    assert_eq!(world.status(SHOP_DEV).await.probe_code, Some(code.clone()));
    world.edit(SHOP_DEV, |seen| seen.functions[0].code_sha256 = "forged".into());
    sweep(&mut world).await;
    assert!(world.status(SHOP_DEV).await.probe_code.unwrap().since_ms > code.since_ms);
}

/// The fleet file with one more check.
fn more_checks() -> String {
    let more = FLEET.replace("egress: [", "egress: [{ host: more.example.com, port: 443 }, ");
    assert_ne!(more, FLEET);
    more
}

fn checks(world: &World, account: &str) -> usize {
    let seen = world.truth(account);
    seen.schedules.iter().map(|it| it.input.as_ref().unwrap().checks.len()).sum()
}

#[tokio::test]
async fn code_that_cannot_be_read_is_deployed_nowhere_nor_is_any_other_and_the_network_is_looked_after() {
    let damaged = |world: &World| {
        let key = Keys::probe_chunk(&named("a").code_sha256, 256 * 1024, 0);
        world.table().put_raw(key, r#"{"base64":"AAAA"}"#);
    };
    for (is_damaged, says) in [(true, "is damaged in the table"), (false, "is not in the table")] {
        let mut world = with_a().await;
        deploy(&mut world, "b");
        match is_damaged {
            true => damaged(&world),
            false => remove(&world, Keys::probe_code(&named("a").code_sha256)).await,
        }
        let before = checks(&world, SHOP_PROD);
        publish_at_once(&world, &more_checks(), "a").await;
        // One of the two has lost its function, and its way out as well.
        world.edit(SHOP_DEV, |seen| {
            seen.functions.remove(0);
            seen.endpoints.clear();
        });
        let left = world.truth(SHOP_DEV);
        sweep(&mut world).await;
        let (dev, seen) = (world.status(SHOP_DEV).await, world.truth(SHOP_DEV));
        assert_eq!(dev.phase, Phase::Failed);
        assert!(dev.message.contains(says) && dev.message.contains("release"), "{}", dev.message);
        assert_ne!(dev.version, world.status(SHOP_PROD).await.version);
        assert_eq!(seen.functions, left.functions, "neither its code nor any other");
        assert_eq!(seen.endpoints.len(), 2, "the network is looked after");
        assert_eq!(code(&world, SHOP_PROD), "a");
        assert_eq!(world.status(SHOP_PROD).await.phase, Phase::Ready);
        assert!(checks(&world, SHOP_PROD) > before, "whose code is as it should be is asked for more");
        sweep(&mut world).await;
        assert_eq!(world.incident_ids_of("failed/").await.len(), 1, "it is told once");
        // Stored again, all is well.
        let again = Keys::probe_code(&named("a").code_sha256);
        if is_damaged {
            remove(&world, again).await;
        }
        store_probes(world.table(), &named("a"), &package("a").zip, 0).await.unwrap();
        sweep(&mut world).await;
        assert_eq!(code(&world, SHOP_DEV), "a");
        assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Ready);
    }
}

#[tokio::test]
async fn that_the_hub_has_newer_code_is_told_once_and_ends_when_a_version_names_it() {
    let mut world = with_a().await;
    assert_eq!(world.notified_of("probes/").await, Vec::<String>::new());
    for release in ["b", "b", "c"] {
        deploy(&mut world, release);
        sweep(&mut world).await;
        sweep(&mut world).await;
    }
    let told = world.notified_of("probes/").await;
    assert_eq!(told.len(), 2, "{told:?}");
    let titles = [named("b"), named("c")].map(|probes| probes.title());
    assert!(told[0].contains(&titles[0]) && told[0].contains("phonehome publish"), "{told:?}");
    assert!(told[1].contains(&titles[1]), "{told:?}");
    roll_out(&world, FLEET, "c", &[SHOP_DEV]).await;
    sweep(&mut world).await;
    assert_eq!(world.notified_of("probes/").await.len(), 2, "somebody does it");
    remove(&world, Keys::rollout()).await;
    let number = base(world.table()).await.unwrap().next() - 1;
    remove(&world, Keys::version(number)).await;
    publish_at_once(&world, FLEET, "c").await;
    sweep(&mut world).await;
    let told = world.notified_of("probes/").await;
    assert!(told.len() == 3 && told[2].contains("names the newest code"), "{told:?}");
    let ids = world.incident_ids_of("probes/").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_version_that_names_no_code_is_told_as_one_that_each_update_of_the_hub_changes() {
    let mut world = World::new().await;
    deploy(&mut world, "a");
    sweep(&mut world).await;
    let told = world.notified_of("probes/").await;
    assert!(told.len() == 1 && told[0].contains("all accounts at once"), "{told:?}");
}

#[tokio::test]
async fn what_keeps_the_code_from_being_stored_keeps_no_account_waiting() {
    let mut world = World::new().await;
    world.table().put_of_schema(Keys::newest_probes(), 99, "{}");
    deploy(&mut world, "a");
    sweep(&mut world).await;
    assert_eq!(code(&world, SHOP_DEV), "a");
    assert_eq!(world.letters(), Vec::<String>::new());
}
