//! Which member an account is: names are not identities.

use ipnet::Ipv4Net;
use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_fleet::{Binding, Line};
use phonehome_network::{Inventory, PeeringState, Tagged as _, Tags, Vpc};
use phonehome_state::{Keys, Seen, all, audit, bind};
use phonehome_state::{Phase, StackStatus};
use serde_json::json;

use super::world::{FLEET, PAYMENTS_DEV, REGION, SHOP_DEV, SHOP_PROD, World};

/// Has a higher id than every member, and somebody's name.
pub(super) const IMPOSTOR: &str = "999988887777";

async fn joined() -> World {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    for account in [SHOP_DEV, PAYMENTS_DEV, SHOP_DEV, PAYMENTS_DEV] {
        world.converge(account).await;
    }
    assert!(world.status(SHOP_DEV).await.connections_ready);
    world
}

async fn sweep(world: &mut World) {
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
}

/// Line and account of every binding.
async fn bound(world: &World) -> Vec<(String, String)> {
    let bindings = all::<Binding>(world.table(), Keys::BINDINGS).await.unwrap();
    let inverse = all::<Binding>(world.table(), Keys::BOUND_ACCOUNTS).await.unwrap();
    let mut accounts: Vec<Binding> = inverse.into_iter().map(|(_, it)| it).collect();
    accounts.sort_by(|a, b| a.line.cmp(&b.line));
    let lines: Vec<Binding> = bindings.into_iter().map(|(_, it)| it).collect();
    assert_eq!(lines, accounts, "the two views are one");
    lines.into_iter().map(|it| (it.line.to_string(), it.account.to_string())).collect()
}

/// As it was before there were bindings.
async fn forget_bindings(world: &World) {
    for partition in [Keys::BINDINGS, Keys::BOUND_ACCOUNTS] {
        for doc in world.table().query(partition).await.unwrap() {
            let write = Write::delete(doc.key, Expect::Version(doc.version));
            world.table().write(vec![write]).await.unwrap();
        }
    }
}

async fn stacks(world: &World) -> Vec<StackStatus> {
    let stacks = all::<StackStatus>(world.table(), Keys::STACKS).await.unwrap();
    stacks.into_iter().map(|(_, status)| status).collect()
}

fn live_peerings(world: &World, account: &str) -> Vec<String> {
    let peerings = world.truth(account).peerings.into_iter();
    peerings.filter(|it| it.state == PeeringState::Active).map(|it| it.id).collect()
}

fn routes(world: &World, account: &str) -> usize {
    world.truth(account).route_tables.iter().map(|table| table.routes.len()).sum()
}

#[tokio::test]
async fn a_renamed_account_is_looked_after_by_its_id_and_its_new_name_is_reported_once() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    let before = routes(&world, SHOP_PROD);
    world.account(SHOP_PROD, "shop <!channel> production", true, None);
    for _ in 0..2 {
        sweep(&mut world).await;
    }
    world.edit(SHOP_PROD, |seen| seen.route_tables.iter_mut().for_each(|table| table.routes.clear()));
    world.converge(SHOP_PROD).await;
    assert_eq!(routes(&world, SHOP_PROD), before, "what was damaged is repaired");
    let notified: Vec<String> =
        world.notified_of("identity/").await.into_iter().filter(|it| it.contains("is now called")).collect();
    assert_eq!(notified.len(), 1, "{notified:?}");
    assert!(notified[0].contains(SHOP_PROD) && notified[0].contains("#net-prod"), "{notified:?}");
    assert!(
        notified[0].contains("shop &lt;!channel&gt; production") && !notified[0].contains("<!channel>"),
        "{notified:?}"
    );
    assert_eq!(bound(&world).await[1], ("shop/prod".to_owned(), SHOP_PROD.to_owned()));
}

