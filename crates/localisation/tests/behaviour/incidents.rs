//! Causes over time.

use phonehome_localisation::{Incidents, Outcome::Silence, Suspect};

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
