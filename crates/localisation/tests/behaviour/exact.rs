//! Tiny networks, in which every set of components and every moment at which each broke can be tried: greedy finds the
//! likeliest, or is no less likely than it by more than stated.

use phonehome_localisation::{
    Builder, Component, Outcome, PathId, Policy, Rules, Stage, State, Suspect, Topology,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const POLICY: Policy = Policy {
    noise_ppm: 10_000,
    lost_ppm: 10_000,
    tick_ms: 1000,
    interval_ticks: 60,
    grace_ticks: 10,
    passes: 12,
    paths: 4000,
    false_notes_per_day: 1,
};

const COMPONENTS: usize = 5;
const PATHS: usize = 8;

/// ln 99, what one result says, in milli-nats.
const WEIGHT: i64 = 4595;

/// What a component with three paths or more costs (a target: ln of the minutes in a year), and one with fewer, as a
/// path by itself (ln of 4000 · 1440).
const COSTS: (i64, i64) = (13_172, 15_566);

/// Which components each path depends on, as bits; and its results, the newest last: whether each failed.
#[derive(Debug, Clone)]
struct Tiny {
    paths: Vec<(u8, Vec<bool>)>,
}

fn tiny() -> impl Strategy<Value = Tiny> {
    let results = prop_oneof![
        3 => Just(vec![false; 3]),
        3 => Just(vec![true; 3]),
        1 => prop::collection::vec(any::<bool>(), 3),
        1 => Just(vec![false, true, true]),
    ];
    let path = (1..1_u8 << COMPONENTS, results);
    prop::collection::vec(path, PATHS).prop_map(|paths| Tiny { paths })
}

impl Tiny {
    fn state(&self) -> (State, Vec<Component>, Vec<PathId>) {
        let mut builder = Builder::default();
        let components: Vec<Component> =
            (0..COMPONENTS).map(|it| Component::Target(builder.name(&format!("target {it}")))).collect();
        builder.probe(&[]);
        let mut paths = Vec::new();
        for (depends, _) in &self.paths {
            let on = (0..COMPONENTS).filter(|it| depends >> it & 1 == 1);
            let parts: Vec<_> = on.map(|it| (components[it], Stage::Target)).collect();
            let segment = builder.segment(&parts);
            paths.push(builder.path(&[segment]));
        }
        let topology: Topology = builder.build();
        let mut state = State::new(topology, Rules::of(POLICY));
        let probe = state.topology().probe_of(paths[0]);
        for run in 0..3 {
            state.report(probe, 600 + 60 * run);
            for (path, (_, failed)) in paths.iter().zip(&self.paths) {
                let outcome = if failed[run as usize] { Outcome::Silence } else { Outcome::Pass };
                state.observe(*path, 600 + 60 * run, outcome);
            }
        }
        (state, components, paths)
    }

    /// What it costs to take something for broken: a component, or a path by itself.
    fn cost(&self, thing: usize) -> i64 {
        let dependents = self.paths.iter().filter(|(depends, _)| depends >> thing & 1 == 1).count();
        if thing < COMPONENTS && dependents >= 3 { COSTS.0 } else { COSTS.1 }
    }

    /// By how much the results are likelier when these things broke at these runs (3: not at all).
    fn likelihood(&self, since: &[usize]) -> i64 {
        let broken = since.iter().enumerate().filter(|(_, run)| **run < 3);
        let mut sum: i64 = broken.map(|(thing, _)| -self.cost(thing)).sum();
        for (number, (depends, failed)) in self.paths.iter().enumerate() {
            let on_components = (0..COMPONENTS).filter(|it| depends >> it & 1 == 1).map(|it| since[it]);
            let first = on_components.chain(since.get(COMPONENTS + number).copied()).min().unwrap_or(3);
            sum +=
                failed.iter().skip(first).map(|failed| if *failed { WEIGHT } else { -WEIGHT }).sum::<i64>();
        }
        sum
    }

    /// The greatest likelihood there is. A path by itself (which needs four failures here) never is worth it.
    fn best(&self) -> i64 {
        let all = 4_usize.pow(COMPONENTS as u32);
        let since = |number: usize| -> Vec<usize> {
            (0..COMPONENTS).map(|it| number / 4_usize.pow(it as u32) % 4).collect()
        };
        (0..all).map(|number| self.likelihood(&since(number))).max().unwrap_or(0)
    }

    /// How likely what is named is. Of what is told together each fits beside one of what is told with the other causes.
    fn found(&self) -> i64 {
        let (state, components, _) = self.state();
        let mut named = vec![vec![3; COMPONENTS]];
        for cause in state.explain(800).causes {
            let run = (cause.since_ticks - 600) / 60;
            let with = |since: &Vec<usize>, suspect: &Suspect| {
                let Suspect::Component(component) = suspect else { panic!("{cause:?}") };
                let thing =
                    components.iter().position(|it| it == component).expect("there is such a component");
                let mut since = since.clone();
                since[thing] = since[thing].min(run as usize);
                since
            };
            let all = named.iter().flat_map(|since| cause.suspects.iter().map(move |it| with(since, it)));
            named = all.collect();
        }
        named.iter().map(|since| self.likelihood(since)).max().unwrap_or(0)
    }
}

/// The likeliest is that 3 and 2 are broken. Greedy has the choice between 0 and 3, which explain as much, takes 0 and
/// then needs 1 for what is left: no single one of them is superfluous, nor better replaced by others.
#[test]
fn greedy_may_name_one_component_too_many_where_one_explains_parts_of_two_others() {
    let fails = |depends| (depends, vec![true; 3]);
    let passes = |depends| (depends, vec![false; 3]);
    let paths = vec![
        fails(0b01010),
        passes(0b10000),
        fails(0b01001),
        fails(0b00101),
        fails(0b01001),
        passes(0b01110),
        fails(0b01010),
        fails(0b00100),
    ];
    let tiny = Tiny { paths };
    assert_eq!(tiny.best(), tiny.likelihood(&[3, 3, 0, 0, 3]));
    assert_eq!(tiny.state().0.explain(800).causes.len(), 3);
}

/// How often greedy is not exact, over networks from a seed: dense ones, in which each path depends on half of what
/// there is.
#[test]
fn greedy_is_exact_in_more_than_nine_of_ten_dense_networks() {
    let mut runner = TestRunner::deterministic();
    let mut exact = 0;
    for _ in 0..2000 {
        let tiny = tiny().new_tree(&mut runner).expect("a network").current();
        exact += usize::from(tiny.best() == tiny.found());
    }
    assert!(exact > 1800, "{exact} of 2000");
}

/// The bound is two components too many; none that is known has more than one and a little. No proof is known for
/// any, so the networks are always the same ones.
#[test]
fn greedy_is_as_likely_as_the_likeliest_or_nearly() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..5000 {
        let tiny = tiny().new_tree(&mut runner).expect("a network").current();
        let (best, found) = (tiny.best(), tiny.found());
        assert!(found <= best, "found {found}, but the best is {best}: the test computes otherwise");
        assert!(found >= 0);
        assert!(best - found <= 2 * COSTS.1, "found {found}, the best is {best}: {tiny:?}");
    }
}
