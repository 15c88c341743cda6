//! Small networks, what is seen of them, and what is said.

use phonehome_localisation::Outcome::{Open, Pass, Refused, Silence, Unresolved, WrongAnswer};
use phonehome_localisation::{Component, Gate};

use crate::world::World;

#[test]
fn nothing_fails_and_nothing_is_said() {
    let mut world = World::new(3);
    world.minutes(6);
    assert!(world.causes().is_empty());
}

#[test]
fn one_failure_is_chance_and_so_are_two_of_a_lone_path() {
    let mut world = World::new(3);
    let path = world.path(0, 0, "b/443");
    world.minutes(6);
    for _ in 0..3 {
        world.fail(path, Silence);
        world.minutes(1);
        assert!(world.causes().is_empty());
    }
    world.fail(path, Silence);
    world.minutes(1);
    assert_eq!(world.causes(), ["path a/az1 b/443"]);
}

#[test]
fn each_fault_is_named() {
    type Fails = fn(&str, &str) -> Option<phonehome_localisation::Outcome>;
    let table: [(&str, Fails, &[&str]); 10] = [
        (
            "a gateway",
            |from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence),
            &["route a/az1 internet | nat a/az1"],
        ),
        (
            "all gateways",
            |from, to| (from.starts_with("a/") && to.starts_with("out")).then_some(Silence),
            &["way out a"],
        ),
        (
            "an account",
            |from, to| (from.starts_with("a/") || to.starts_with("a/")).then_some(Silence),
            &["account a"],
        ),
        ("a zone", |from, _| from.ends_with("az1").then_some(Silence), &["zone az1"]),
        ("a resolver", |from, _| from.starts_with("b/").then_some(Unresolved), &["resolver b"]),
        ("a target that refuses", |_, to| to.starts_with("c/").then_some(Refused), &["target c"]),
        ("a target that is gone", |_, to| to.starts_with("c/").then_some(Silence), &["target c | group c"]),
        ("one port", |_, to| (to == "c/5432").then_some(Refused), &["service c 5432"]),
        ("one wrong answer", |_, to| (to == "c/443").then_some(WrongAnswer), &["service c 443"]),
        (
            "a peering",
            |from, to| {
                let is_over = |here, there| from.starts_with(here) && to.starts_with(there);
                (is_over("a/", "b/") || is_over("b/", "a/")).then_some(Silence)
            },
            &["peering a b"],
        ),
    ];
    for (what, fails, expected) in table {
        let mut world = World::new(3);
        world.minutes(6);
        world.fail_where(fails);
        world.minutes(2);
        assert_eq!(world.causes(), expected, "{what}");
    }
}

#[test]
fn what_only_one_direction_loses_is_not_the_peerings() {
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|from, to| (from.starts_with("a/") && to.starts_with("b/")).then_some(Silence));
    world.minutes(2);
    assert_eq!(world.causes(), ["route a/az1 a b", "route a/az2 a b", "route a/az3 a b"]);
}

#[test]
fn what_nothing_tells_apart_is_told_together() {
    // From one zone nothing gets out: its subnet, its route table, or the zone's share of the account.
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|from, _| (from == "a/az2").then_some(Silence));
    world.minutes(2);
    assert_eq!(world.causes(), ["route table a/az2 | zone a az2 | subnet a/az2"]);
}

#[test]
fn a_dead_zone_and_an_unrelated_dead_target_are_two_causes() {
    let mut world = World::new(4);
    world.minutes(6);
    world.fail_where(|from, to| match (from, to) {
        (from, _) if from.ends_with("az1") => Some(Silence),
        (_, to) if to.starts_with("c/") => Some(Refused),
        _ => None,
    });
    world.minutes(2);
    assert_eq!(world.causes(), ["zone az1", "target c"]);
}

#[test]
fn two_targets_that_die_at_once_are_two_causes_and_not_what_they_share() {
    let mut world = World::new(4);
    world.minutes(6);
    world.fail_where(|_, to| (to.starts_with("b/") || to.starts_with("d/")).then_some(Refused));
    world.minutes(2);
    assert_eq!(world.causes(), ["target b", "target d"]);
}

#[test]
fn an_account_that_is_lost_while_its_gateway_is_broken_is_told_beside_it_while_that_can_be_seen() {
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence));
    world.minutes(3);
    world.fail_where(|from, to| (from.starts_with("a/") || to.starts_with("a/")).then_some(Silence));
    world.minutes(1);
    assert_eq!(world.causes(), ["account a", "route a/az1 internet | nat a/az1"]);
    // Later the wider one explains all that is still looked at.
    world.minutes(6);
    assert_eq!(world.causes(), ["account a"]);
}

