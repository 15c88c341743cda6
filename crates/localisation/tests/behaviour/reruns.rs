//! Results of one path that are seconds apart, before others have had their turn.

use phonehome_localisation::{
    Builder, Component, Gate, Outcome, PathId, ProbeId, Rules, Stage, State, Suspect,
};

use crate::world::{POLICY, World};

/// The path of this name.
fn path(world: &World, from: &str, to: &str) -> PathId {
    world.paths.iter().find(|it| it.from == from && it.to == to).unwrap().path
}

fn doubtful(state: &State, world: &World) -> Vec<(usize, PathId)> {
    let explanation = state.explain(world.now_ticks);
    state.doubtful(&explanation, world.now_ticks).into_iter().map(|it| (it.failures, it.path)).collect()
}

/// However often one path runs again, what it has in common with others is theirs to say.
#[test]
fn one_path_that_fails_again_and_again_within_seconds_is_not_told_before_others_had_their_turn() {
    let mut world = World::new(3);
    world.minutes(8);
    let lone = path(&world, "a/az1", "c/443");
    for again in 1..=8 {
        world.state.observe(lone, world.now_ticks + again, Outcome::Silence);
        let told =
            world.state.explain(world.now_ticks + 8).causes.into_iter().find(|it| it.gate == Gate::Open);
        assert_eq!(told, None, "after {again} results");
        // As many as are enough are enough, also while others are waited for.
        assert_eq!(doubtful(&world.state, &world).is_empty(), again >= 4, "after {again} results");
    }
    world.fail_where(|from, to| (from == "a/az1" && to == "c/443").then_some(Outcome::Silence));
    world.minutes(2);
    let causes = world.explain().causes;
    assert_eq!(causes.len(), 1);
    assert_eq!((causes[0].gate, causes[0].paths.as_slice()), (Gate::Open, &[lone][..]));
}

/// Here everything wider is refuted, and only the account's other zones could still say that it is not its way there.
#[test]
fn what_one_zone_alone_saw_however_often_is_not_told_of_all_zones_before_they_had_their_turn() {
    let mut world = World::new(3);
    world.minutes(8);
    let lone = path(&world, "a/az1", "c/443");
    world.fail_where(|from, to| (from == "a/az1" && to == "c/443").then_some(Outcome::Silence));
    for probe in ["a/az1", "b/az1", "b/az2", "b/az3", "c/az1", "c/az2", "c/az3"] {
        world.report(probe);
        world.now_ticks += 1;
    }
    for again in 1..=4 {
        world.state.observe(lone, world.now_ticks + again, Outcome::Silence);
        let told =
            world.state.explain(world.now_ticks + 8).causes.into_iter().find(|it| it.gate == Gate::Open);
        assert_eq!(told, None, "after {again} results more");
    }
    world.now_ticks += 9;
    ["a/az2", "a/az3"].into_iter().for_each(|probe| world.report(probe));
    let causes = world.explain().causes;
    assert_eq!(causes.len(), 1);
    assert_eq!((causes[0].gate, causes[0].paths.as_slice()), (Gate::Open, &[lone][..]));
}

/// The same where nothing but what the zones share on their way there is left to blame: what one of them says again and
/// again is no more than what it says once.
#[test]
fn what_zones_share_is_not_told_for_what_one_of_them_says_again_before_the_others_had_their_turn() {
    let mut builder = Builder::default();
    let (account, target) = (builder.name("a"), builder.name("t"));
    let shared = Component::Connection { account, target };
    let way = builder.segment(&[(shared, Stage::Way)]);
    let there = builder.segment(&[(Component::Target(target), Stage::Target)]);
    // Three zones of the account, and three probes of others, which clear the target.
    let probes: Vec<(ProbeId, PathId)> = (0..6)
        .map(|number| {
            let probe = builder.probe(&[]);
            let path = if number < 3 { builder.path(&[way, there]) } else { builder.path(&[there]) };
            (probe, path)
        })
        .collect();
    let mut state = State::new(builder.build(), Rules::of(POLICY));
    let run = |state: &mut State, number: usize, at_ticks, outcome| {
        state.report(probes[number].0, at_ticks);
        state.observe(probes[number].1, at_ticks, outcome);
    };
    (0..48).for_each(|it| run(&mut state, it % 6, 1_000 + 10 * u32::try_from(it).unwrap(), Outcome::Pass));
    let now = 1_480;
    run(&mut state, 0, now, Outcome::Silence);
    (3..6).for_each(|other| run(&mut state, other, now + 1, Outcome::Pass));
    for again in 1..=4 {
        state.observe(probes[0].1, now + 1 + again, Outcome::Silence);
        let told = state.explain(now + 8).causes.into_iter().find(|it| it.gate == Gate::Open);
        assert_eq!(told, None, "after {again} results more");
    }
    assert_eq!(state.explain(now + 8).causes[0].suspects[0], Suspect::Component(shared));
    [1, 2].into_iter().for_each(|zone| run(&mut state, zone, now + 20, Outcome::Silence));
    let causes = state.explain(now + 20).causes;
    assert_eq!((causes.len(), causes[0].gate, causes[0].paths.len()), (1, Gate::Open, 3));
}

