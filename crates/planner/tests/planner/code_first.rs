//! Whatever is deployed and rolled back in which order: no probe has an input that its code does not know.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fakecloud::{FakeCloud, Options};
use phonehome_fleet::Nat;
use phonehome_network::{FunctionState, Inventory};
use phonehome_planner::{Action, Limits, Plan, StackSpec, Step, plan, render};
use phonehome_wire::{Check, CheckKind};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use crate::support::{ZONES, check, full};

/// Three builds of phonehome: each knows one more kind of check than the one before.
const BUILDS: u32 = 3;
const ACCOUNTS: [&str; 3] = ["444455556666", "555566667777", "666677778888"];
/// More turns than any account needs.
const TURNS_MAX: usize = 12;

/// The first build that knows such a check.
fn build_of(kind: &CheckKind) -> u32 {
    match kind {
        CheckKind::Tcp { .. } => 1,
        CheckKind::Dns { .. } => 2,
        CheckKind::Egress { .. } => 3,
        other => panic!("no hub of the test writes {other:?}"),
    }
}

/// A check of the newest kind that a build knows.
fn check_of(build: u32) -> Check {
    let (name, url) = ("example.com".to_owned(), "https://echo.example.com".to_owned());
    let dns = CheckKind::Dns { name, nameserver: None, record: None, expected: vec![] };
    let plain = check(usize::try_from(build).unwrap());
    let kind = match build {
        1 => plain.kind.clone(),
        2 => dns,
        _ => CheckKind::Egress { url, expected: vec![] },
    };
    Check { kind, ..plain }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A build is deployed or rolled back to. The accounts are to have a version that names the code of this or another
    /// build, with a fleet file that asks for checks which both know.
    Deploy { build: u32, code: u32, checks: u32 },
    /// An account is observed, and of the steps of its plan so many are made, in an order that they allow.
    Turn { account: usize, made: usize, order: usize, code_fails: bool },
    /// Somebody disables the schedules of an account.
    Disable { account: usize },
    /// Somebody deletes an account's functions.
    DeleteFunctions { account: usize },
    /// Somebody deletes an account's schedules.
    DeleteSchedules { account: usize },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let account = || 0..ACCOUNTS.len();
    let deploy = (1..=BUILDS, 1..=BUILDS, 1..=BUILDS).prop_map(|(build, code, checks)| Event::Deploy {
        build,
        code,
        checks: checks.min(build).min(code),
    });
    let turn = (account(), select(vec![0, 1, 2, 3, 99]), 0..4usize, prop::bool::weighted(0.2))
        .prop_map(|(account, made, order, code_fails)| Event::Turn { account, made, order, code_fails });
    let event = prop_oneof![
        3 => deploy,
        12 => turn,
        1 => account().prop_map(|account| Event::Disable { account }),
        1 => account().prop_map(|account| Event::DeleteFunctions { account }),
        1 => account().prop_map(|account| Event::DeleteSchedules { account }),
    ];
    prop::collection::vec(event, 1..60)
}

/// A fleet of three accounts, and the builds whose code each function may run now.
struct Fleet {
    cloud: FakeCloud,
    build: u32,
    code: u32,
    checks: u32,
    generation: u64,
    running: BTreeMap<(String, String), BTreeSet<u32>>,
}

impl Fleet {
    fn new() -> Self {
        let options =
            Options { elastic_ips_max: 100, function_pending_observations: 2, ..Options::default() };
        let cloud = FakeCloud::with_options(options);
        Self { cloud, build: 1, code: 1, checks: 1, generation: 0, running: BTreeMap::new() }
    }

    fn spec(&self, account: &str) -> StackSpec {
        let mut spec = full(&ZONES[..2], Nat::None);
        spec.account = account.parse().unwrap();
        let probe = spec.probe.as_mut().unwrap();
        probe.checks = (1..=self.checks).map(check_of).collect();
        (probe.code_sha256, probe.generation) = (format!("build {}", self.code), self.generation);
        spec
    }

    /// What the hub of this build sees: it does not know the checks of newer ones.
    fn seen(&mut self, spec: &StackSpec) -> Inventory {
        let mut seen = self.cloud.stack(&spec.account, &spec.region).inventory(&spec.kinds());
        for function in seen.functions.iter().filter(|it| it.state == FunctionState::Active) {
            let key = (spec.account.to_string(), function.name.clone());
            self.running.insert(key, BTreeSet::from([build_in(&function.code_sha256)]));
        }
        for check in
            seen.schedules.iter_mut().filter_map(|it| it.input.as_mut()).flat_map(|it| &mut it.checks)
        {
            if build_of(&check.kind) > self.build {
                check.kind = CheckKind::Unknown;
            }
        }
        seen
    }

