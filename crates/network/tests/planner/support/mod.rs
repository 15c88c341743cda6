//! Specs, worlds and questions that the tests share.

mod aws;
mod foreign;
mod loss;
mod shape;

pub(crate) use aws::apply;
pub(crate) use foreign::{add_foreign, foreign_in};
pub(crate) use loss::{Loss, lose};
pub(crate) use shape::{shape, shuffled};

use phonehome_fleet::Nat;
use phonehome_network::{Action, Address, Inventory, Plan, ProbeSpec, StackSpec, Step, plan};
use phonehome_wire::{Check, CheckId, CheckKind, Expect, Purpose, Target};

pub(crate) const ZONES: [&str; 6] = ["use1-az1", "use1-az2", "use1-az3", "use1-az4", "use1-az5", "use1-az6"];

/// What an account has with these zones, this way out and this many checks.
pub(crate) fn spec(zones: &[&str], nat: Nat, checks: usize) -> StackSpec {
    let nat = match nat {
        Nat::PerAz => "per-az",
        Nat::Single => "single",
        Nat::None => "none",
    };
    let text = include_str!("fleet.yaml").replace("ZONES", &zones.join(", ")).replace("NAT", nat);
    let fleet = phonehome_fleet::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let cidr = "10.0.64.0/18".parse().unwrap();
    StackSpec::of(&fleet, &fleet.members()[0], "444455556666", "us-east-1", cidr, probe_spec(checks)).unwrap()
}

/// Three zones, a NAT gateway in each, two checks.
pub(crate) fn plain_spec() -> StackSpec {
    spec(&ZONES[..3], Nat::PerAz, 2)
}

fn probe_spec(checks: usize) -> ProbeSpec {
    ProbeSpec {
        checks: (0..checks).map(check).collect(),
        generation: 7,
        code_sha256: "mJ4Jd1GnzkCgkXh3yJv3h1cGk3nBvK0fTq2S8wUe1aA=".into(),
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
    }
}

/// The account after the stack was made in it.
pub(crate) fn perfect(spec: &StackSpec) -> Inventory {
    let mut world = Inventory::default();
    apply(&planned(spec, &world), spec, &mut world);
    world
}

pub(crate) fn planned(spec: &StackSpec, world: &Inventory) -> Plan {
    plan(spec, world).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The only step of the plan.
pub(crate) fn only_step(spec: &StackSpec, world: &Inventory) -> Step {
    let plan = planned(spec, world);
    assert_eq!((plan.steps.len(), plan.waits.len()), (1, 0), "{plan:#?}");
    plan.steps[0].clone()
}

pub(crate) fn step<'a>(plan: &'a Plan, address: &Address) -> &'a Step {
    let found = plan.steps.iter().find(|step| step.address == *address);
    found.unwrap_or_else(|| panic!("{address} is not in {:?}", addresses(plan)))
}

pub(crate) fn addresses(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.address.0.as_str()).collect()
}

pub(crate) fn count(plan: &Plan, is: impl Fn(&Action) -> bool) -> usize {
    plan.steps.iter().filter(|step| is(&step.action)).count()
}

/// Applies plans until one is settled. An update of a function may hold back another one.
pub(crate) fn mend(spec: &StackSpec, world: &mut Inventory) {
    for _ in 0..3 {
        let plan = planned(spec, world);
        if plan.is_settled() {
            return;
        }
        apply(&plan, spec, world);
    }
    panic!("still not settled: {:#?}", planned(spec, world));
}
