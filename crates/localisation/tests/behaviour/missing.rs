//! What missing reports say: less than a result that fails, as they are late or lost more often.

use phonehome_localisation::{Gate, Policy};

use crate::world::{POLICY, World};

/// An account in which a report of each zone is missing, as often as is declared that they are by chance; whether it is
/// told then, and in how many seconds after the first that is missing where it stays silent.
fn told(lost_ppm: u32, stays_silent: bool) -> Option<u32> {
    // Six probes: those of the account run 9 and 10 s after each other, in no batch together.
    let mut world = World::with(2, Policy { lost_ppm, ..POLICY });
    world.minutes(6);
    let first_ticks = world.now_ticks;
    world.silence(|probe| probe.starts_with("a/"));
    let mut told = None;
    for minute in 0..4 {
        if minute == 1 && !stays_silent {
            world.mend();
        }
        world.each_report(|world| {
            let is_told = world.explain().causes.iter().any(|it| it.gate == Gate::Open);
            told = told.or(is_told.then(|| world.now_ticks - first_ticks));
        });
    }
    told
}

#[test]
fn a_handful_of_reports_that_are_missing_is_told_once_there_are_more_than_chance_explains() {
    // Three are enough, the last of them with its grace.
    assert_eq!(told(10_000, true), Some(39));
    // It takes a fourth: the first probe's next run is missing as well.
    assert_eq!(told(30_000, true), Some(79));
    // And a fifth.
    assert_eq!(told(60_000, true), Some(89));
}

#[test]
fn a_report_of_each_zone_that_is_missing_by_chance_is_told_as_nothing() {
    assert_eq!(told(30_000, false), None);
}

/// What fails beside them is no chance, however often reports are lost.
#[test]
fn how_often_reports_get_lost_makes_nothing_later_that_results_say() {
    use phonehome_localisation::Outcome::Silence;
    let opens = |lost_ppm: u32| {
        let mut world = World::with(4, Policy { lost_ppm, ..POLICY });
        world.minutes(6);
        world.fail_where(|from, to| (from.starts_with("b/") || to.starts_with("b/")).then_some(Silence));
        world.silence(|probe| probe == "b/az3");
        let mut told = None;
        for _ in 0..2 {
            world.each_report(|world| {
                let causes = world.explain().causes;
                let is_told = causes.iter().any(|it| it.gate == Gate::Open);
                told = told.or(is_told.then_some(world.now_ticks));
            });
        }
        told
    };
    assert!(opens(10_000).is_some());
    assert_eq!(opens(10_000), opens(100_000));
}
