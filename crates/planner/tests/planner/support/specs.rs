//! What is declared in the tests.

use phonehome_fleet::Nat;
use phonehome_planner::{Features, Home, LinkSpec, ProbeSpec, StackSpec};
use phonehome_wire::{Check, CheckId, CheckKind, Expect, Purpose, TRIES_DEFAULT, Target};
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const ZONES: [&str; 6] = ["use1-az1", "use1-az2", "use1-az3", "use1-az4", "use1-az5", "use1-az6"];
pub(crate) const SHOP: &str = "444455556666";
pub(crate) const PAY: &str = "777788889999";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "arn:aws:s3:::flow-logs-222222222222";

/// Subnets, gateways and routes, and nothing beside them.
pub(crate) fn spec(zones: &[&str], nat: Nat) -> StackSpec {
    let mut spec = whole(zones, nat);
    (spec.features, spec.probe) = (Features::default(), None);
    spec
}

/// Three zones, a NAT gateway in each.
pub(crate) fn plain() -> StackSpec {
    spec(&ZONES[..3], Nat::PerAz)
}

/// Everything a stack can have: closed, DNS, endpoints, a flow log, probes with two checks.
pub(crate) fn full(zones: &[&str], nat: Nat) -> StackSpec {
    let mut spec = whole(zones, nat);
    spec.features.flow_logs_to = Some(BUCKET.to_owned());
    spec
}

/// [`full()`] in three zones, a NAT gateway in each.
pub(crate) fn usual() -> StackSpec {
    full(&ZONES[..3], Nat::PerAz)
}

fn whole(zones: &[&str], nat: Nat) -> StackSpec {
    let home = Home {
        account: SHOP.parse().unwrap(),
        region: REGION.parse().unwrap(),
        cidr: "10.0.64.0/18".parse().unwrap(),
    };
    let fleet = fleet(zones, nat);
    StackSpec::of(&fleet, &fleet.members()[0], home, Some(probe_spec(2)), vec![]).unwrap()
}

/// The stack of the account that the shop's account is linked with.
pub(crate) fn peer() -> StackSpec {
    let home = Home {
        account: PAY.parse().unwrap(),
        region: REGION.parse().unwrap(),
        cidr: "10.1.0.0/18".parse().unwrap(),
    };
    let fleet = fleet(&ZONES[..3], Nat::PerAz);
    let mut spec = StackSpec::of(&fleet, &fleet.members()[1], home, None, vec![]).unwrap();
    spec.features.endpoints.clear();
    spec
}

pub(crate) fn fleet(zones: &[&str], nat: Nat) -> phonehome_fleet::Fleet {
    let nat = phonehome_planner::price::nat_name(nat);
    let text = include_str!("fleet.yaml").replace("ZONES", &zones.join(", ")).replace("NAT", nat);
    phonehome_fleet::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A link as `here` declares it: towards `there`, whose VPC is known or not.
pub(crate) fn link(there: &StackSpec, vpc: Option<&str>, requester: bool, inbound: &[u16]) -> LinkSpec {
    LinkSpec {
        peer_name: there.account_name.clone(),
        peer_account: Some(there.account.clone()),
        peer_region: there.region.clone(),
        peer_vpc: vpc.map(str::to_owned),
        peer_cidrs: vec![there.cidr],
        peer_subnets: there.zones.iter().map(|zone| zone.private).collect(),
        requester,
        inbound: inbound.to_vec(),
    }
}

pub(crate) fn probe_spec(checks: usize) -> ProbeSpec {
    ProbeSpec {
        checks: (0..checks).map(check).collect(),
        generation: 7,
        code_sha256: "mJ4Jd1GnzkCgkXh3yJv3h1cGk3nBvK0fTq2S8wUe1aA=".into(),
        authorities: None,
        no_code: None,
        architecture: "arm64".into(),
        role_arn: "arn:aws:iam::444455556666:role/phonehome-probe".into(),
        schedule_role_arn: "arn:aws:iam::444455556666:role/phonehome-schedule".into(),
        bus_arn: "arn:aws:events:us-east-1:444455556666:event-bus/phonehome".into(),
        log_group: "/phonehome/probe".into(),
        memory_mb: 256,
        timeout_s: 30,
    }
}

pub(crate) fn check(number: usize) -> Check {
    let host = format!("host-{number}.example.com");
    Check {
        id: CheckId(format!("egress/{host}/443")),
        target: Target { endpoint: format!("{host}:443"), account: None },
        kind: CheckKind::Tcp { host, port: 443 },
        expect: Expect::Connect,
        purpose: Purpose::Egress,
        timeout_ms: 3000,
        control: None,
        every_minutes: 1,
        tries: TRIES_DEFAULT,
    }
}

/// Any mode, one to four zones, plain or with everything.
pub(crate) fn specs() -> impl Strategy<Value = StackSpec> {
    let nat = select(vec![Nat::PerAz, Nat::Single, Nat::Regional, Nat::None]);
    (1..=4usize, nat, any::<bool>()).prop_map(|(zones, nat, everything)| {
        if everything { full(&ZONES[..zones], nat) } else { spec(&ZONES[..zones], nat) }
    })
}

/// What was declared and what is declared now: another mode, other zones. Probes do not come and go.
pub(crate) fn changes() -> impl Strategy<Value = (StackSpec, StackSpec)> {
    (specs(), specs()).prop_map(|(old, mut new)| {
        (new.probe, new.features) = (old.probe.clone(), old.features.clone());
        (old, new)
    })
}
