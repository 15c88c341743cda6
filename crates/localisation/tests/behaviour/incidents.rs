//! Causes over time.

use phonehome_localisation::{Cause, Explanation, Gate, Incidents, Outcome::Silence, PathId, Suspect};

use crate::world::World;

/// Follows for so many minutes, after each report; what was opened, in words.
fn follow(world: &mut World, incidents: &mut Incidents, minutes: u32) -> Vec<String> {
    let mut opened = Vec::new();
    for _ in 0..minutes {
        world.each_report(|world| {
            let explanation = world.explain();
            let new = incidents.follow(&world.state, &explanation, world.now_ticks);
            opened.extend(new.iter().map(|it| words(world, &it.suspects)));
        });
    }
    opened
}

fn words(world: &World, suspects: &[Suspect]) -> String {
    suspects.iter().map(|it| world.word(*it)).collect::<Vec<_>>().join(" | ")
}

fn open(world: &World, incidents: &Incidents) -> Vec<String> {
    incidents.open.iter().map(|it| words(world, &it.suspects)).collect()
}

#[test]
fn a_fault_is_told_once_and_ends() {
    let (mut world, mut incidents) = (World::new(3), Incidents::default());
    world.minutes(6);
    world.fail_where(|_, to| to.starts_with("c/").then_some(Silence));
    assert_eq!(follow(&mut world, &mut incidents, 5), ["target c | group c"]);
    world.mend();
    assert!(follow(&mut world, &mut incidents, 8).is_empty());
    assert!(incidents.open.is_empty());
}

#[test]
fn what_becomes_wider_goes_on_as_the_same_incident() {
    let (mut world, mut incidents) = (World::new(3), Incidents::default());
    world.minutes(6);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence));
    assert_eq!(follow(&mut world, &mut incidents, 3), ["route a/az1 internet | nat a/az1"]);
    world.fail_where(|from, to| (from.starts_with("a/") && to.starts_with("out")).then_some(Silence));
    assert!(follow(&mut world, &mut incidents, 8).is_empty());
    assert_eq!(open(&world, &incidents), ["way out a"]);
}

#[test]
fn it_keeps_the_widest_name_it_had_until_it_ends() {
    let (mut world, mut incidents) = (World::new(3), Incidents::default());
    world.minutes(6);
    world.fail_where(|from, to| (from.starts_with("a/") && to.starts_with("out")).then_some(Silence));
    assert_eq!(follow(&mut world, &mut incidents, 3), ["way out a"]);
    world.mend();
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence));
    assert!(follow(&mut world, &mut incidents, 8).is_empty());
    assert_eq!(open(&world, &incidents), ["way out a"]);
    world.mend();
    follow(&mut world, &mut incidents, 8);
    assert!(incidents.open.is_empty());
}

#[test]
fn a_second_fault_elsewhere_is_a_second_incident() {
    let (mut world, mut incidents) = (World::new(4), Incidents::default());
    world.minutes(6);
    world.fail_where(|_, to| to.starts_with("c/").then_some(Silence));
    follow(&mut world, &mut incidents, 2);
    world.fail_where(|from, to| (from == "a/az1" && to.starts_with("out")).then_some(Silence));
    assert_eq!(follow(&mut world, &mut incidents, 3), ["route a/az1 internet | nat a/az1"]);
    assert_eq!(incidents.open.len(), 2);
}

#[test]
fn a_lost_account_is_one_incident_whoever_reports_of_it_first() {
    for first in 0..12 {
        let (mut world, mut incidents) = (World::new(4), Incidents::default());
        world.minutes(6);
        let mut reports = 0;
        world.each_report(|world| {
            reports += 1;
            if reports == first {
                world.fail_where(|from, to| {
                    (from.starts_with("b/") || to.starts_with("b/")).then_some(Silence)
                });
            }
            let explanation = world.explain();
            for incident in incidents.follow(&world.state, &explanation, world.now_ticks) {
                assert_eq!(words(world, &incident.suspects), "account b", "from report {first} on");
            }
        });
        follow(&mut world, &mut incidents, 3);
        assert_eq!(incidents.open.len(), usize::from(first > 0), "from report {first} on");
    }
}

/// What is told of these paths.
fn cause(suspects: &[Suspect], paths: &[PathId]) -> Explanation {
    let (suspects, paths) = (suspects.to_vec(), paths.to_vec());
    let cause = Cause {
        suspects,
        since_ticks: 1000,
        evidence: 20_000,
        paths,
        shared: vec![],
        gate: Gate::Open,
        unrefuted: vec![],
    };
    Explanation { causes: vec![cause] }
}

