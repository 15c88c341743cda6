//! What is decided of one look.

use std::collections::BTreeSet;

use phonehome_machine_users::{
    Decision, Intent, Key, KeyId, Problem, Rotation, Rules, SETTLES_MS, Seen, Step, SwitchedOff, Versions,
    decide,
};

const DAY_MS: u64 = 24 * 60 * 60_000;
const NOW_MS: u64 = 1_790_000_000_000;
const RULES: Rules = Rules { rotate_after_ms: 30 * DAY_MS, overlap_ms: 5 * DAY_MS };

fn id(number: usize) -> KeyId {
    format!("AKIA{number:016}").parse().unwrap()
}

/// A key that is so old.
fn key(number: usize, age_ms: u64) -> Key {
    Key { id: id(number), created_at_ms: NOW_MS - age_ms, is_active: true, used_at_ms: None }
}

/// These keys, of which the secret hands out the first number, and handed out the second before.
fn seen(keys: Vec<Key>, current: Option<usize>, previous: Option<usize>) -> Seen {
    let version = |number: usize| id(number).version();
    let versions =
        Versions { current: current.map(version), others: previous.map(version).into_iter().collect() };
    Seen { keys, versions }
}

fn asking(known: &[usize], made: Option<usize>) -> Rotation {
    let known: BTreeSet<KeyId> = known.iter().copied().map(id).collect();
    let intent = Intent { known, at_ms: NOW_MS - DAY_MS / 2, made: made.map(id) };
    Rotation { intent: Some(intent), ..Rotation::default() }
}

fn decided(seen: &Seen, rotation: Rotation) -> Decision {
    decide(seen, rotation, RULES, NOW_MS)
}

#[test]
fn nothing_is_decided_until_what_was_changed_is_seen_by_all() {
    let acted = |ago_ms: u64| Rotation { acted_at_ms: NOW_MS - ago_ms, ..Rotation::default() };
    let none = seen(vec![], None, None);
    assert_eq!(decided(&none, acted(SETTLES_MS - 1)).step, None);
    assert_eq!(decided(&none, acted(SETTLES_MS)).step, Some(Step::Make));
}

#[test]
fn what_is_being_made_is_looked_at_soon_and_everything_else_once_a_day() {
    let looked = |rotation: Rotation| Rotation { looked_at_ms: NOW_MS - DAY_MS / 2, ..rotation };
    let acted_at_ms = NOW_MS - SETTLES_MS;
    assert!(!looked(Rotation::default()).is_due(NOW_MS));
    assert!(looked(Rotation { acted_at_ms, ..asking(&[], None) }).is_due(NOW_MS));
    assert!(looked(Rotation { acted_at_ms, ..Rotation::default() }).is_due(NOW_MS));
    assert!(!looked(Rotation { acted_at_ms: acted_at_ms + 1, ..asking(&[], None) }).is_due(NOW_MS));
}

#[test]
fn a_key_that_was_lost_is_known_as_such_until_it_is_gone() {
    for made in [None, Some(2)] {
        let lost = seen(vec![key(1, DAY_MS), key(2, DAY_MS / 2)], Some(1), None);
        let decision = decided(&lost, asking(&[1], made));
        assert_eq!(decision.step, Some(Step::Delete(id(2))), "{made:?}");
        assert!(decision.rotation.intent.is_some(), "the deletion may not have been heard");
    }
}

#[test]
fn what_was_there_before_or_is_older_than_the_making_is_not_what_was_lost() {
    // Somebody made it a moment before; or it was not in the list, which was behind.
    for (rotation, theirs) in [
        (asking(&[2], None), key(2, DAY_MS / 2)),
        (asking(&[1], None), key(2, DAY_MS)),
        (asking(&[1], Some(3)), key(2, DAY_MS / 2)),
    ] {
        let decision = decided(&seen(vec![key(1, 2 * DAY_MS), theirs], Some(1), None), rotation);
        assert_eq!((decision.step, decision.problem), (None, Some(Problem::ForeignKey { key: id(2) })));
        assert_eq!(decision.rotation.intent, None);
    }
}

#[test]
fn a_key_that_was_stored_and_deleted_by_hand_before_anybody_looked_is_replaced() {
    let decision = decided(&seen(vec![], Some(1), None), asking(&[], Some(1)));
    assert_eq!((decision.step, decision.problem), (Some(Step::Make), Some(Problem::Gone { key: id(1) })));
}

#[test]
fn an_old_key_stays_while_the_new_one_is_not_accepted() {
    let new = Key { is_active: false, ..key(2, 20 * DAY_MS) };
    let decision = decided(&seen(vec![key(1, 50 * DAY_MS), new], Some(2), Some(1)), Rotation::default());
    assert_eq!(decision.step, Some(Step::Delete(id(2))), "there is room for another one then");
}

#[test]
fn a_key_that_was_switched_off_is_kept_for_a_day() {
    let old = Key { is_active: false, ..key(1, 50 * DAY_MS) };
    let of = seen(vec![old, key(2, 6 * DAY_MS)], Some(2), Some(1));
    let since = |at_ms: Option<u64>| Rotation {
        switched_off: at_ms.map(|at_ms| SwitchedOff { key: id(1), at_ms }),
        ..Rotation::default()
    };
    assert_eq!(decided(&of, since(Some(NOW_MS - DAY_MS + 1))).step, None);
    assert_eq!(decided(&of, since(Some(NOW_MS - DAY_MS))).step, Some(Step::Delete(id(1))));
    // Nobody knows since when: from now on.
    let decision = decided(&of, since(None));
    assert_eq!((decision.step, decision.rotation.switched_off.map(|it| it.at_ms)), (None, Some(NOW_MS)));
}
