//! The networks that are measured.

use anyhow::{Context as _, Result};
use phonehome_planner::{Features, Home, StackSpec};

/// One domain in one environment, three zones that moto knows, a NAT gateway in each.
const FLEET: &str = r##"
version: 1
organization: {id: o-a1b2c3d4e5, management_account: "111111111111", hub_account: "222222222222"}
regions: [{name: us-east-1, availability_zones: [use1-az1, use1-az2, use1-az4]}]
address_pools: [{name: all, region: us-east-1, cidr: 10.0.0.0/8, block: 18}]
environments: [{name: prod, pools: [all], nat: per-az}]
domains: [{name: shop, owner: team, environments: [prod]}]
network: {flow_logs_bucket: phonehome-flow-logs}
alert_routes: [{slack_channel: "#net"}]
"##;

/// Where the full stack's flow log goes.
pub(crate) const BUCKET: &str = "phonehome-flow-logs";

/// The plain stack: a VPC, three public and three private subnets, an internet gateway, three elastic
/// IPs, three NAT gateways, four route tables with their routes and associations.
pub(crate) fn plain(account: &str) -> Result<StackSpec> {
    Ok(StackSpec { features: Features::default(), ..full(account)? })
}

/// The plain stack with DNS, closed defaults, two gateway endpoints and a flow log. Without probes:
/// they are not EC2's.
pub(crate) fn full(account: &str) -> Result<StackSpec> {
    let fleet = phonehome_fleet::parse(FLEET).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let member = fleet.members().into_iter().next().context("the fleet has a member")?;
    let home = Home { account: account.parse()?, region: "us-east-1".parse()?, cidr: "10.0.0.0/18".parse()? };
    Ok(StackSpec::of(&fleet, &member, home, None, vec![])?)
}
