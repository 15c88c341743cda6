//! What is inferred is the same, whether those with whom nothing is wrong are told together or one by one.

use std::collections::BTreeMap;

use phonehome_wire::{Check, CheckId, CheckKind, Target, Verdict};
use proptest::prelude::*;

use crate::concern::Concern;
use crate::inference::{Inferred, infer, infer_of};
use crate::ticks::Ticks;
use crate::{
    Calm, Heartbeat, Outcome, PathResult, PathState, PathStatus, Paths, ProbeKey, ProbeView, Route, Turns,
    Unreadable, World,
};

use super::*;

const NOW_MS: u64 = 1_800_000_000_000;
const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az4"];

/// What breaks: whatever is of this account, of this host, in this zone, or this one path of each probe.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Account(usize),
    Into(usize),
    Host(usize),
    Zone(usize),
    Path(usize, usize, usize),
    Silent(usize, usize),
}

/// What one probe is like, beside faults.
#[derive(Debug, Clone, Copy)]
struct Luck {
    age_s: u64,
    /// Since when its paths pass, in runs.
    passes: u64,
    /// Which of its paths nothing is known of.
    mute: usize,
    nat: usize,
    expected_s: u64,
}

fn fault(accounts: usize) -> impl Strategy<Value = Fault> {
    prop_oneof![
        (0..accounts).prop_map(Fault::Account),
        (0..accounts).prop_map(Fault::Into),
        (0..4_usize).prop_map(Fault::Host),
        (0..3_usize).prop_map(Fault::Zone),
        (0..accounts, 0..3_usize, 0..8_usize)
            .prop_map(|(account, zone, path)| Fault::Path(account, zone, path)),
        (0..accounts, 0..3_usize).prop_map(|(account, zone)| Fault::Silent(account, zone)),
    ]
}

fn luck() -> impl Strategy<Value = Luck> {
    let age_s = prop_oneof![8 => 0_u64..60, 1 => 60_u64..80];
    (age_s, 0_u64..6, 0_usize..24, 0_usize..5, prop_oneof![9 => Just(9_000_u64), 1 => 0_u64..90])
        .prop_map(|(age_s, passes, mute, nat, expected_s)| Luck { age_s, passes, mute, nat, expected_s })
}

fn check(id: &str, host: &str, owner: Option<usize>, purpose: Purpose) -> Check {
    let (host, port) = host.split_once(':').unwrap();
    let kind = match port {
        "53" => serde_json::from_value(serde_json::json!({ "type": "dns", "name": host })).unwrap(),
        port => CheckKind::Tcp { host: host.to_owned(), port: port.parse().unwrap() },
    };
    let target = Target { endpoint: format!("{host}:{port}"), account: owner.map(name) };
    Check {
        id: CheckId(id.to_owned()),
        kind,
        expect: Expect::Connect,
        purpose,
        target,
        timeout_ms: 1000,
        control: None,
        every_minutes: 1,
        tries: 3,
    }
}

fn name(account: usize) -> String {
    format!("d{account}-prod")
}

/// The checks of an account: two ways out, two ports of the next account, one of the one behind it, a partner's, a name,
/// and an isolation.
fn checks(account: usize, accounts: usize) -> Vec<Check> {
    let (next, behind) = ((account + 1) % accounts, (account + 2) % accounts);
    let host = |account: usize, port: u16| format!("api.d{account}.internal:{port}");
    let connection = Purpose::Connection;
    vec![
        check("egress/one", "one.example.com:443", None, Purpose::Egress),
        check("egress/two", "two.example.com:443", None, Purpose::Egress),
        check("next/443", &host(next, 443), Some(next), connection),
        check("next/5432", &host(next, 5432), Some(next), connection),
        check("behind", &host(behind, 443), Some(behind), connection),
        Check { every_minutes: 5, ..check("partner", "partner.example.net:443", None, connection) },
        check("name", "one.example.com:53", None, connection),
        Check { expect: Expect::Deny, ..check("not", &host(behind, 22), Some(behind), connection) },
    ]
}

fn breaks(fault: Fault, (account, zone, path): (usize, usize, usize), check: &Check) -> bool {
    let into = |wanted: usize| check.target.account == Some(name(wanted));
    let is_tried = check.expect == Expect::Connect;
    match fault {
        Fault::Account(wanted) => is_tried && (account == wanted || into(wanted)),
        Fault::Into(wanted) => is_tried && into(wanted),
        Fault::Host(number) => {
            let hosts = [
                "one.example.com:443",
                "two.example.com:443",
                "partner.example.net:443",
                "one.example.com:53",
            ];
            check.target.endpoint == hosts[number]
        }
        Fault::Zone(wanted) => is_tried && zone == wanted,
        Fault::Path(a, z, p) => (account, zone, path) == (a, z, p),
        Fault::Silent(..) => false,
    }
}

fn state(fails: bool, is_up: bool, luck: Luck, check: &Check, run_ms: u64, runs: u64) -> PathState {
    let last_since_ms = run_ms - luck.passes * 60_000;
    let status = if is_up { PathStatus::Up } else { PathStatus::Unknown };
    let mut path = PathState {
        status,
        last_since_ms,
        since_ms: last_since_ms,
        ..PathState::unknown(&Verdict::Ok, run_ms)
    };
    if fails {
        let outcome = if check.expect == Expect::Deny { Outcome::Open } else { Outcome::Silence };
        path.results = (0..runs).rev().map(|age| PathResult(run_ms - age * 60_000, outcome)).collect();
    }
    path
}