#[test]
fn what_has_too_few_results_is_in_doubt_until_it_passes_or_is_told_and_what_fails_with_others_is_not() {
    let mut world = World::new(3);
    world.minutes(8);
    let (lone, now) = (path(&world, "a/az1", "c/443"), world.now_ticks);
    assert_eq!(doubtful(&world.state, &world), []);
    world.state.observe(lone, now + 1, Outcome::Silence);
    assert_eq!(doubtful(&world.state, &world), [(1, lone)]);
    world.state.observe(lone, now + 2, Outcome::Silence);
    assert_eq!(doubtful(&world.state, &world), [(2, lone)]);
    world.state.observe(lone, now + 3, Outcome::Pass);
    assert_eq!(doubtful(&world.state, &world), [(1, lone)], "one more failed than passed");
    world.state.observe(lone, now + 4, Outcome::Pass);
    assert_eq!(doubtful(&world.state, &world), [], "what passed twice in a row works");
    world.fail_where(|_, to| to.starts_with("c/").then_some(Outcome::Silence));
    world.minutes(1);
    assert_eq!(doubtful(&world.state, &world), [], "they fail together");
}

#[test]
fn an_isolation_that_is_open_needs_no_further_result() {
    let mut world = World::new(3);
    world.minutes(8);
    let open = path(&world, "a/az1", "not c");
    world.state.observe(open, world.now_ticks + 1, Outcome::Open);
    assert_eq!(doubtful(&world.state, &world), []);
}

/// Three paths of one probe fail together by chance once in a million runs; a fleet has hundreds of probes, and as many
/// runs within a few days.
#[test]
fn what_fails_together_in_one_run_of_one_probe_is_in_doubt_until_chance_is_refuted() {
    for fails_again in [false, true] {
        let mut world = World::new(3);
        world.minutes(8);
        let outside = ["out/one", "out/three", "out/two"].map(|to| path(&world, "a/az1", to));
        world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Outcome::Silence));
        world.report("a/az1");
        let in_doubt: Vec<PathId> = doubtful(&world.state, &world).into_iter().map(|it| it.1).collect();
        assert_eq!(in_doubt.len(), outside.len());
        assert!(outside.iter().all(|path| in_doubt.contains(path)), "{in_doubt:?}");
        let outcome = if fails_again { Outcome::Silence } else { Outcome::Pass };
        outside.iter().for_each(|path| world.state.observe(*path, world.now_ticks + 14, outcome));
        world.now_ticks += 15;
        assert_eq!(doubtful(&world.state, &world), [], "either way it is clear");
        ["a/az2", "a/az3"].into_iter().for_each(|probe| world.report(probe));
        let told = world.explain().causes.into_iter().filter(|it| it.gate == Gate::Open);
        assert_eq!(told.count(), usize::from(fails_again));
    }
}