#[tokio::test]
async fn a_second_account_of_a_name_gets_nothing_and_takes_nothing() {
    for is_upgrade in [false, true] {
        let mut world = joined().await;
        let peerings = live_peerings(&world, SHOP_DEV);
        if is_upgrade {
            forget_bindings(&world).await;
        }
        world.account(IMPOSTOR, "payments-dev", true, None);
        for account in [IMPOSTOR, SHOP_DEV, IMPOSTOR, PAYMENTS_DEV] {
            world.converge(account).await;
        }
        sweep(&mut world).await;
        assert_eq!(live_peerings(&world, SHOP_DEV), peerings, "{is_upgrade}");
        assert!(stacks(&world).await.iter().all(|it| it.account != IMPOSTOR));
        assert!(world.claims().await.iter().all(|it| it.account != IMPOSTOR));
        assert!(world.truth(IMPOSTOR).vpcs.is_empty());
        let notified = world.notified_of("identity/").await;
        assert_eq!(notified.len(), 1, "{notified:?}");
        assert!(
            notified[0].contains(PAYMENTS_DEV)
                && notified[0].contains(IMPOSTOR)
                && notified[0].contains("#net-dev")
        );
        assert_eq!(bound(&world).await[0], ("payments/dev".to_owned(), PAYMENTS_DEV.to_owned()));
        world.assert_ready(PAYMENTS_DEV).await;
    }
}

#[tokio::test]
async fn of_two_accounts_of_one_name_that_were_never_met_neither_is_taken() {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.account(IMPOSTOR, "payments-dev", true, None);
    for account in [IMPOSTOR, PAYMENTS_DEV] {
        world.converge(account).await;
    }
    sweep(&mut world).await;
    assert!(stacks(&world).await.iter().all(|it| it.domain != "payments"));
    let notified = world.notified_of("identity/").await;
    assert!(
        notified.len() == 1 && notified[0].contains(PAYMENTS_DEV) && notified[0].contains(IMPOSTOR),
        "{notified:?}"
    );
    // Put right, it is bound without anybody's doing; should it come back, it is reported again.
    world.account(IMPOSTOR, "other", true, None);
    sweep(&mut world).await;
    world.assert_ready(PAYMENTS_DEV).await;
    world.account(IMPOSTOR, "payments-dev", true, None);
    sweep(&mut world).await;
    assert_eq!(world.notified_of("identity/").await.len(), 2);
}

#[tokio::test]
async fn of_two_stacks_of_one_line_neither_changes_and_their_peers_keep_what_they_have() {
    let mut world = joined().await;
    forget_bindings(&world).await;
    // An older phonehome made both.
    let mut twin = world.status(PAYMENTS_DEV).await;
    (twin.account, twin.vpc_id) = (IMPOSTOR.parse().unwrap(), Some("vpc-0000000000000dead".to_owned()));
    let write =
        Write::put(Keys::stack(&format!("{IMPOSTOR}/{REGION}").parse().unwrap()), Expect::Absent, &twin);
    world.table().write(vec![write]).await.unwrap();
    world.account(IMPOSTOR, "payments-dev", true, None);
    let before = [SHOP_DEV, PAYMENTS_DEV].map(|account| world.truth(account));
    for account in [PAYMENTS_DEV, IMPOSTOR, SHOP_DEV] {
        world.converge(account).await;
    }
    sweep(&mut world).await;
    assert_eq!([SHOP_DEV, PAYMENTS_DEV].map(|account| world.truth(account)), before);
    let notified = world.notified_of("identity/").await;
    assert!(
        notified.len() == 1 && notified[0].contains(PAYMENTS_DEV) && notified[0].contains(IMPOSTOR),
        "{notified:?}"
    );
    // Once somebody has said which it is, its peers go on with that one.
    let line = Line::new("payments", "dev");
    assert!(bind(world.table(), &line, &PAYMENTS_DEV.parse().unwrap(), "payments-dev", 0).await.unwrap());
    for account in [SHOP_DEV, PAYMENTS_DEV, IMPOSTOR] {
        world.converge(account).await;
    }
    assert_eq!([SHOP_DEV, PAYMENTS_DEV].map(|account| world.truth(account)), before);
    world.assert_ready(SHOP_DEV).await;
    assert!(world.status(SHOP_DEV).await.connections_ready);
}

