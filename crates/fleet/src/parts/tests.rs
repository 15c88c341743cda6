use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{CheckId, CheckKind, Expect, Purpose, Target};
use proptest::prelude::*;

use super::*;

fn check(id: &str, control: Option<&str>, padding: usize) -> Check {
    Check {
        id: CheckId(id.to_owned()),
        kind: CheckKind::Tcp { host: "h".repeat(padding), port: 443 },
        expect: if control.is_some() { Expect::Deny } else { Expect::Connect },
        purpose: Purpose::Connection,
        target: Target::default(),
        timeout_ms: 1_000,
        control: control.map(|id| CheckId(id.to_owned())),
        every_minutes: 1,
        tries: 3,
    }
}

fn numbered(number: usize) -> Check {
    check(&format!("connection/shop-to-target-{number}/443"), None, 20)
}

/// A fleet's checks: some that connect, and isolations each of which names one of the first twenty of them.
fn checks(connections: &BTreeSet<u16>, isolations: &BTreeSet<u16>, padding: usize) -> Vec<Check> {
    let connecting = connections.iter().map(|it| check(&format!("check/{it}"), None, padding));
    let controls: Vec<String> = connections.iter().take(20).map(|it| format!("check/{it}")).collect();
    let isolating = isolations.iter().filter(|_| !controls.is_empty()).map(|it| {
        let control = &controls[usize::from(*it) % controls.len()];
        check(&format!("isolation/{it}"), Some(control), padding)
    });
    connecting.chain(isolating).collect()
}

/// The part of each.
fn placed(checks: &[Check]) -> BTreeMap<CheckId, u32> {
    let parts = Parts::of(checks);
    checks.iter().map(|check| (check.id.clone(), parts.part_of(check))).collect()
}

/// Whether what moved from one placement to the other did so only because the number of parts changed: into new
/// parts, or out of parts that are gone.
fn moves_are_needed(before: &[Check], after: &[Check]) -> bool {
    let (old, new) = (Parts::of(before).count(), Parts::of(after).count());
    let (before, after) = (placed(before), placed(after));
    before.iter().all(|(id, part)| match after.get(id) {
        Some(now) if now != part => *now >= old || *part >= new,
        _ => true,
    })
}

proptest! {
    #[test]
    fn every_check_is_in_one_part_beside_its_control_and_no_part_is_too_large(
        connections in prop::collection::btree_set(0..5_000_u16, 0..700),
        isolations in prop::collection::btree_set(0..5_000_u16, 0..200),
        padding in 0..700_usize,
    ) {
        let checks = checks(&connections, &isolations, padding);
        let loads: Vec<PartLoad> = checks.iter().map(PartLoad::of).collect();
        prop_assume!(parts_needed(&loads).is_some());
        let parts = Parts::of(&checks);
        let mut seen = BTreeMap::new();
        for part in 0..parts.count() {
            let own: Vec<&Check> = parts.checks_of(&checks, part).collect();
            prop_assert!(own.len() <= MAX_CHECKS);
            let bytes: usize = own.iter().map(|check| serde_json::to_string(check).unwrap().len()).sum();
            prop_assert!(bytes <= INPUT_BYTES_MAX, "{bytes}");
            for check in own {
                prop_assert_eq!(seen.insert(check.id.clone(), part), None, "twice");
            }
        }
        prop_assert_eq!(seen.len(), checks.len());
        for check in &checks {
            if let Some(control) = &check.control {
                prop_assert_eq!(seen[&check.id], seen[control]);
            }
        }
    }

    #[test]
    fn a_check_more_or_less_moves_no_other_but_into_a_new_part_or_out_of_one_that_goes(
        connections in prop::collection::btree_set(0..5_000_u16, 1..900),
        isolations in prop::collection::btree_set(0..5_000_u16, 0..100),
        further in 5_000..6_000_u16,
        padding in 0..300_usize,
    ) {
        let before = checks(&connections, &isolations, padding);
        let mut after = before.clone();
        after.push(check(&format!("check/{further}"), None, padding));
        prop_assert!(moves_are_needed(&before, &after), "added");
        prop_assert!(moves_are_needed(&after, &before), "taken away");
        prop_assert!(Parts::of(&before).count() <= Parts::of(&after).count());
        if Parts::of(&before) == Parts::of(&after) {
            let placed_after = placed(&after);
            prop_assert!(placed(&before).iter().all(|(id, part)| placed_after[id] == *part));
        }
    }

    #[test]
    fn the_order_of_checks_is_of_no_consequence(
        connections in prop::collection::btree_set(0..5_000_u16, 150..500), padding in 0..700_usize,
    ) {
        let checks = checks(&connections, &BTreeSet::new(), padding);
        let reversed: Vec<Check> = checks.iter().rev().cloned().collect();
        prop_assert_eq!(placed(&checks), placed(&reversed));
    }
}

#[test]
fn what_fits_one_input_is_one_part_and_what_is_more_is_several() {
    let all: Vec<Check> = (0..1_000).map(numbered).collect();
    let count = |number: usize| Parts::of(&all[..number]).count();
    assert_eq!([0, 1, 200, 201, 500].map(count), [1, 1, 1, 2, 3]);
    // 200 of the largest there can be do not fit one input, few of them do.
    let large: Vec<Check> = (0..200).map(|number| check(&format!("check/{number}"), None, 1_100)).collect();
    assert_eq!((Parts::of(&large[..90]).count(), Parts::of(&large).count()), (1, 3));
}

#[test]
fn as_many_checks_fit_as_the_documents_say_and_never_more_than_all_inputs_have_room_for() {
    let fit = |first: usize, count: usize, bytes: usize| {
        let load = |number| PartLoad::sized(&numbered(number), bytes);
        parts_needed(&(first..first + count).map(load).collect::<Vec<_>>()).is_some()
    };
    for first in (0..400_000).step_by(2_000) {
        assert!(fit(first, 900, 600) && fit(first, 350, CHECK_BYTES_MAX), "of those from {first} on");
        assert!(!fit(first, 1_201, 1), "of those from {first} on");
    }
}

#[test]
fn checks_of_one_control_fit_only_as_far_as_they_fit_one_part() {
    let loads = |checks: &[Check]| checks.iter().map(PartLoad::of).collect::<Vec<_>>();
    let control = numbered(0);
    let isolation = |number: usize| check(&format!("isolation/{number}"), Some(&control.id.0), 20);
    let mut of_one: Vec<Check> = [control.clone()].into_iter().chain((1..200).map(isolation)).collect();
    assert_eq!(parts_needed(&loads(&of_one)), Some(1));
    of_one.push(isolation(200));
    assert_eq!(parts_needed(&loads(&of_one)), None);
    assert_eq!(Parts::of(&of_one).count(), PARTS_MAX, "a file that is in force is used all the same");
}

/// Another build that placed checks elsewhere would move them all.
#[test]
fn where_a_check_is_never_changes() {
    let parts: Vec<u32> = (0..12).map(|number| part(hash(&numbered(number).id.0), PARTS_MAX)).collect();
    assert_eq!(parts, [4, 1, 5, 2, 3, 2, 1, 4, 2, 2, 5, 2]);
}

#[test]
fn the_parts_are_about_equally_large() {
    for count in 2..=PARTS_MAX {
        let mut sizes = vec![0_u32; count as usize];
        for number in 0..12_000 {
            sizes[part(hash(&numbered(number).id.0), count) as usize] += 1;
        }
        let mean = 12_000 / count;
        assert!(sizes.iter().all(|size| size.abs_diff(mean) < mean / 10), "{sizes:?}");
    }
}
