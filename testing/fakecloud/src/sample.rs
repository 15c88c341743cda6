//! Specs of stacks, for tests and measurements.

use ipnet::Ipv4Net;
use phonehome_fleet::Nat;
use phonehome_fleet::addresses::{LayoutError, Tier, layout};
use phonehome_network::Tags;
use phonehome_planner::{Features, History, LinkSpec, ProbeSpec, StackSpec, ZoneSpec};
use phonehome_wire::{Check, CheckId, CheckKind, Expect, Purpose, TRIES_DEFAULT, Target};

/// The Region of every sample.
pub const REGION: &str = "us-east-1";
/// The zones of every sample: AWS has them in us-east-1, and so does moto.
pub const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az4"];

/// Subnets, gateways and routes in three zones, with a NAT gateway in each, and nothing else.
///
/// # Errors
/// When the block cannot be cut into subnets: it must be from /16 to /23.
///
/// # Panics
/// When the account's id is none.
pub fn plain(account: &str, name: &str, cidr: Ipv4Net) -> Result<StackSpec, LayoutError> {
    let az_ids = ZONES.map(|zone| zone.parse().unwrap());
    let subnets = layout(cidr, &az_ids)?;
    let zones = az_ids.iter().filter_map(|az_id| {
        let of = |tier| subnets.iter().find(|it| it.az_id == *az_id && it.tier == tier).map(|it| it.cidr);
        let (public, private) = (of(Tier::Public)?, of(Tier::Private)?);
        Some(ZoneSpec { az_id: az_id.clone(), public, private, nat_az_id: Some(az_id.clone()) })
    });
    Ok(StackSpec {
        account: account.parse().expect("an account id"),
        account_name: name.to_owned(),
        region: REGION.parse().unwrap(),
        cidr,
        zones: zones.collect(),
        nat: Nat::PerAz,
        features: Features::default(),
        links: vec![],
        adopt: None,
        probe: None,
        tags: Tags::from([("phonehome:environment".to_owned(), "prod".to_owned())]),
        history: History::default(),
    })
}

/// The same with everything that a stack can have: DNS, what AWS made closed, gateway endpoints, a
/// flow log, probes. It has no links.
///
/// # Errors
/// As [`plain`].
///
/// # Panics
/// As [`plain`].
pub fn full(account: &str, name: &str, cidr: Ipv4Net) -> Result<StackSpec, LayoutError> {
    let features = Features {
        dns: true,
        hardening: true,
        endpoints: vec!["s3".to_owned(), "dynamodb".to_owned()],
        flow_logs_to: Some("arn:aws:s3:::phonehome-flow-logs".to_owned()),
    };
    Ok(StackSpec { features, probe: Some(probe(account)), ..plain(account, name, cidr)? })
}

/// A link from one spec to another, whose VPC is known or not yet.
pub fn link(to: &StackSpec, peer_vpc: Option<String>, requester: bool) -> LinkSpec {
    LinkSpec {
        peer_name: to.account_name.clone(),
        peer_account: Some(to.account.clone()),
        peer_region: to.region.clone(),
        peer_vpc,
        peer_cidrs: vec![to.cidr],
        peer_subnets: to.zones.iter().map(|zone| zone.private).collect(),
        requester,
        inbound: if requester { vec![] } else { vec![443] },
    }
}

/// Probes with one check.
fn probe(account: &str) -> ProbeSpec {
    let check = Check {
        id: CheckId("egress/example.com/443".to_owned()),
        target: Target { endpoint: "example.com:443".to_owned(), account: None },
        kind: CheckKind::Tcp { host: "example.com".to_owned(), port: 443 },
        expect: Expect::Connect,
        purpose: Purpose::Egress,
        timeout_ms: 3000,
        control: None,
        every_minutes: 1,
        tries: TRIES_DEFAULT,
    };
    ProbeSpec {
        checks: vec![check],
        generation: 1,
        code_sha256: "mJ4Jd1GnzkCgkXh3yJv3h1cGk3nBvK0fTq2S8wUe1aA=".to_owned(),
        authorities: None,
        no_code: None,
        architecture: "arm64".to_owned(),
        role_arn: format!("arn:aws:iam::{account}:role/phonehome-probe"),
        schedule_role_arn: format!("arn:aws:iam::{account}:role/phonehome-schedule"),
        bus_arn: format!("arn:aws:events:{REGION}:{account}:event-bus/phonehome"),
        log_group: "/phonehome/probe".to_owned(),
        memory_mb: 256,
        timeout_s: 30,
    }
}