#[tokio::test]
async fn an_account_that_takes_another_lines_name_stays_what_it_is() {
    let mut world = joined().await;
    world.account(SHOP_DEV, "shop-prod", true, None);
    world.account(SHOP_PROD, "shop-dev", true, None);
    world.converge(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.environment, "dev");
    sweep(&mut world).await;
    assert_eq!(world.status(SHOP_DEV).await.environment, "dev");
    assert!(world.notified_of("identity/").await.iter().any(|it| it.contains("is now called")));
}

#[tokio::test]
async fn a_closed_account_frees_its_line_and_keeps_its_block() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let block = world.status(SHOP_DEV).await.cidr;
    world.account(SHOP_DEV, "shop-dev", false, None);
    world.account(IMPOSTOR, "shop-dev", true, None);
    world.converge(IMPOSTOR).await;
    assert!(world.status_in(IMPOSTOR, REGION).await.is_none(), "not before it is freed");
    sweep(&mut world).await;
    sweep(&mut world).await;
    world.assert_ready(IMPOSTOR).await;
    assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Gone);
    assert_ne!(world.status(IMPOSTOR).await.cidr, block);
    assert_eq!(bound(&world).await[0], ("shop/dev".to_owned(), IMPOSTOR.to_owned()));
}

#[tokio::test]
async fn a_line_that_is_renamed_in_the_file_keeps_its_network_and_its_peerings() {
    let mut world = joined().await;
    let ids = |world: &World| {
        let of = |account| {
            let seen = world.truth(account);
            let tables = seen.route_tables.into_iter().map(|it| (it.id, it.routes));
            (seen.vpcs.into_iter().map(|it| it.id).collect::<Vec<_>>(), tables.collect::<Vec<_>>())
        };
        ([of(SHOP_DEV), of(PAYMENTS_DEV)], live_peerings(world, SHOP_DEV))
    };
    let (before, status) = (ids(&world), world.status(SHOP_DEV).await);
    let text = FLEET
        .replace("  - name: shop\n", "  - name: store\n    renamed_from: shop\n")
        .replace("{ from: shop", "{ from: store");
    world.publish(&text).await;
    sweep(&mut world).await;
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.converge(account).await;
        world.assert_ready(account).await;
        assert!(world.status(account).await.connections_ready, "{account}");
    }
    let now = world.status(SHOP_DEV).await;
    assert_eq!((now.domain.as_str(), now.cidr, now.vpc_id), ("store", status.cidr, status.vpc_id));
    assert!(now.generation > status.generation);
    assert_eq!(ids(&world), before, "nothing but tags has changed");
    assert!(world.truth(SHOP_DEV).vpcs.iter().all(|it| it.tags["phonehome:domain"] == "store"));
    let lines = bound(&world).await;
    assert!(lines.contains(&("store/dev".to_owned(), SHOP_DEV.to_owned())), "{lines:?}");
    assert!(lines.iter().all(|(line, _)| !line.starts_with("shop/")), "{lines:?}");
    assert!(
        world.notified_of("drift/").await.iter().all(|it| !it.contains("drifted")),
        "{:?}",
        world.notified().await
    );
}

#[tokio::test]
async fn a_name_that_is_corrected_in_the_file_makes_no_second_peering() {
    let mut world = joined().await;
    let before = live_peerings(&world, SHOP_DEV);
    world.account(PAYMENTS_DEV, "payments-development", true, None);
    sweep(&mut world).await;
    let entry = "    owner: team-payments\n    environments: [{ name: dev";
    assert!(FLEET.contains(entry));
    world.publish(&FLEET.replace(entry, &format!("{entry}, account_name: payments-development"))).await;
    for _ in 0..2 {
        sweep(&mut world).await;
    }
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.assert_ready(account).await;
        assert!(world.status(account).await.connections_ready, "{account}");
        assert_eq!(live_peerings(&world, account), before);
        assert_eq!(world.truth(account).peerings.len(), 1);
    }
}

#[tokio::test]
async fn a_decommission_frees_the_line_and_the_account() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let text = FLEET.replace("[{ name: dev }, { name: prod }]", "[{ name: prod }]");
    world.publish(&text.replace(super::links::CONNECTIONS, "")).await;
    sweep(&mut world).await;
    assert!(bound(&world).await.iter().any(|(_, account)| account == SHOP_DEV), "its stack stands");
    world.wait().await;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "release": "remove"}})).await;
    world.drain().await;
    assert!(world.status_in(SHOP_DEV, REGION).await.is_none());
    assert!(bound(&world).await.iter().all(|(_, account)| account != SHOP_DEV));
}