#[test]
fn a_lost_account_and_what_others_lose_to_it_are_one_cause_whether_its_probes_report_or_not() {
    for is_silent in [false, true] {
        let mut world = World::new(4);
        world.minutes(6);
        world.fail_where(|from, to| (from.starts_with("b/") || to.starts_with("b/")).then_some(Silence));
        if is_silent {
            world.silence(|probe| probe.starts_with("b/"));
        }
        world.minutes(3);
        assert_eq!(world.causes(), ["account b"], "silent: {is_silent}");
    }
}

#[test]
fn a_silent_account_that_others_still_reach_has_lost_its_reports_only() {
    let mut world = World::new(4);
    world.minutes(6);
    world.silence(|probe| probe.starts_with("b/"));
    world.minutes(3);
    assert_eq!(world.causes(), ["reporting b"]);
}

#[test]
fn a_silent_probe_is_named_and_everything_late_is_phonehome_itself() {
    let mut world = World::new(4);
    world.minutes(6);
    world.silence(|probe| probe == "a/az3");
    world.minutes(7);
    assert_eq!(world.causes(), ["probe a az3"]);
    world.silence(|_| true);
    world.minutes(4);
    assert_eq!(world.causes()[0], "collector");
}

/// Whoever collects reports may die with a batch of them, which comes again minutes later. Here these are all reports of
/// one account, and one more.
#[test]
fn reports_that_are_lost_in_one_batch_are_no_silence_and_an_account_that_falls_silent_with_them_is() {
    let is_in_batch = |probe: &str| probe.starts_with("c/") || probe == "d/az1";
    for stays_silent in [false, true] {
        let mut world = World::new(8);
        world.minutes(6);
        world.silence(is_in_batch);
        world.minutes(1);
        if !stays_silent {
            world.mend();
        }
        let mut told = false;
        let lost_ticks = world.now_ticks;
        for _ in 0..2 {
            world.each_report(|world| {
                let mut causes = world.state.explain(world.now_ticks).causes.into_iter();
                assert!(causes.clone().all(|it| !it.paths.is_empty()));
                told |= causes.any(|it| it.gate == phonehome_localisation::Gate::Open);
            });
        }
        assert_eq!(told, stays_silent, "from {lost_ticks} on");
    }
}

/// The account is told at once; a probe of which one report is missing is a part of that when the next one is, too.
#[test]
fn one_report_that_is_missing_is_no_part_of_what_fails_for_another_reason_before_the_next_one_is_missing() {
    for stays_silent in [false, true] {
        let mut world = World::new(8);
        world.minutes(6);
        let is_lost =
            |from: &str, to: &str| (from.starts_with("b/") || to.starts_with("b/")).then_some(Silence);
        world.fail_where(is_lost);
        world.silence(|probe| probe == "b/az3");
        world.minutes(1);
        if !stays_silent {
            world.mend();
            world.fail_where(is_lost);
        }
        let report = world.state.topology().report_of(world.probe(1, 2));
        let is_in =
            |it: &phonehome_localisation::Cause| it.paths.contains(&report) || it.shared.contains(&report);
        let causes = world.explain().causes;
        assert!(causes[0].gate == Gate::Open && causes.len() == 1 && !is_in(&causes[0]), "{causes:?}");
        assert_eq!(world.causes(), ["account b"]);
        let mut missed = 0;
        world.each_report(|world| missed += world.explain().causes.iter().filter(|it| is_in(it)).count());
        assert_eq!(missed > 0, stays_silent);
    }
}

/// They were not under way together.
#[test]
fn reports_that_are_missing_apart_are_a_part_of_what_fails_at_once() {
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|from, to| (from.starts_with("b/") || to.starts_with("b/")).then_some(Silence));
    world.silence(|probe| probe == "b/az1" || probe == "b/az3");
    world.minutes(1);
    let told = world.explain().causes;
    for zone in [0, 2] {
        let report = world.state.topology().report_of(world.probe(1, zone));
        assert!(told.iter().any(|it| it.paths.contains(&report)), "{told:?}");
    }
}

/// Of the other zones nobody is heard since; a Region that is lost would explain as much.
#[test]
fn a_lost_zone_is_not_its_region_when_phonehome_hears_nothing_any_more() {
    let mut world = World::new(4);
    world.minutes(6);
    world.fail_where(|from, _| from.ends_with("az1").then_some(Silence));
    ["a/az1", "b/az1", "c/az1", "d/az1"].into_iter().for_each(|probe| world.report(probe));
    world.silence(|_| true);
    let mut told = Vec::new();
    for _ in 0..4 {
        world.each_report(|world| {
            let causes = world.explain().causes.into_iter().filter(|it| it.gate == Gate::Open);
            told.extend(causes.map(|it| world.word(it.suspects[0])));
        });
    }
    assert!(told.contains(&"zone az1".to_owned()) && told.contains(&"collector".to_owned()), "{told:?}");
    assert!(!told.contains(&"region use1".to_owned()), "{told:?}");
}

