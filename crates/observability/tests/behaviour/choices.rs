//! What is decided where names are taken, accounts cancelled, and things done by hand.

use crate::world::{Fault, NAME, World, account, region, wanted};
use phonehome_observability::{ASKED_MAX, Problem, VendorAccountId, Versions, Wanted};

fn told_of(before: impl FnOnce(&World)) -> (World, Vec<Problem>) {
    let world = World::new(wanted());
    before(&world);
    world.hours(30);
    let told = world.told();
    (world, told)
}

#[test]
fn an_account_of_its_name_that_nobody_asked_for_is_not_taken_and_none_is_made_beside_it() {
    for count in [1, 2] {
        let mut ids = vec![];
        let (world, told) = told_of(|world| {
            ids = (0..count).map(|_| world.state().make_account(NAME, false)).collect();
        });
        assert_eq!(told, [Problem::NameTaken { name: NAME.into(), ids }]);
        assert_eq!((world.accounts().len(), world.stored().bound), (count, None));
    }
}

#[test]
fn a_cancelled_account_of_its_name_is_no_match_and_is_told() {
    let mut id = VendorAccountId::new(0);
    let (world, told) = told_of(|world| id = world.state().make_account(NAME, true));
    assert_eq!(told, [Problem::NameCanceled { name: NAME.into(), ids: vec![id] }]);
    assert_eq!(world.stored().bound, None);
}

#[test]
fn of_two_that_may_be_what_was_asked_for_none_is_taken() {
    let world = World::with_faults(&[(2, Fault::AnswerLost)]);
    world.pass(5);
    let made = world.accounts();
    assert_eq!(made.len(), 1, "call 2 makes it");
    let theirs = world.state().make_account(NAME, false);
    world.hours(30);
    assert_eq!(world.told(), [Problem::Ambiguous { name: NAME.into(), ids: vec![made[0], theirs] }]);
    assert_eq!((world.stored().bound, world.keys().len()), (None, 0));
}

#[test]
fn people_choose_and_an_account_is_bound_once() {
    let mut world = World::new(wanted());
    let theirs = world.state().make_account(NAME, false);
    world.hours(1);
    world.wanted = Wanted { chosen: Some(theirs), ..wanted() };
    world.hours(1);
    assert_eq!((world.stored().bound, world.keys().len()), (Some(theirs), 2));
    let missing = VendorAccountId::new(77);
    world.wanted = Wanted { chosen: Some(missing), ..wanted() };
    world.hours(1);
    assert_eq!(world.told().last(), Some(&Problem::NoSuchAccount { id: missing }));
    let canceled = world.state().make_account("x", true);
    let others = world.state().make_account("y", false);
    world.wanted = Wanted { chosen: Some(canceled), ..wanted() };
    world.hours(1);
    assert_eq!(world.told().last(), Some(&Problem::Canceled { id: canceled }));
    let holder: phonehome_wire::AccountId = "444455556666".parse().unwrap();
    world.state().bound.insert(others, holder.clone());
    world.wanted = Wanted { chosen: Some(others), ..wanted() };
    world.hours(1);
    assert_eq!(world.told().last(), Some(&Problem::HeldByOther { id: others, holder }));
    assert_eq!(world.stored().bound, Some(theirs), "as before");
}

#[test]
fn another_account_that_people_choose_gets_keys_and_the_stacks_name_it_once_they_are_stored() {
    let mut world = World::new(wanted());
    world.hours(1);
    let (first, old) = (world.stored().bound.unwrap(), world.handed_out());
    let chosen = world.state().make_account("their own", false);
    world.wanted = Wanted { chosen: Some(chosen), ..wanted() };
    let home = region("eu-west-1");
    world.state().faults = [(world.calls() + 5, Fault::NotHeard)].into();
    world.pass(5);
    assert_eq!((world.stored().bound, world.stored().ready_in(&home)), (Some(chosen), Some(first)));
    world.hours(2);
    assert_eq!(world.stored().ready_in(&home), Some(chosen));
    let new = world.handed_out();
    assert!(new.values().all(|key| !old.values().any(|it| it == key)));
    assert_eq!(world.keys().len(), 4, "those of the account before are nobody's to delete");
    assert_eq!(world.told(), []);
}

#[test]
fn an_account_that_is_cancelled_or_gone_is_told_and_none_is_made_in_its_place() {
    for is_gone in [false, true] {
        let world = World::new(wanted());
        world.hours(1);
        let id = world.stored().bound.unwrap();
        if is_gone {
            world.state().accounts.clear();
        } else {
            world.state().accounts[0].it.is_canceled = true;
        }
        world.hours(48);
        let problem = if is_gone { Problem::Gone { id } } else { Problem::Canceled { id } };
        assert_eq!((world.told(), world.accounts().len()), (vec![problem], 0));
    }
}

#[test]
fn an_account_that_never_shows_is_asked_for_a_few_times_an_hour_apart_and_then_told() {
    let world = World::new(wanted());
    // Of each turn that asks the second call, or the third, is the one that makes it.
    for _ in 0..ASKED_MAX {
        let at = world.calls() + 2;
        world.state().faults = [(at, Fault::NotHeard)].into();
        let before = world.stored().asked.map_or(0, |asked| asked.times);
        while world.stored().asked.map_or(0, |asked| asked.times) == before {
            world.pass(5);
            let next = world.calls() + 2;
            if world.stored().asked.map_or(0, |asked| asked.times) == before {
                world.state().faults = [(next, Fault::NotHeard)].into();
            }
        }
    }
    world.state().faults.clear();
    world.hours(48);
    assert_eq!(world.told(), [Problem::NeverSeen { name: NAME.into(), times: ASKED_MAX }]);
    assert_eq!(world.accounts().len(), 0);
}