#[tokio::test]
async fn a_vpc_that_another_account_shares_is_not_its_own() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    world.converge(SHOP_DEV).await;
    let theirs = world.truth(SHOP_PROD);
    let is_ours = |vpc: &&Vpc| vpc.address().is_some();
    let vpc = theirs.vpcs.iter().find(is_ours).unwrap().clone();
    // The participant sees VPC, subnets and route tables, without the owner's tags.
    world.edit(SHOP_DEV, |seen: &mut Inventory| {
        seen.vpcs.push(Vpc { tags: Tags::new(), ..vpc.clone() });
        seen.subnets.extend(theirs.subnets.iter().map(|it| {
            let mut shared = it.clone();
            shared.tags.clear();
            shared
        }));
        seen.route_tables.extend(theirs.route_tables.iter().map(|it| {
            let mut shared = it.clone();
            shared.tags.clear();
            shared
        }));
    });
    let changes = world.changes(SHOP_DEV, REGION);
    for account in [SHOP_DEV, SHOP_PROD] {
        world.converge(account).await;
        world.assert_ready(account).await;
    }
    assert_eq!(world.changes(SHOP_DEV, REGION), changes, "nothing of it is touched");
    let seen: Vec<Seen> =
        all::<Seen>(world.table(), Keys::SEEN).await.unwrap().into_iter().map(|(_, it)| it).collect();
    assert!(seen.iter().all(|it| it.account == SHOP_PROD || it.vpcs.iter().all(|it| it.vpc_id != vpc.id)));
    assert_eq!(audit(&world.claims().await, &seen, &[], u64::MAX / 2), []);
}

#[tokio::test]
async fn adopted_networks_with_the_same_addresses_are_kept_apart_and_everything_else_goes_on() {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    let block: Ipv4Net = "10.200.0.0/18".parse().unwrap();
    let ids = [SHOP_DEV, PAYMENTS_DEV].map(|account| super::adoption::existing_in(&world, account));
    let text = FLEET
        .replacen(
            "environments: [{ name: dev }, ",
            &format!("environments: [{{ name: dev, adopt: {} }}, ", ids[0]),
            1,
        )
        .replacen(
            "environments: [{ name: dev }]",
            &format!("environments: [{{ name: dev, adopt: {} }}]", ids[1]),
            1,
        );
    world.publish(&text).await;
    for account in [SHOP_DEV, PAYMENTS_DEV, SHOP_DEV] {
        world.converge(account).await;
        world.assert_ready(account).await;
        let status = world.status(account).await;
        assert_eq!(status.cidr, block);
    }
    for (account, other) in [(SHOP_DEV, PAYMENTS_DEV), (PAYMENTS_DEV, SHOP_DEV)] {
        let status = world.status(account).await;
        assert!(!status.connections_ready);
        let refused = status.withheld.iter().find(|it| it.starts_with("peering/")).unwrap();
        assert!(refused.contains(account) && refused.contains(other), "{refused}");
        assert!(world.truth(account).peerings.is_empty());
    }
    world.converge(SHOP_PROD).await;
    let claims = world.claims().await;
    assert_eq!(claims.iter().filter(|it| it.cidr == block).count(), 2);
    let given = claims.iter().filter(|it| !it.is_adopted());
    assert!(given.into_iter().all(|it| !it.cidr.contains(&block) && !block.contains(&it.cidr)));
}

#[tokio::test]
async fn that_an_account_is_called_otherwise_is_reported_when_it_is_observed_and_not_only_by_a_sweep() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("identity/").await, Vec::<String>::new());
    world.account(SHOP_DEV, "shop-renamed", true, None);
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let told = world.notified_of("identity/").await;
    assert!(told.len() == 1 && told[0].contains("shop-renamed"), "{told:?}");
    world.assert_ready(SHOP_DEV).await;
}