#[test]
fn reports_that_come_late_were_never_missing() {
    let mut world = World::new(3);
    world.minutes(6);
    world.silence(|probe| probe == "a/az1");
    world.minutes(6);
    assert_eq!(world.causes(), ["probe a az1"]);
    world.catch_up();
    assert!(world.causes().is_empty());
}

#[test]
fn one_open_isolation_is_a_fact_and_told_at_once() {
    let mut world = World::new(3);
    let path = world.path(0, 1, "not c");
    world.minutes(6);
    world.fail(path, Open);
    world.minutes(1);
    assert_eq!(world.causes(), ["isolation a c"]);
    assert_eq!(world.explain().causes[0].gate, Gate::Open);
    // Proven once more it may be chance: a target that is just dying is silent, too.
    world.mend();
    world.minutes(1);
    assert_eq!(world.causes(), ["isolation a c"]);
    world.minutes(1);
    assert!(world.causes().is_empty());
}

#[test]
fn noise_around_a_fault_changes_nothing_of_what_is_named() {
    let mut world = World::new(4);
    let noisy = world.path(3, 2, "out/one");
    world.minutes(6);
    world.fail(noisy, Silence);
    world.fail_where(|_, to| to.starts_with("c/").then_some(Refused));
    world.minutes(1);
    let passes = world.path(0, 0, "c/443");
    world.fail(passes, Pass);
    world.minutes(1);
    assert_eq!(world.causes(), ["target c"]);
}

#[test]
fn what_is_mended_is_no_longer_named() {
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|_, to| to.starts_with("c/").then_some(Refused));
    world.minutes(3);
    assert_eq!(world.causes(), ["target c"]);
    world.mend();
    world.minutes(6);
    assert!(world.causes().is_empty());
    assert_eq!(world.state.unsettled(), 0);
}

#[test]
fn the_gate_waits_for_who_could_make_it_wider_and_at_most_one_interval() {
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence));
    // The gateway's own probe reports, the others of the account have yet to.
    world.report("a/az1");
    let Gate::Wait { until_ticks } = world.explain().causes[0].gate else { panic!("{:?}", world.explain()) };
    assert_eq!(until_ticks, world.now_ticks + 60 + 10);
    assert_eq!(world.state.explain(until_ticks).causes[0].gate, Gate::Open);
    // The next one gets out: it is this gateway's.
    world.now_ticks += 1;
    world.report("a/az2");
    world.report("a/az3");
    world.now_ticks += 10;
    // What failed has run again, so that it is no chance.
    world.report("a/az1");
    assert_eq!(world.explain().causes[0].gate, Gate::Open);
    assert_eq!(world.causes(), ["route a/az1 internet | nat a/az1"]);
}

/// What both zones explain, and what the third loses to an account besides, accuses the Region and the fleet more than
/// either zone: these two are one another's rivals, and neither is what is broken.
#[test]
fn two_lost_zones_are_not_the_region_whose_third_zone_works_however_much_of_it_fails() {
    let mut world = World::new(4);
    world.minutes(6);
    world.fail_where(|from, to| {
        let is_lost = from.ends_with("az1") || from.ends_with("az2") || to.starts_with("b/");
        is_lost.then_some(Silence)
    });
    world.minutes(8);
    let causes = world.causes();
    assert_eq!(causes.len(), 3, "{causes:?}");
    assert_eq!(causes[..2], ["zone az1", "zone az2"]);
}

/// Who else depends on it is not heard of, so that nobody contradicts; nor does anybody say so.
#[test]
fn while_nobody_is_heard_of_a_lone_path_is_told_as_nothing_wider() {
    let mut world = World::new(3);
    world.minutes(8);
    let lone = world.path(0, 0, "c/443");
    for again in 1..=3 {
        world.state.observe(lone, world.now_ticks + again, Silence);
    }
    world.now_ticks += 4;
    ["c/az1", "c/az2", "c/az3"].into_iter().for_each(|probe| world.report(probe));
    world.silence(|_| true);
    for minute in 0..4 {
        world.minutes(1);
        let causes = world.explain().causes;
        let told = causes.iter().filter(|it| it.gate == Gate::Open && it.paths.contains(&lone));
        assert_eq!(told.count(), 0, "after {minute} minutes: {causes:?}");
    }
    assert!(world.causes().contains(&"collector".to_owned()));
}

#[test]
fn a_path_that_nobody_hears_of_says_nothing() {
    let mut world = World::new(3);
    world.minutes(6);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence));
    world.minutes(1);
    world.silence(|probe| probe == "a/az1");
    world.minutes(9);
    let named = world.explain().causes;
    assert_eq!(world.causes(), ["probe a az1"], "{named:?}");
    let probe = world.state.topology().report_of(world.probe(0, 0));
    assert_eq!(named[0].paths, [probe]);
    assert!(matches!(
        named[0].suspects[0],
        phonehome_localisation::Suspect::Component(Component::Probe { .. })
    ));
}