#[test]
fn a_narrower_cause_that_explains_all_there_was_corrects_the_name_and_one_of_a_part_does_not() {
    let mut world = World::new(3);
    world.minutes(6);
    let suspects_of = |fails: fn(&str, &str) -> bool| {
        let mut world = World::new(3);
        world.minutes(6);
        world.fail_where(|from, to| fails(from, to).then_some(Silence));
        world.minutes(2);
        world.explain().causes[0].suspects.clone()
    };
    let wide = suspects_of(|from, to| from.starts_with("a/") || to.starts_with("a/"));
    let narrow = suspects_of(|from, to| from.starts_with("a/") && to.starts_with("out"));
    let paths = [world.path(0, 0, "out/one"), world.path(0, 1, "out/one")];
    world.fail_where(|from, to| (from.starts_with("a/") && to == "out/one").then_some(Silence));
    world.minutes(1);
    for (explained, named) in [(&paths[..], "way out a"), (&paths[..1], "account a")] {
        let mut incidents = Incidents::default();
        incidents.follow(&world.state, &cause(&wide, &paths), world.now_ticks);
        assert_eq!(open(&world, &incidents), ["account a"]);
        assert!(incidents.follow(&world.state, &cause(&narrow, explained), world.now_ticks).is_empty());
        assert_eq!(open(&world, &incidents), [named], "{explained:?}");
    }
}

#[test]
fn what_failed_does_not_go_on_as_phonehomes_own_silence() {
    let (mut world, mut incidents) = (World::new(3), Incidents::default());
    world.minutes(6);
    world.fail_where(|from, _| from.ends_with("az1").then_some(Silence));
    follow(&mut world, &mut incidents, 1);
    world.fail_where(|_, to| to.starts_with("c/").then_some(Silence));
    follow(&mut world, &mut incidents, 2);
    let before = open(&world, &incidents);
    world.silence(|_| true);
    assert_eq!(follow(&mut world, &mut incidents, 12), ["collector"]);
    assert_eq!(open(&world, &incidents), [before, vec!["collector".to_owned()]].concat());
}

/// What is told of the paths of one account, by what later causes say: which paths these have by themselves, and with
/// others, and whether they are certain.
#[test]
fn a_name_changes_when_it_is_wider_clearer_or_explains_all_there_was_and_only_by_what_is_certain() {
    let mut world = World::new(3);
    world.minutes(6);
    let component = |text: &str| {
        let mut world = World::new(3);
        world.minutes(6);
        world.fail_where(|from, to| {
            let fails = match text {
                "account a" => from.starts_with("a/") || to.starts_with("a/"),
                "nat a/az1" => from == "a/az1" && to.starts_with("out"),
                _ => from.starts_with("a/") && to.starts_with("out"),
            };
            fails.then_some(Silence)
        });
        world.minutes(2);
        world.explain().causes[0].suspects.clone()
    };
    let (account, way_out, zones_own) =
        (component("account a"), component("way out a"), component("nat a/az1"));
    let own_route = zones_own[..1].to_vec();
    let [one, two, three] = ["out/one", "out/two", "out/three"].map(|to| world.path(0, 0, to));
    type Row<'a> = (&'a str, &'a [Suspect], &'a [Suspect], &'a [PathId], &'a [PathId], Gate, &'a str);
    let table: [Row<'_>; 6] = [
        ("wider", &way_out, &account, &[two, three], &[], Gate::Open, "account a"),
        ("wider, not certain", &way_out, &account, &[one, two], &[], WAITS, "way out a"),
        ("clearer", &zones_own, &own_route, &[two], &[], Gate::Open, "route a/az1 internet"),
        ("narrower, of all", &account, &way_out, &[one, two], &[], Gate::Open, "way out a"),
        ("narrower, of all with others", &account, &way_out, &[one], &[two], Gate::Open, "way out a"),
        ("narrower, of a part", &account, &way_out, &[one], &[], Gate::Open, "account a"),
    ];
    for (what, before, after, paths, shared, gate, named) in table {
        let mut incidents = Incidents::default();
        incidents.follow(&world.state, &cause(before, &[one, two]), world.now_ticks);
        let mut explanation = cause(after, paths);
        explanation.causes[0].shared = shared.to_vec();
        explanation.causes[0].gate = gate;
        assert!(incidents.follow(&world.state, &explanation, world.now_ticks).is_empty(), "{what}");
        assert_eq!(open(&world, &incidents), [named], "{what}");
    }
}

const WAITS: Gate = Gate::Wait { until_ticks: u32::MAX };