/// What the zones of an account have in common: one says so again and again, the others have yet to run.
#[test]
fn what_paths_share_is_not_told_by_one_of_them_alone_however_often_it_fails() {
    let mut builder = Builder::default();
    let (account, target) = (builder.name("a"), builder.name("b"));
    let connection = builder.segment(&[(Component::Connection { account, target }, Stage::Way)]);
    let mut zone = |name: &str| {
        let zone = builder.name(name);
        let report = builder.segment(&[(Component::Probe { account, zone }, Stage::Report)]);
        (builder.probe(&[report]), builder.path(&[connection]))
    };
    let zones = ["az1", "az2", "az3"].map(&mut zone);
    let mut state = State::new(builder.build(), Rules::of(POLICY));
    for minute in 0..8 {
        for (number, (probe, path)) in (0..).zip(zones) {
            state.report(probe, 1000 + minute * 60 + number);
            state.observe(path, 1000 + minute * 60 + number, Outcome::Pass);
        }
    }
    state.report(zones[0].0, 1480);
    for again in 0..6 {
        state.observe(zones[0].1, 1480 + again, Outcome::Silence);
        let told = state.explain(1486).causes.into_iter().find(|it| it.gate == Gate::Open);
        assert_eq!(told, None, "after {again} results more");
    }
}

#[test]
fn what_fails_for_two_reasons_is_not_in_doubt() {
    let mut world = World::new(4);
    world.minutes(8);
    world.fail_where(|from, to| (from.ends_with("az1") || to.starts_with("c/")).then_some(Outcome::Silence));
    world.minutes(2);
    let causes = world.explain().causes;
    assert!(causes.iter().any(|it| !it.shared.is_empty()), "{causes:?}");
    assert_eq!(doubtful(&world.state, &world), []);
}

#[test]
fn what_is_told_is_in_doubt_no_more_however_little_there_is_of_it() {
    let mut world = World::new(3);
    world.minutes(8);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Outcome::Silence));
    ["a/az1", "a/az2", "a/az3"].into_iter().for_each(|probe| world.report(probe));
    world.now_ticks += 30;
    assert_eq!(world.explain().causes[0].gate, Gate::Open);
    assert_eq!(doubtful(&world.state, &world), []);
}

/// One zone has lost its way out, as its newest run says; the account's other zones have not run since.
fn way_out_of_one_zone_lost() -> World {
    let mut world = World::new(3);
    world.minutes(8);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Outcome::Silence));
    world.report("a/az1");
    world
}

#[test]
fn whoever_could_say_that_it_is_wider_is_named_and_what_they_say_is_told_at_once() {
    for is_wider in [false, true] {
        let mut world = way_out_of_one_zone_lost();
        let (now, explanation) = (world.now_ticks, world.explain());
        assert!(explanation.causes.iter().all(|it| it.gate != Gate::Open), "the other zones could say so");
        let wanted: Vec<(PathId, String, bool)> = world
            .state
            .wanted(&explanation, now, |_| true)
            .into_iter()
            .map(|path| {
                let seen = world.paths.iter().find(|it| it.path == path).expect("it is no report");
                (path, seen.from.clone(), seen.to.starts_with("out"))
            })
            .collect();
        let ways_out = |zone: &str| wanted.iter().filter(|(_, from, is_out)| from == zone && *is_out).count();
        assert_eq!(["a/az1", "a/az2", "a/az3"].map(ways_out), [3, 3, 3], "what failed runs again, too");
        let itself = wanted.iter().position(|(_, from, _)| from == "a/az1").unwrap();
        assert_eq!(itself, wanted.len() - 3, "behind those who could say that it is wider");
        let told = world.state.explain(now + 70);
        assert_eq!(told.causes[0].gate, Gate::Open, "at the latest");
        assert_eq!(world.state.wanted(&told, now + 70, |_| true), [], "then nobody is asked any more");
        for (path, from, is_out) in wanted {
            let fails = from == "a/az1" || is_wider && is_out && from.starts_with("a/");
            world.state.observe(path, now + 9, if fails { Outcome::Silence } else { Outcome::Pass });
        }
        world.now_ticks += 10;
        let causes = world.explain().causes;
        let (word, paths) = if is_wider { ("way out a", 9) } else { ("route a/az1 internet | nat a/az1", 3) };
        assert_eq!(world.causes(), [word]);
        assert_eq!(
            (causes[0].gate, causes[0].paths.len(), causes[0].unrefuted.len()),
            (Gate::Open, paths, 0)
        );
    }
}

