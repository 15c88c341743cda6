//! While a version of the fleet file is rolled out: each account gets its own.

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_fleet::Binding;
use phonehome_state::{Accepted, AcceptedStack, Keys, Phase, PublishedFleet, all, base};
use serde_json::json;

use super::adoption::existing_in;
use super::links::{CONNECTIONS, admitted, joined, peered};
use super::world::{FLEET, FOREIGN, PAYMENTS_DEV, SHOP_DEV, SHOP_PROD, World};

/// Begins to roll out another fleet file, and accepts this with it; nobody's turn has come.
pub(super) async fn roll_out(world: &World, text: &str, stacks: Vec<AcceptedStack>) {
    let over = base(world.table()).await.unwrap();
    let accepted = Accepted { until_ms: u64::MAX, stacks, ..Accepted::default() };
    let published = PublishedFleet {
        text: text.to_owned(),
        number: over.next(),
        over: over.current().map(|it| it.number),
        accepted,
        ..PublishedFleet::default()
    };
    let write = Write::put(Keys::version(published.number), Expect::Absent, &published);
    world.table().write(vec![write]).await.unwrap();
    turn(world, &[]).await;
}

/// The turn of just these accounts has come for the newest version.
pub(super) async fn turn(world: &World, accounts: &[&str]) {
    let over = base(world.table()).await.unwrap();
    let versions = json!({
        "base": over.current().unwrap().number, "target": over.next() - 1, "turned": accounts,
    });
    let doc = world.table().get(&Keys::rollout()).await.unwrap();
    let write =
        Write::put(Keys::rollout(), Expect::unchanged(doc.as_ref()), &json!({ "versions": versions }));
    world.table().write(vec![write]).await.unwrap();
}

pub(super) async fn sweep(world: &mut World) {
    world.wait().await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
}

fn endpoints(world: &World, account: &str) -> usize {
    world.truth(account).endpoints.len()
}

fn one_endpoint() -> String {
    FLEET.replace("[s3, dynamodb]", "[s3]")
}

#[tokio::test]
async fn each_account_gets_what_its_own_version_declares_and_its_status_says_which_it_has() {
    let mut world = World::new().await;
    world.publish(&one_endpoint()).await;
    sweep(&mut world).await;
    roll_out(&world, FLEET, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    sweep(&mut world).await;
    assert_eq!((endpoints(&world, SHOP_DEV), endpoints(&world, SHOP_PROD)), (2, 1));
    let versions = [world.status(SHOP_DEV).await.version, world.status(SHOP_PROD).await.version];
    assert_eq!(versions, [3, 2]);
    turn(&world, &[SHOP_DEV, SHOP_PROD]).await;
    sweep(&mut world).await;
    assert_eq!((endpoints(&world, SHOP_PROD), world.status(SHOP_PROD).await.version), (2, 3));
}

#[tokio::test]
async fn a_stack_has_a_version_once_it_is_as_that_declares_and_not_before() {
    let mut world = World::new().await;
    world.publish(&one_endpoint()).await;
    sweep(&mut world).await;
    roll_out(&world, FLEET, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.version), (Phase::Waiting, 2), "{}", status.message);
    world.drain().await;
    assert_eq!(world.status(SHOP_DEV).await.version, 3);
}

#[tokio::test]
async fn what_was_accepted_with_a_version_serves_those_alone_who_are_to_have_it() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.converge(SHOP_PROD).await;
    let shown = world.shown(&one_endpoint(), &[SHOP_DEV, SHOP_PROD]).await;
    assert!(shown.iter().all(|it| !it.permission.is_empty()));
    roll_out(&world, &one_endpoint(), shown).await;
    turn(&world, &[SHOP_DEV]).await;
    sweep(&mut world).await;
    assert_eq!((endpoints(&world, SHOP_DEV), endpoints(&world, SHOP_PROD)), (1, 2));
    // It is taken back: what went comes back, and what was accepted is over.
    turn(&world, &[]).await;
    sweep(&mut world).await;
    assert_eq!((endpoints(&world, SHOP_DEV), endpoints(&world, SHOP_PROD)), (2, 2));
}

