//! A machine user's keys over months, with what dies, gets lost, and is done by hand.

mod cloud;

use std::collections::BTreeSet;

use cloud::{Cloud, DAY_MS, Fault, HOUR_MS, OVERLAP_MS, RULES};
use phonehome_machine_users::{Problem, Rotation};
use proptest::prelude::*;

/// Looks each hour for so many days, as a sweep would: only what is due is looked at.
fn days(cloud: &Cloud, days: u64) {
    for _ in 0..days * 24 {
        cloud.hour();
    }
}

#[test]
fn a_key_is_made_rotated_and_the_old_one_works_until_the_overlap_is_over() {
    let cloud = Cloud::default();
    days(&cloud, 1);
    assert_eq!(cloud.active(), 1);
    let first = cloud.handed_out().unwrap();
    days(&cloud, 30);
    let second = cloud.handed_out().unwrap();
    assert_ne!(first, second);
    assert_eq!(cloud.active(), 2, "both work");
    days(&cloud, 3);
    assert!(cloud.is_active(&first));
    days(&cloud, 6);
    assert!(!cloud.exists(&first) && cloud.is_active(&second));
    assert_eq!(cloud.made(), 2);
    assert_eq!(cloud.told(), [], "nothing to tell");
}

#[test]
fn whatever_dies_or_gets_lost_at_any_call_one_key_works_and_two_are_the_most() {
    let calm = Cloud::default();
    days(&calm, 75);
    let (calls, made) = (calm.calls(), calm.made());
    assert!(calls > 20 && made == 3, "{calls} calls, {made} keys");
    for at in 0..calls {
        for fault in Fault::ALL {
            let cloud = Cloud::with_fault(at, fault);
            // What a client cached is watched by the cloud at each change.
            days(&cloud, 75);
            let case = format!("{fault:?} at call {at}");
            assert!(cloud.handed_out().is_some_and(|key| cloud.is_active(&key)), "{case}");
            assert!(cloud.age_of_current() <= RULES.rotate_after_ms + 3 * DAY_MS, "{case}");
            assert!(cloud.made() <= made + 1, "{case}: {} keys", cloud.made());
            let lasting: Vec<Problem> = cloud.told().into_iter().filter(|it| !is_refusal(it)).collect();
            assert_eq!(lasting, [], "{case}");
        }
    }
}

fn is_refusal(problem: &Problem) -> bool {
    matches!(problem, Problem::Denied { .. } | Problem::Rejected { .. })
}

#[test]
fn a_key_that_was_surely_not_stored_is_deleted_at_once() {
    let store = Cloud::first_make() + 2;
    let cloud = Cloud::with_fault(store, Fault::Refused);
    cloud.hour();
    assert_eq!((cloud.made(), cloud.all().len()), (1, 0));
    let cloud = Cloud::with_fault(store, Fault::AnswerLost);
    cloud.hour();
    assert_eq!(cloud.all().len(), 1, "it may be the one that is handed out");
}

#[test]
fn a_key_that_somebody_made_by_hand_is_told_and_stays() {
    let cloud = Cloud::default();
    days(&cloud, 5);
    let theirs = cloud.make_by_hand();
    days(&cloud, 5);
    assert_eq!(cloud.told(), [Problem::ForeignKey { key: theirs.clone() }]);
    days(&cloud, 30);
    assert!(cloud.is_active(&theirs));
    let (ours, told) = (cloud.handed_out().unwrap(), cloud.told());
    assert_eq!(told.last(), Some(&Problem::NoRoom { keys: vec![ours.clone(), theirs.clone()] }));
    cloud.delete_by_hand(&theirs);
    days(&cloud, 2);
    assert_ne!(cloud.handed_out().unwrap(), ours, "there is room again");
}

#[test]
fn where_two_keys_may_be_the_one_that_was_being_made_none_is_deleted() {
    // A key is made and its maker dies; before anybody looks again, somebody makes one too.
    let cloud = Cloud::with_fault(Cloud::first_make(), Fault::DiesAfter);
    cloud.hour();
    assert_eq!(cloud.all().len(), 1);
    let theirs = cloud.make_by_hand();
    days(&cloud, 3);
    assert!(cloud.is_active(&theirs));
    assert_eq!(cloud.all().len(), 2);
    assert!(matches!(cloud.told().last(), Some(Problem::NoRoom { .. })), "{:?}", cloud.told());
}

#[test]
fn a_key_that_was_used_was_not_lost_whenever_it_was_made() {
    let cloud = Cloud::with_fault(Cloud::first_make(), Fault::DiesBefore);
    cloud.hour();
    let theirs = cloud.make_by_hand();
    cloud.uses(&theirs);
    days(&cloud, 3);
    assert!(cloud.is_active(&theirs));
    assert_eq!(cloud.told().last(), Some(&Problem::ForeignKey { key: theirs }));
    assert!(cloud.handed_out().is_some(), "there was room for one");
}

