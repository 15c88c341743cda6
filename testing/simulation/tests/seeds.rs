//! Days from seeds: what was told of them is what was so.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use phonehome_simulation::{Options, Outcome, run};

/// Seeds in which something was told wrongly once. They stay.
const KEPT: [(u64, &str); 12] = [
    (0, "notes that isolations cannot be told, during and just after an incident that says why"),
    (1, "the same"),
    (2, "after a backlog, notes that single results of an hour ago had been inconclusive for an hour"),
    (3, "the same"),
    (8, "probes taken for silent together, whose reports were in a batch with which a collector died"),
    (11, "the same"),
    (100, "the same"),
    (102, "the same"),
    (105, "the same, one of them told with an account that was lost"),
    (82, "an isolation that nobody could prove while a backlog was read, told as a probe that cannot tell"),
    (
        115,
        "three reports of one account that were missing by chance, told as its way of reporting, with a page",
    ),
    (155, "one report that the neighbour of a silent probe missed, told as their account's way of reporting"),
];

/// Seeds of everything else; with those that are kept as many as two cores simulate within a minute.
const SEEDS: [u64; 2] = [5, 9];

const THREADS: usize = 2;

fn problems(seed: u64, outcome: &Outcome) -> Vec<String> {
    let wrong = outcome.told.iter().filter(|told| !told.problems.is_empty());
    let line = |told: &phonehome_simulation::Told| {
        format!("{}: {}\nagain: cargo xtask simulate --seed {seed}", told.about, told.problems.join("\n  "))
    };
    wrong.map(line).collect()
}

#[test]
fn every_cause_is_told_once_and_paged_once_and_ends_whatever_gets_lost_and_dies() {
    let seeds: Vec<u64> = KEPT.iter().map(|(seed, _)| *seed).chain(SEEDS).collect();
    let (next, wrong) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let (deaths, pages) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let outcome = run(Options::of(*seed)).unwrap();
                    deaths.fetch_add(outcome.deaths, Ordering::Relaxed);
                    let paged: usize = outcome.told.iter().map(|told| told.pages).sum();
                    pages.fetch_add(paged as u64, Ordering::Relaxed);
                    wrong.lock().unwrap().extend(problems(*seed, &outcome));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A simulation in which nothing dies and nobody is paged shows nothing.
    assert!(deaths.into_inner() > 20 && pages.into_inner() > 10);
}

/// What is skipped changes nothing: the same is told, in as many messages, of the same causes.
#[test]
fn hours_in_which_nothing_happens_can_be_left_out() {
    let told = |whole| {
        let outcome = run(Options { hours: 9, whole, ..Options::of(5) }).unwrap();
        let told = outcome.told.into_iter().map(|it| (it.about, it.incidents, it.pages, it.problems));
        (told.collect::<Vec<_>>(), outcome.reports)
    };
    let ((skipped, fewer), (whole, more)) = (told(false), told(true));
    assert_eq!(skipped, whole);
    assert!(fewer < more && skipped.len() > 1);
}