#[tokio::test]
async fn a_connection_is_made_once_both_ends_are_to_have_a_version_that_declares_it() {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.publish(&FLEET.replace(CONNECTIONS, "")).await;
    sweep(&mut world).await;
    roll_out(&world, FLEET, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    sweep(&mut world).await;
    let status = world.status(SHOP_DEV).await;
    assert!(world.truth(SHOP_DEV).peerings.is_empty());
    assert_eq!((status.version, status.connections_ready), (3, true), "it waits for nobody");
    // No sweep: whose turn it is wakes the other end.
    turn(&world, &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.converge(PAYMENTS_DEV).await;
    assert_eq!(peered(&world.truth(SHOP_DEV)), world.status(PAYMENTS_DEV).await.private_subnets);
    assert_eq!(admitted(&world.truth(PAYMENTS_DEV)), world.status(SHOP_DEV).await.private_subnets);
}

#[tokio::test]
async fn a_connection_that_one_end_is_to_have_no_more_is_not_made_again_by_the_other() {
    let mut world = joined().await;
    let cut = FLEET.replace(CONNECTIONS, "");
    let shown = world.shown(&cut, &[SHOP_DEV, PAYMENTS_DEV]).await;
    roll_out(&world, &cut, shown).await;
    turn(&world, &[PAYMENTS_DEV]).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    let live = |account| peered(&world.truth(account)).len();
    assert_eq!((live(SHOP_DEV), live(PAYMENTS_DEV)), (0, 0));
    assert_eq!(world.truth(SHOP_DEV).peerings.len(), 1, "it was not asked for again");
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.assert_ready(account).await;
    }
}

#[tokio::test]
async fn an_account_of_the_new_version_alone_is_bound_and_left_alone_until_its_turn() {
    let mut world = World::new().await;
    let domain = "  - name: ledger\n";
    let new = format!(
        "  - name: new\n    owner: team-new\n    environments: [{{ name: dev, account_name: somebody-elses }}]\n{domain}"
    );
    let text = FLEET.replace(domain, &new);
    roll_out(&world, &text, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    world.converge(FOREIGN).await;
    sweep(&mut world).await;
    assert!(world.status_in(FOREIGN, "us-east-1").await.is_none());
    assert!(world.truth(FOREIGN).vpcs.is_empty());
    let bound = all::<Binding>(world.table(), Keys::BINDINGS).await.unwrap();
    assert!(bound.iter().any(|(_, it)| it.account == FOREIGN && it.line.as_str() == "new/dev"));
    assert_eq!(world.notified_of("unlisted/").await, Vec::<String>::new());
    turn(&world, &[SHOP_DEV, FOREIGN]).await;
    sweep(&mut world).await;
    world.assert_ready(FOREIGN).await;
    assert_eq!(world.status(FOREIGN).await.version, 2);
}

#[tokio::test]
async fn an_account_whose_version_no_longer_has_it_is_left_alone_and_not_orphaned_before_that_is_in_force() {
    let mut world = World::new().await;
    sweep(&mut world).await;
    let text =
        FLEET.replace("environments: [{ name: dev }, { name: prod }]", "environments: [{ name: dev }]");
    roll_out(&world, &text, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    sweep(&mut world).await;
    assert_eq!(world.status(SHOP_PROD).await.version, 1, "its turn has not come");
    let told = world.notified_of("unlisted/").await.len();
    let changes = world.changes(SHOP_PROD, "us-east-1");
    turn(&world, &[SHOP_DEV, SHOP_PROD]).await;
    sweep(&mut world).await;
    assert_eq!(world.notified_of("unlisted/").await.len(), told, "it was a line, and may be one again");
    assert_eq!(world.notified_of("orphaned/").await.len(), 0, "the roll-out may be taken back");
    assert_eq!(world.changes(SHOP_PROD, "us-east-1"), changes, "its network stays as it is");
    let letters = world.letters().len();
    world.send(json!({"reconcile": {"account": SHOP_PROD, "release": "remove"}})).await;
    assert_eq!(world.letters().len(), letters + 1, "the roll-out may be taken back: {:?}", world.letters());
}

#[tokio::test]
async fn a_line_that_the_new_version_renames_is_the_same_account_also_when_that_is_taken_back() {
    let mut world = World::new().await;
    sweep(&mut world).await;
    let block = world.status(SHOP_DEV).await.cidr;
    let text = FLEET
        .replace("  - name: shop\n", "  - name: store\n    renamed_from: shop\n")
        .replace("{ from: shop, to: payments", "{ from: store, to: payments");
    roll_out(&world, &text, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    sweep(&mut world).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.domain.as_str(), status.version), ("store", 2));
    turn(&world, &[SHOP_PROD]).await;
    sweep(&mut world).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.domain.as_str(), status.version, status.cidr), ("shop", 1, block));
    assert_eq!(world.status(SHOP_PROD).await.domain, "store");
    assert_eq!(world.letters(), Vec::<String>::new());
}

#[tokio::test]
async fn no_account_gets_a_block_that_a_version_in_use_has_for_others() {
    let mut world = World::new().await;
    // What is of nobody yet is shared out anew: the lower half of what prod has becomes dev's.
    let text = FLEET
        .replace("cidr: 10.0.0.0/12, block: 18", "cidr: 10.16.0.0/13, block: 18")
        .replace(
            "{ name: prod, region: us-east-1, cidr: 10.16.0.0/12",
            "{ name: prod, region: us-east-1, cidr: 10.24.0.0/13",
        )
        .replace("nonprod", "fresh");
    roll_out(&world, &text, vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    world.converge(SHOP_DEV).await;
    let letters = world.letters().join("\n");
    assert!(letters.contains("10.16.0.0/12 for others, by a version that is in use"), "{letters}");
    world.converge(SHOP_PROD).await;
    let claims = world.claims().await;
    let of_prod = claims.iter().find(|it| it.account == SHOP_PROD && it.region == "us-east-1").unwrap();
    assert_eq!(of_prod.cidr.to_string(), "10.24.0.0/18", "the lower half is dev's by the new version");
}

#[tokio::test]
async fn the_addresses_of_a_vpc_that_the_new_version_adopts_are_given_to_nobody_meanwhile() {
    let mut world = World::new().await;
    let id = existing_in(&world, FOREIGN);
    let domain = "  - name: ledger\n";
    let new = format!(
        "  - name: new\n    owner: team-new\n    environments: [{{ name: dev, account_name: somebody-elses, adopt: {id} }}]\n{domain}"
    );
    // 10.200.0.0/18 is the first block of this pool.
    let pools = FLEET.replace("cidr: 10.0.0.0/12", "cidr: 10.200.0.0/16");
    world.publish(&pools).await;
    roll_out(&world, &pools.replace(domain, &new), vec![]).await;
    turn(&world, &[SHOP_PROD]).await;
    world.converge(FOREIGN).await;
    world.converge(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.cidr.to_string(), "10.200.64.0/18");
}