#[test]
fn a_key_that_is_switched_off_or_deleted_by_hand_is_replaced_within_a_day_and_told() {
    for is_deleted in [false, true] {
        let cloud = Cloud::default();
        days(&cloud, 5);
        let leaked = cloud.handed_out().unwrap();
        let expected = match is_deleted {
            true => {
                cloud.delete_by_hand(&leaked);
                Problem::Gone { key: leaked.clone() }
            }
            false => {
                cloud.switch_off_by_hand(&leaked);
                Problem::SwitchedOffByHand { key: leaked.clone() }
            }
        };
        days(&cloud, 2);
        assert_eq!(cloud.told(), std::slice::from_ref(&expected));
        let now = cloud.handed_out().unwrap();
        assert!(now != leaked && cloud.is_active(&now));
        days(&cloud, 12);
        assert_eq!(cloud.all(), BTreeSet::from([now]), "the one that was switched off goes like any old one");
    }
}

#[test]
fn the_only_key_that_works_is_kept_where_the_new_one_is_switched_off() {
    let cloud = Cloud::default();
    days(&cloud, 31);
    assert_eq!(cloud.active(), 2);
    let new = cloud.handed_out().unwrap();
    let old = cloud.all().into_iter().find(|key| *key != new).unwrap();
    cloud.switch_off_by_hand(&new);
    days(&cloud, 1);
    assert!(cloud.is_active(&old), "whoever still has it works on");
    days(&cloud, 2);
    let third = cloud.handed_out().unwrap();
    assert!(third != new && cloud.is_active(&third) && cloud.is_active(&old));
}

#[test]
fn an_old_key_that_is_still_used_is_told_and_works_for_one_more_overlap() {
    let cloud = Cloud::default();
    days(&cloud, 1);
    let old = cloud.handed_out().unwrap();
    for _ in 0..30 + 7 {
        days(&cloud, 1);
        cloud.uses(&old);
    }
    assert!(cloud.is_active(&old));
    assert!(
        matches!(cloud.told().as_slice(), [Problem::OldKeyUsed { key, .. }] if *key == old),
        "{:?}",
        cloud.told()
    );
    for _ in 0..7 {
        days(&cloud, 1);
        cloud.uses(&old);
    }
    assert!(!cloud.is_active(&old) || !cloud.exists(&old));
}

#[test]
fn a_secret_that_somebody_wrote_is_not_written_over() {
    let cloud = Cloud::default();
    days(&cloud, 5);
    let ours = cloud.handed_out().unwrap();
    cloud.write_secret_by_hand();
    days(&cloud, 40);
    assert_eq!(cloud.told(), [Problem::ForeignSecret]);
    assert!(cloud.is_active(&ours) && cloud.made() == 1);
}

#[test]
fn a_user_whose_keys_nobody_uses_is_told_however_often_they_are_rotated() {
    let cloud = Cloud::default();
    days(&cloud, 89);
    assert_eq!(cloud.told(), []);
    days(&cloud, 3);
    assert!(matches!(cloud.told().as_slice(), [Problem::Unused { .. }]), "{:?}", cloud.told());
}

#[test]
fn a_look_that_changes_nothing_is_made_once_a_day() {
    let cloud = Cloud::default();
    days(&cloud, 10);
    let before = cloud.calls();
    days(&cloud, 10);
    assert!(cloud.calls() - before <= 10, "{} looks in 10 days", cloud.calls() - before);
}

#[test]
fn what_is_stored_of_a_key_holds_no_secret() {
    let cloud = Cloud::default();
    days(&cloud, 40);
    let stored = serde_json::to_string(&cloud.stored()).unwrap();
    assert!(stored.contains("AKIA") && !stored.contains("secret"), "{stored}");
    assert_eq!(serde_json::from_str::<Rotation>("{}").unwrap(), Rotation::default());
}

#[derive(Debug, Clone)]
enum Event {
    Hours(u16),
    Fault(Fault),
    MakeByHand,
    DeleteByHand(bool),
    SwitchOff(bool),
    Use(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let fault = proptest::sample::select(Fault::ALL.to_vec());
    prop_oneof![
        6 => (1..24 * 20_u16).prop_map(Event::Hours),
        4 => fault.prop_map(Event::Fault),
        1 => Just(Event::MakeByHand),
        1 => any::<bool>().prop_map(Event::DeleteByHand),
        1 => any::<bool>().prop_map(Event::SwitchOff),
        2 => any::<bool>().prop_map(Event::Use),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_nobodys_key_is_touched_and_in_the_end_the_secret_hands_out_one_that_works(
        events in prop::collection::vec(event(), 0..30)
    ) {
        let cloud = Cloud::default();
        for event in &events {
            match event {
                Event::Hours(hours) => (0..*hours).for_each(|_| cloud.hour()),
                Event::Fault(fault) => cloud.fails_next(*fault),
                Event::MakeByHand => {
                    if cloud.all().len() < 2 {
                        cloud.make_by_hand();
                    }
                }
                Event::DeleteByHand(is_ours) => cloud.pick(*is_ours).iter().for_each(|key| cloud.delete_by_hand(key)),
                Event::SwitchOff(is_ours) => cloud.pick(*is_ours).iter().for_each(|key| cloud.switch_off_by_hand(key)),
                Event::Use(is_ours) => cloud.pick(*is_ours).iter().for_each(|key| cloud.uses(key)),
            }
        }
        cloud.remove_theirs();
        cloud.fails_no_more();
        days(&cloud, 3 + OVERLAP_MS / DAY_MS * 2 + 40);
        prop_assert!(cloud.handed_out().is_some_and(|key| cloud.is_active(&key)), "{:?}", cloud.told());
        prop_assert!(cloud.age_of_current() <= RULES.rotate_after_ms + 3 * DAY_MS + HOUR_MS);
    }
}