fn world(accounts: usize, faults: &[Fault], luck: &[Luck], runs: u64) -> World {
    let mut probes = Vec::new();
    for account in 0..accounts {
        for zone in 0..3 {
            let luck = luck[(account * 3 + zone) % luck.len()];
            let is_silent =
                faults.iter().any(|it| matches!(it, Fault::Silent(a, z) if (*a, *z) == (account, zone)));
            let run_ms = NOW_MS - luck.age_s * 1000 - if is_silent { 150_000 } else { 0 };
            let checks = checks(account, accounts);
            let path = |(number, check): (usize, &Check)| {
                let fails = faults.iter().any(|it| breaks(*it, (account, zone, number), check));
                let path = state(fails, luck.mute != number, luck, check, run_ms, runs);
                (luck.mute != number + 8 || fails).then(|| (check.id.clone(), path))
            };
            let paths: Paths =
                checks.iter().enumerate().filter_map(|(number, check)| path((number, check))).collect();
            let key = ProbeKey {
                account: format!("{:012}", 100_000_000_000 + account).parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
                availability_zone: ZONES[zone].parse().unwrap(),
            };
            probes.push(view(key, account, luck, checks, paths, run_ms));
        }
    }
    World {
        now_ms: NOW_MS,
        probes,
        owners: BTreeMap::new(),
        routes: BTreeMap::new(),
        open: vec![],
        silences: vec![],
        policy: crate::Policy::default(),
        unseen: crate::Unseen::default(),
        reader: crate::Reader::default(),
        changes: vec![],
        findings: vec![],
    }
}

fn view(
    key: ProbeKey,
    account: usize,
    luck: Luck,
    checks: Vec<Check>,
    paths: Paths,
    run_ms: u64,
) -> ProbeView {
    let heartbeat = Heartbeat {
        key: key.clone(),
        part: 0,
        last_started_at_ms: run_ms,
        last_received_at_ms: run_ms,
        run_id: format!("{run_ms}"),
        generation: 1,
        clock_ahead_ms: 0,
        isolations_at_ms: run_ms,
        rerun_received_ms: 0,
        passed_again: None,
        paths_expire_at_ms: 0,
        paths_version: 1,
        heard_since_ms: run_ms - luck.passes * 60_000,
        behind: None,
        connects: vec![],
        turns: Turns::default(),
    };
    ProbeView {
        key,
        account_name: name(account),
        domain: format!("d{account}"),
        environment: "prod".into(),
        expected_since_ms: NOW_MS - luck.expected_s * 1000,
        nat_zone: ZONES.get(luck.nat).map(|zone| zone.parse().unwrap()),
        calm: None,
        checks: checks.into(),
        heartbeat: (luck.nat != 4 || luck.mute != 20).then_some(heartbeat),
        paths,
        crash: None,
        unreadable: Unreadable::default(),
        parts: vec![],
        route: Route::default().into(),
    }
}

/// The same where a few bytes are known of whom nothing is wrong with.
fn calm(mut world: World) -> World {
    for view in world.probes.iter_mut().filter(|view| view.heartbeat.is_some()) {
        view.calm = Calm::of(&view.checks, &view.paths);
        if view.calm.is_some() {
            view.paths.clear();
        }
    }
    world
}

/// What is inferred where nothing is told together.
fn everybody(world: &World) -> Inferred {
    let ticks = Ticks::of(world);
    infer_of(world, ticks, &Concern::everybody(world, ticks.tick_ms))
}

proptest! {
    #[test]
    fn who_is_told_together_makes_no_difference(
        accounts in 3_usize..9,
        faults in prop::collection::vec(fault(6), 0..4),
        luck in prop::collection::vec(luck(), 1..27),
        runs in 1_u64..4,
    ) {
        let world = world(accounts, &faults, &luck, runs);
        let one_by_one = everybody(&world);
        prop_assert_eq!(infer(&world), one_by_one.clone());
        prop_assert_eq!(infer(&calm(world.clone())), one_by_one.clone());
        prop_assert_eq!(everybody(&calm(world.clone())), one_by_one);
    }
}

/// The property above says little of fleets of a few accounts: here most of a fleet is a crowd, a wide cause has to be
/// told from many narrow ones, and the other way round.
#[test]
fn in_a_large_fleet_it_makes_no_difference_either_and_few_are_left() {
    let calm = |age_s: u64| Luck {
        age_s,
        passes: age_s % 5,
        mute: 99,
        nat: (age_s % 4) as usize,
        expected_s: 9_000,
    };
    let luck: Vec<Luck> = (0..59).map(calm).collect();
    for faults in [
        vec![],
        vec![Fault::Account(7)],
        vec![Fault::Host(0)],
        vec![Fault::Zone(1)],
        vec![Fault::Into(3), Fault::Path(11, 1, 0), Fault::Silent(20, 2)],
        vec![Fault::Account(7), Fault::Account(8), Fault::Host(2), Fault::Path(30, 0, 4)],
    ] {
        for runs in [1, 3] {
            let world = world(60, &faults, &luck, runs);
            let one_by_one = everybody(&world);
            assert_eq!(infer(&world), one_by_one, "{faults:?}");
            assert_eq!(one_by_one.groups.is_empty(), faults.is_empty(), "{faults:?}");
        }
    }
}