/// Whoever has nothing run again waits no longer for it than that takes.
#[test]
fn what_may_be_chance_is_told_when_it_has_not_run_again_within_half_a_minute() {
    let mut world = way_out_of_one_zone_lost();
    let failed = world.now_ticks;
    world.now_ticks += 1;
    for probe in ["a/az2", "a/az3", "b/az1", "b/az2", "b/az3", "c/az1", "c/az2", "c/az3"] {
        world.report(probe);
    }
    let gate = |at_ticks: u32| world.state.explain(at_ticks).causes[0].gate;
    assert_eq!(gate(failed + 1), Gate::Wait { until_ticks: failed + 30 });
    assert_eq!([gate(failed + 29), gate(failed + 30)], [Gate::Wait { until_ticks: failed + 30 }, Gate::Open]);
}

/// Four probes reach one target at five ports each, through one group, from which an isolation keeps them as well, and by
/// which their reports come; the first one has lost it, and no other one has run since. Nothing tells target and group apart.
fn target_lost_by_one_of_four() -> (State, Vec<(ProbeId, PathId, Vec<PathId>)>) {
    let mut builder = Builder::default();
    let target = builder.name("t");
    let group = Component::SecurityGroup(target);
    // In this order a component's paths are looked at.
    let report = builder.segment(&[(group, Stage::Report)]);
    let apart = builder.segment(&[(group, Stage::Isolation)]);
    let there = builder.segment(&[(Component::Target(target), Stage::Target), (group, Stage::Way)]);
    let probes: Vec<_> = (0..4)
        .map(|_| {
            let probe = builder.probe(&[report]);
            let isolation = builder.path(&[apart]);
            (probe, isolation, (0..5).map(|_| builder.path(&[there])).collect::<Vec<_>>())
        })
        .collect();
    let mut state = State::new(builder.build(), Rules::of(POLICY));
    for at_ticks in (1..=8).rev().map(|minutes| LOST + 10 - 60 * minutes) {
        for (probe, isolation, paths) in &probes {
            state.report(*probe, at_ticks);
            state.observe(*isolation, at_ticks, Outcome::Pass);
            paths.iter().for_each(|path| state.observe(*path, at_ticks, Outcome::Pass));
        }
    }
    probes[0].2.iter().for_each(|path| state.observe(*path, LOST, Outcome::Silence));
    (state, probes)
}

/// When it was lost.
const LOST: u32 = 2_000;

#[test]
fn of_each_probe_that_may_run_three_paths_are_asked_that_would_clear_it_no_isolation_and_no_report() {
    let (state, probes) = target_lost_by_one_of_four();
    let explanation = state.explain(LOST + 1);
    assert!(matches!(explanation.causes[0].gate, Gate::Wait { .. }));
    let asked = state.wanted(&explanation, LOST + 1, |probe| probe != probes[2].0);
    let expected = [1, 3].map(|number: usize| probes[number].2[..3].to_vec()).concat();
    assert_eq!(asked, expected);
}

#[test]
fn a_probe_has_said_enough_by_three_paths_also_of_the_moment_at_which_it_broke_and_not_by_two() {
    for (count, gate) in [(2, Gate::Wait { until_ticks: LOST + 70 }), (3, Gate::Open)] {
        let (mut state, probes) = target_lost_by_one_of_four();
        for path in probes[1..].iter().flat_map(|(_, _, paths)| &paths[..count]) {
            state.observe(*path, LOST, Outcome::Silence);
        }
        let causes = state.explain(LOST + 1).causes;
        assert_eq!((causes.len(), causes[0].gate), (1, gate), "{count} of five");
    }
}

/// It has had as many results as chance takes.
#[test]
fn a_path_by_itself_that_failed_often_enough_waits_for_no_further_rerun() {
    let mut world = World::new(3);
    world.minutes(8);
    let lone = path(&world, "a/az1", "c/443");
    world.fail_where(|from, to| (from == "a/az1" && to == "c/443").then_some(Outcome::Silence));
    for account in ["a", "b", "c"] {
        ["az1", "az2", "az3"].into_iter().for_each(|zone| world.report(&format!("{account}/{zone}")));
    }
    (1..=3).for_each(|again| world.state.observe(lone, world.now_ticks + again, Outcome::Silence));
    world.now_ticks += 4;
    let causes = world.explain().causes;
    assert_eq!((causes.len(), causes[0].gate, causes[0].paths.as_slice()), (1, Gate::Open, &[lone][..]));
}
