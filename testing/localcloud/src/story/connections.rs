//! Declared connections become peerings, and default VPCs go.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use phonehome_localcloud::{LocalCloud, Network, Peering, Place, REGION};

use super::cast::Cast;
use super::narrator::Narrator;

/// The shop may open what it declared at payments, in prod and in dev, and nowhere else.
pub(crate) async fn are_peerings(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    for environment in ["dev", "prod"] {
        let (shop, payments) = (format!("shop-{environment}"), format!("payments-{environment}"));
        let (from, to) = (cast.id(&shop)?, cast.id(&payments)?);
        let is_whole = |network: &Network| {
            let peering = active(network, from, to)?;
            let routed = destinations(network, &peering.id).len() == 3;
            routed.then(|| (peering.clone(), network.clone()))
        };
        let (there, target) = local_cloud
            .wait_for_network(to, &format!("the peering in {payments}"), cast.patience, is_whole)
            .await?;
        let (here, source) = local_cloud
            .wait_for_network(from, &format!("the peering in {shop}"), cast.patience, is_whole)
            .await?;
        ensure!(here.id == there.id, "{shop} has {here:?} and {payments} {there:?}");
        narrator.say(&format!(
            "{shop} → {payments}, as declared: {} is {}, asked for by {shop} and accepted by {payments}",
            here.id, here.state
        ));
        if environment == "prod" {
            narrator.quote(&routes(&shop, &source, &here));
            narrator.quote(&routes(&payments, &target, &here));
            let lets_in = inbound(&target);
            ensure!(lets_in.len() == 3, "{payments} lets in {lets_in:?}");
            narrator.quote(&format!("{payments}: security group phonehome-inbound lets in"));
            narrator.quote(&lets_in.iter().map(|rule| format!("  {rule}")).collect::<Vec<_>>().join("\n"));
        }
        let ledger = local_cloud.network(cast.id(&format!("ledger-{environment}"))?).await?;
        let with_shop = |it: &&Peering| it.requester == from || it.accepter == from;
        let between: Vec<&Peering> = ledger.peerings.iter().filter(with_shop).collect();
        ensure!(between.is_empty(), "{shop} declares no connection to ledger: {between:?}");
    }
    narrator.say("shop declares no connection to ledger, and there is no peering between them");
    Ok(())
}

/// AWS puts a VPC into every Region of a new account, all with the same addresses.
pub(crate) async fn default_vpcs_go(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    let (mut regions, start) = (0, Instant::now());
    for member in &cast.members {
        let place = Place::new(&member.id, REGION);
        let mut seen = local_cloud.control.default_vpcs(&place).await?;
        while !seen.with_default_vpc.is_empty() {
            ensure!(start.elapsed() < cast.patience, "{} still has default VPCs: {seen:?}", member.name);
            tokio::time::sleep(Duration::from_millis(200)).await;
            seen = local_cloud.control.default_vpcs(&place).await?;
        }
        regions += seen.regions.len();
    }
    narrator.say(&format!(
        "the default VPCs that AWS puts into new accounts are gone from all {regions} Regions of the accounts"
    ));
    Ok(())
}

fn active<'n>(network: &'n Network, from: &str, to: &str) -> Option<&'n Peering> {
    let is_it = |it: &&Peering| it.state == "active" && it.requester == from && it.accepter == to;
    network.peerings.iter().find(is_it)
}

/// Where a peering's routes lead to: the other side's private subnets.
fn destinations<'a>(network: &'a Network, peering: &str) -> BTreeSet<&'a str> {
    let routes = network.route_tables.iter().flat_map(|table| &table.routes);
    routes.filter(|route| route.target == peering).map(|route| route.destination.as_str()).collect()
}

fn routes(name: &str, network: &Network, peering: &Peering) -> String {
    let tables = network.route_tables.iter();
    let tables = tables.filter(|table| table.routes.iter().any(|route| route.target == peering.id)).count();
    let destinations: Vec<&str> = destinations(network, &peering.id).into_iter().collect();
    format!("{name}: {tables} private route tables lead {} to it", destinations.join(", "))
}

/// The rules for declared connections.
fn inbound(network: &Network) -> Vec<String> {
    let groups = network.security_groups.iter();
    let mut rules: Vec<String> = groups
        .filter(|group| group.name.contains("inbound"))
        .flat_map(|group| group.lets_in.clone())
        .collect();
    rules.sort();
    rules
}
