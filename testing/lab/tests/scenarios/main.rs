//! What the probes say of broken networks, and that the lab is what it says it is. Nothing here needs root or leaves its namespaces.
//!
//! Where the machine forbids namespaces, or has no `ip`, `nft` or probe, a test says so and is left out; with
//! `CI=true` it fails, unless `PHONEHOME_NO_NAMESPACES=1` says that this is known.

#![cfg(target_os = "linux")]

mod faults;
mod scenario;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use phonehome_lab::sample::{Fleet, inbound, public_address, stack, zone};
use phonehome_lab::{Answer, Host, Lab, Place, available, is_inside, testing};
use phonehome_network::RulePeer;
use phonehome_wire::{Check, CheckId, CheckKind, Class, Expect, Verdict};

use crate::faults::SCENARIOS;
use crate::scenario::{fleet, healthy};

/// Beside it is the probe.
const LAB: &str = env!("CARGO_BIN_EXE_lab-serve");

/// The probe's binary: the one that is named, or the one beside the lab's.
fn probe() -> PathBuf {
    let named = std::env::var_os("PHONEHOME_PROBE").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(LAB).with_file_name("phonehome-probe"))
}

/// Whether the lab cannot run here. Says why.
fn is_left_out() -> bool {
    let missing = || {
        let build = "cargo build --release --package phonehome-probe";
        anyhow::anyhow!("{} is not there: {build}", probe().display())
    };
    testing::is_left_out(if probe().exists() { available() } else { Err(missing()) })
}

/// Runs `test`, which is the body of the test of that name, inside namespaces of its own.
fn inside(name: &str, test: impl FnOnce()) {
    if is_inside() || !is_left_out() {
        testing::run_test(name, test);
    }
}

/// Every fourth fault, from the `first`: most of the time is spent in waiting for silence, and several labs can wait at
/// once.
fn faults(name: &str, first: usize) {
    inside(name, || {
        let mut lab = healthy(&probe()).unwrap();
        for scenario in SCENARIOS.iter().skip(first).step_by(4) {
            let outcome =
                scenario.run(&mut lab).unwrap_or_else(|error| panic!("{}: {error:#}", scenario.name));
            assert!(outcome.results > 0, "{}", scenario.name);
            assert!(outcome.differences.is_empty(), "{}: {:#?}", scenario.name, outcome.differences);
        }
    });
}

#[test]
fn every_fault_looks_to_the_probes_as_it_has_to_1() {
    faults("every_fault_looks_to_the_probes_as_it_has_to_1", 0);
}

#[test]
fn every_fault_looks_to_the_probes_as_it_has_to_2() {
    faults("every_fault_looks_to_the_probes_as_it_has_to_2", 1);
}

#[test]
fn every_fault_looks_to_the_probes_as_it_has_to_3() {
    faults("every_fault_looks_to_the_probes_as_it_has_to_3", 2);
}

#[test]
fn every_fault_looks_to_the_probes_as_it_has_to_4() {
    faults("every_fault_looks_to_the_probes_as_it_has_to_4", 3);
}

/// Of a line of `ip -d -o link` what is no chance: the name, and how long packets may be.
fn link(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|it| *it == name).and_then(|at| words.get(at + 1));
    let name = words.get(1).and_then(|it| it.split('@').next());
    format!("link {name:?} mtu {:?} bundle {:?}", after("mtu"), after("gso_max_segs"))
}