    fn turn(&mut self, account: usize, made: usize, order: usize, code_fails: bool) -> Plan {
        self.generation += 1;
        let spec = self.spec(ACCOUNTS[account]);
        let seen = self.seen(&spec);
        let plan = plan(&spec, &seen, &Limits::SWEEP).unwrap();
        for step in in_some_order(&plan, order).into_iter().take(made) {
            let is_code = matches!(step.action, Action::UpdateFunctionCode { .. });
            if is_code && code_fails {
                continue;
            }
            let alone = Plan { steps: vec![step.clone()], ..Plan::default() };
            let done = self.cloud.stack(&spec.account, &spec.region).apply(&spec, &alone);
            // What it comes after was not made, or failed.
            if done.is_err() {
                break;
            }
            if let Action::UpdateFunctionCode { name } | Action::CreateFunction { name, .. } = &step.action {
                let key = (spec.account.to_string(), name.clone());
                self.running.entry(key).or_default().insert(self.code);
            }
            self.assert_known(account, &plan);
        }
        plan
    }

    /// No input asks for more than any code knows that may run now.
    fn assert_known(&mut self, account: usize, plan: &Plan) {
        let spec = self.spec(ACCOUNTS[account]);
        let truth = self.cloud.stack(&spec.account, &spec.region).truth();
        for schedule in truth.schedules {
            let there = truth.functions.iter().any(|it| it.name == schedule.name);
            let asked = schedule.input.unwrap().checks.iter().map(|it| build_of(&it.kind)).max().unwrap();
            let running = &self.running.get(&(spec.account.to_string(), schedule.name.clone()));
            let oldest = running.and_then(|it| it.first().copied()).filter(|_| there);
            assert!(
                oldest.is_none_or(|build| asked <= build),
                "{} asks build {oldest:?} for checks of build {asked}\n{}",
                schedule.name,
                render::text(plan)
            );
        }
    }

    fn edit(&mut self, account: usize, change: impl FnOnce(&mut Inventory)) {
        let spec = self.spec(ACCOUNTS[account]);
        self.cloud.stack(&spec.account, &spec.region).edit(change);
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Deploy { build, code, checks } => {
                (self.build, self.code, self.checks) = (build, code, checks);
            }
            Event::Turn { account, made, order, code_fails } => {
                drop(self.turn(account, made, order, code_fails));
            }
            Event::Disable { account } => {
                self.edit(account, |world| world.schedules.iter_mut().for_each(|it| it.enabled = false));
            }
            Event::DeleteFunctions { account } => {
                self.edit(account, |world| world.functions.clear());
                self.running.retain(|(owner, _), _| owner != ACCOUNTS[account]);
            }
            Event::DeleteSchedules { account } => self.edit(account, |world| world.schedules.clear()),
        }
    }

    /// Gives each account turns until it is as declared.
    fn converge(&mut self) {
        for (account, id) in ACCOUNTS.iter().enumerate() {
            let mut turns = 0;
            while !self.turn(account, usize::MAX, 0, false).is_converged() {
                turns += 1;
                assert!(turns < TURNS_MAX, "account {account} goes round in circles");
            }
            let spec = self.spec(id);
            let truth = self.cloud.stack(&spec.account, &spec.region).truth();
            let probe = spec.probe.unwrap();
            assert_eq!((truth.functions.len(), truth.schedules.len()), (2, 2));
            assert!(truth.functions.iter().all(|it| it.code_sha256 == probe.code_sha256));
            assert!(truth.schedules.iter().all(|it| it.enabled));
            let inputs = truth.schedules.into_iter().map(|it| it.input.unwrap().checks);
            assert!(inputs.into_iter().all(|checks| checks == probe.checks));
        }
    }
}

fn build_in(code_sha256: &str) -> u32 {
    code_sha256.strip_prefix("build ").unwrap().parse().unwrap()
}

/// The steps in one of the orders that they allow: always the next one that may come, counted from `order`.
fn in_some_order(plan: &Plan, order: usize) -> Vec<&Step> {
    let mut left: Vec<&Step> = plan.steps.iter().collect();
    let mut ordered: Vec<&Step> = Vec::new();
    while !left.is_empty() {
        let may = |step: &&&Step| step.after.iter().all(|it| ordered.iter().any(|done| done.address == *it));
        let next: Vec<usize> = left.iter().enumerate().filter(|(_, it)| may(it)).map(|(at, _)| at).collect();
        ordered.push(left.remove(next[order % next.len()]));
    }
    ordered
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn no_probe_is_ever_asked_for_more_than_its_code_knows_and_in_the_end_all_is_as_declared(events in events()) {
        let mut fleet = Fleet::new();
        for account in ACCOUNTS {
            let spec = fleet.spec(account);
            let seen = fleet.seen(&spec);
            let first = plan(&spec, &seen, &Limits::SWEEP).unwrap();
            fleet.cloud.stack(&spec.account, &spec.region).apply(&spec, &first).unwrap();
        }
        fleet.converge();
        for event in events {
            fleet.on(event);
        }
        fleet.converge();
    }
}