#[test]
fn what_surely_was_not_made_is_asked_for_again_without_waiting() {
    let world = World::with_faults(&[(2, Fault::Throttled)]);
    world.pass(5);
    assert_eq!((world.stored().asked, world.accounts().len()), (None, 0));
    world.pass(5);
    assert_eq!(world.accounts().len(), 1);
}

#[test]
fn a_key_that_somebody_deletes_is_replaced_and_told() {
    let world = World::new(wanted());
    world.hours(1);
    let home = region("eu-west-1");
    let key = world.handed_out()[&home].clone();
    world.state().delete_key(&key);
    world.hours(48);
    assert_eq!(world.told(), [Problem::KeyGone { region: home.clone(), key: key.clone() }]);
    assert_ne!(world.handed_out()[&home], key);
    assert_eq!(world.keys().len(), 2);
}

#[test]
fn a_key_that_somebody_makes_stays_whatever_it_is_called() {
    let world = World::new(wanted());
    world.hours(1);
    let bound = world.stored().bound.unwrap();
    let theirs = world.state().make_key(bound, "phonehome-eu-west-1-1");
    world.hours(48);
    assert!(world.keys().contains(&theirs));
    assert_eq!((world.keys().len(), world.told()), (3, vec![]));
}

#[test]
fn a_secret_that_is_gone_or_that_somebody_wrote_is_told_and_holds_up_nothing_else() {
    let home = region("eu-west-1");
    let secret = || crate::world::SECRET.to_owned();
    for (versions, problem) in [
        (None, Problem::SecretMissing { region: home.clone(), secret: secret() }),
        (
            Some(Versions { current: Some("theirs".into()) }),
            Problem::ForeignSecret { region: home.clone(), secret: secret() },
        ),
    ] {
        let (world, told) = told_of(|world| {
            world.state().secrets.insert(home.clone(), versions);
        });
        assert_eq!(told, [problem]);
        assert_eq!((world.keys().len(), world.links()), (1, 1));
    }
}

#[test]
fn an_account_that_is_linked_by_another_role_gets_no_second_link() {
    let role_arn = format!("arn:aws:iam::{}:role/their-own", account());
    let (name, is_streamed) = ("by hand".into(), true);
    let link = phonehome_observability::Link { name, role_arn: role_arn.clone(), is_streamed };
    let (world, told) = told_of(|world| world.state().links.push(link));
    assert_eq!(told, [Problem::LinkedOtherwise { name: "by hand".into(), role_arn }]);
    assert_eq!((world.links(), world.keys().len()), (1, 2));
}

#[test]
fn a_stream_that_comes_or_goes_later_gets_a_link_of_its_own_once_and_the_one_before_stays() {
    let streams = |world: &mut World, is_streamed| {
        world.wanted.link.as_mut().unwrap().is_streamed = is_streamed;
        world.hours(48);
        world.state().links.iter().map(|it| (it.name.clone(), it.is_streamed)).collect::<Vec<_>>()
    };
    let mut world = World::new(wanted());
    let asked_for = (world.wanted.name.clone(), false);
    let streamed = (format!("{} metric stream", asked_for.0), true);
    assert_eq!(streams(&mut world, false), std::slice::from_ref(&asked_for));
    for is_streamed in [true, false, true] {
        assert_eq!(streams(&mut world, is_streamed), [asked_for.clone(), streamed.clone()]);
    }
    assert_eq!(world.told(), []);
}

#[test]
fn a_key_is_shown_to_nobody() {
    let key =
        phonehome_observability::NewIngestKey { id: "KEY1".parse().unwrap(), value: "very secret".into() };
    assert_eq!(format!("{key:?}"), "NewIngestKey(KEY1)");
    let stored = {
        let world = World::new(wanted());
        world.hours(1);
        serde_json::to_string(&world.stored()).unwrap()
    };
    assert!(!stored.contains("value of"), "{stored}");
}

#[test]
fn what_is_stored_is_read_again_and_what_an_older_release_stored_too() {
    let world = World::with_faults(&[(8, Fault::NotHeard)]);
    world.pass(5);
    let stored = world.stored();
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<phonehome_observability::Setup>(&text).unwrap(), stored);
    assert_eq!(serde_json::from_str::<phonehome_observability::Setup>("{}").unwrap(), Default::default());
}

#[test]
fn an_account_that_was_cancelled_before_it_was_seen_is_not_bound() {
    let world = World::with_faults(&[(2, Fault::AnswerLost)]);
    world.pass(5);
    world.state().accounts[0].it.is_canceled = true;
    world.pass(10);
    world.pass(30);
    assert_eq!((world.stored().bound, world.keys().len()), (None, 0));
}

#[test]
fn a_key_that_surely_was_not_made_is_asked_for_again_without_waiting() {
    let world = World::with_faults(&[(7, Fault::Throttled)]);
    world.pass(5);
    assert_eq!(world.keys().len(), 0, "call 7 makes the first one");
    world.pass(5);
    assert_eq!(world.keys().len(), 2);
}

#[test]
fn what_the_secret_hands_out_is_not_deleted_though_it_counts_as_lost() {
    let world = World::new(wanted());
    world.hours(1);
    let home = region("eu-west-1");
    let key = world.handed_out()[&home].clone();
    {
        let mut state = world.state();
        let name = state.keys.iter().find(|it| it.it.id == key).unwrap().it.name.clone();
        state.stored.keys.get_mut(&home).unwrap().lost.insert(name);
    }
    world.hours(30);
    assert_eq!((world.handed_out()[&home].clone(), world.keys().len()), (key, 2));
}