/// What the kernel says of each namespace: addresses, rules, routes and packet filters.
fn state() -> BTreeMap<String, Vec<String>> {
    let run = |arguments: &[&str]| {
        let output = Command::new("ip").args(arguments).output().unwrap();
        assert!(output.status.success(), "ip {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let state = |name: &str| {
        let asked = [
            run(&["-n", name, "-o", "-4", "address"]),
            run(&["-n", name, "-4", "rule"]),
            run(&["-n", name, "-4", "route", "show", "table", "all"]),
            run(&["netns", "exec", name, "nft", "-s", "list", "ruleset"]),
        ];
        let lines = asked.iter().flat_map(|it| it.lines()).map(|line| match line.split_once(": ") {
            // Numbers of interfaces are chance.
            Some((number, rest)) if number.parse::<u32>().is_ok() => rest.to_owned(),
            // The kernel notices within a second that a new link is up. One that is down has no routes at its own end.
            _ => line.replace("linkdown ", ""),
        });
        let links = run(&["-n", name, "-d", "-o", "link"]);
        let mut lines: Vec<String> = lines.chain(links.lines().map(link)).collect();
        lines.sort();
        (name.to_owned(), lines)
    };
    let names = run(&["netns", "list"]);
    names.lines().map(|line| state(line.split_whitespace().next().unwrap())).collect()
}

/// Fleets, each quite another than the one before.
fn fleets() -> Vec<(&'static str, Fleet)> {
    let broken = SCENARIOS.iter().map(|scenario| {
        let mut fleet = fleet();
        (scenario.break_it)(&mut fleet);
        (scenario.name, fleet)
    });
    // Its probes are gone, so that some subnets have no address left.
    let mut without_probes = fleet();
    without_probes.account(1).functions.clear();
    without_probes.wishes.hosts.clear();
    // The probes have each other's subnets, and other addresses there.
    let mut moved = fleet();
    moved
        .account(1)
        .functions
        .iter_mut()
        .for_each(|it| it.subnet_ids = vec!["subnet-1-private-2".to_owned()]);
    let mut without_nat = Fleet::new(3, 1);
    without_nat.account(3).nat_gateways.clear();
    // With the first of two in a subnet no longer listed, the other one's address is another.
    let mut two_nats = fleet();
    two_nats.account(1).nat_gateways[1].subnet_id = Some("subnet-1-public-1".to_owned());
    let mut one_nat = two_nats.clone();
    one_nat.account(1).nat_gateways.remove(0);
    let others = [
        ("one account", Fleet::new(1, 1)),
        ("three accounts", Fleet::new(3, 3)),
        ("no probes", without_probes),
        ("usual", fleet()),
        ("moved probes", moved),
        ("without NAT", without_nat),
        ("two NAT gateways in a subnet", two_nats),
        ("one of them", one_nat),
        ("usual again", fleet()),
    ];
    broken.chain(others).collect()
}

#[test]
fn a_network_that_was_changed_is_the_same_as_one_made_anew() {
    inside("a_network_that_was_changed_is_the_same_as_one_made_anew", || {
        let mut changed = healthy(&probe()).unwrap();
        let mut by_changes = vec![];
        for (name, fleet) in fleets() {
            changed
                .update(&fleet.inventories, &fleet.wishes)
                .unwrap_or_else(|error| panic!("{name}: {error:#}"));
            by_changes.push(state());
        }
        drop(changed);
        for ((name, fleet), by_changes) in fleets().into_iter().zip(by_changes) {
            let lab = Lab::build(&fleet.inventories, &fleet.wishes, &probe()).unwrap();
            let anew = state();
            assert!(anew.len() >= 5 && anew.keys().eq(by_changes.keys()), "{name}: {:?}", anew.keys());
            for (namespace, lines) in anew {
                assert_eq!(by_changes[&namespace], lines, "{name}: {namespace}");
            }
            drop(lab);
        }
    });
}

#[test]
fn a_lab_that_is_dropped_is_gone() {
    inside("a_lab_that_is_dropped_is_gone", || {
        let lab = healthy(&probe()).unwrap();
        assert!(!state().is_empty());
        drop(lab);
        assert_eq!(state(), BTreeMap::new());
    });
}

/// Reaches account 2's public host from account 1: out by a NAT gateway, over the internet and in by the other VPC's
/// internet gateway.
fn public_host(lab: &Lab, fleet: &Fleet) -> Vec<Verdict> {
    let mut input = fleet.input(1, 1);
    let check = input.checks.iter().find(|it| it.id.0 == "connection").unwrap().clone();
    input.checks = [443, 444]
        .map(|port: u16| Check {
            id: CheckId(port.to_string()),
            kind: CheckKind::Tcp { host: PUBLIC.to_string(), port },
            expect: if port == 443 { Expect::Connect } else { Expect::Deny },
            ..check.clone()
        })
        .to_vec();
    let report = lab.probe(&stack(1), &zone(1), &input).unwrap();
    report.results.into_iter().map(|it| it.verdict).collect()
}

const PUBLIC: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

#[test]
fn a_public_address_leads_to_its_host_through_both_gateways_and_only_for_whom_its_group_lets_in() {
    let name = "a_public_address_leads_to_its_host_through_both_gateways_and_only_for_whom_its_group_lets_in";
    inside(name, || {
        let mut fleet = fleet();
        let let_in = |fleet: &mut Fleet, address: Ipv4Addr| {
            let groups = &mut fleet.account(2).security_groups;
            let rule = inbound(443, RulePeer::Cidr(address.into()));
            groups.iter_mut().find(|it| it.name == "default").unwrap().ingress = vec![rule];
        };
        let_in(&mut fleet, public_address(1, 1));
        let host = Host {
            place: Place::Subnet {
                stack: stack(2),
                subnet_id: "subnet-2-public-1".to_owned(),
                groups: BTreeSet::new(),
                public: Some(PUBLIC),
            },
            address: Ipv4Addr::new(10, 2, 0, 50),
            ports: BTreeMap::from([(443, Answer::Tcp), (444, Answer::Tcp)]),
        };
        fleet.wishes.hosts.push(host);
        let mut lab = Lab::build(&fleet.inventories, &fleet.wishes, &probe()).unwrap();
        let verdicts = public_host(&lab, &fleet);
        assert!(matches!(verdicts[..], [Verdict::Ok, Verdict::Denied { .. }]), "{verdicts:?}");
        // Of another zone's NAT gateway.
        let mut other = fleet.clone();
        let_in(&mut other, public_address(1, 2));
        let mut detached = fleet.clone();
        detached.account(2).internet_gateways[0].vpc_id = None;
        for fleet in [other, detached] {
            lab.update(&fleet.inventories, &fleet.wishes).unwrap();
            let verdicts = public_host(&lab, &fleet);
            let is_silent = matches!(
                verdicts[..],
                [Verdict::Fail { class: Class::ConnectTimeout, .. }, Verdict::Denied { .. }]
            );
            assert!(is_silent, "{verdicts:?}");
        }
    });
}
