//! Accounts are kept as declared, whatever happens.

mod errors;
mod property;
mod world;

use std::collections::BTreeMap;

use phonehome_fleet::{Contact, ContactType, Properties, UnitPath};
use phonehome_vending::AccountFactory;

use world::{DAY_MS, ROOT, Run, account, subject};

fn unit(path: &str) -> UnitPath {
    serde_json::from_value(path.into()).unwrap()
}

fn in_unit(path: &str) -> Properties {
    Properties { unit: Some(unit(path)), ..Properties::default() }
}

fn tagged(tags: &[(&str, &str)]) -> Properties {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Properties { tags: tags.collect(), ..Properties::default() }
}

fn contact(name: &str) -> Contact {
    let [title, email, phone] = ["On-call", "ops@example.com", "+1 555 0100"].map(str::to_owned);
    Contact { name: name.to_owned(), title, email, phone }
}

fn with_contact(name: &str) -> Properties {
    let contacts = BTreeMap::from([(ContactType::Operations, contact(name))]);
    Properties { contacts, ..Properties::default() }
}

fn all() -> Properties {
    Properties {
        contacts: with_contact("Ops").contacts,
        tags: tagged(&[("owner", "shop"), ("stage", "prod")]).tags,
        ..in_unit("Workloads/Prod")
    }
}

fn set_tag(run: &Run, number: usize, key: &str, value: &str) {
    run.world.state(|state| {
        state.tags.entry(account(number)).or_default().insert(key.to_owned(), value.to_owned());
    });
}

fn tags(run: &Run, number: usize) -> String {
    let tags = run.world.state(|state| state.tags.get(&account(number)).cloned().unwrap_or_default());
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_new_account_gets_its_unit_made_level_by_level_its_tags_and_contacts_in_one_round_and_nothing_is_told() {
    let run = Run::new(vec![subject(0, true, all())]);
    run.once();
    assert!(run.is_as_declared());
    assert_eq!(
        run.changes(),
        [
            "create Workloads",
            "tag 333000000000 owner,stage",
            "put 333000000000 operations",
            "create Prod",
            "move 333000000000"
        ]
    );
    assert_eq!(run.told(), Vec::<String>::new());
    run.days(3);
    assert_eq!(run.calls(), (vec![], 3), "as declared it is looked at once a day");
}

#[test]
fn what_is_not_declared_is_neither_looked_at_nor_changed() {
    let run = Run::new(vec![subject(0, true, Properties::default())]);
    set_tag(&run, 0, "mine", "1");
    assert_eq!(run.once().looked, 0);
    let run = Run::new(vec![subject(0, true, with_contact("Ops"))]);
    let billing = (account(0), ContactType::Billing);
    run.world.state(|state| state.contacts.insert(billing.clone(), contact("Finance")));
    run.once();
    assert_eq!(run.calls(), (vec!["put 333000000000 operations".to_owned()], 0), "nobody asks where it is");
    assert_eq!(run.world.state(|state| state.contacts[&billing].name.clone()), "Finance");
}

#[test]
fn what_somebody_changes_is_told_once_and_put_right() {
    let run = Run::new(vec![subject(0, true, all())]);
    run.once();
    run.changes();
    set_tag(&run, 0, "owner", "mallory");
    run.world.state(|state| {
        let elsewhere = state.make_unit(ROOT, "Elsewhere");
        state.parents.insert(account(0), elsewhere);
        state.tags.get_mut(&account(0)).unwrap().remove("stage");
        state.contacts.insert((account(0), ContactType::Operations), contact("Eve"));
    });
    run.days(1);
    assert!(run.is_as_declared());
    run.days(2);
    assert_eq!(
        run.told(),
        [
            "d0/prod (account 333000000000): it is in ou-2, and the file says the unit Workloads/Prod; its tag owner is \
          \"mallory\", and the file says \"shop\"; it has no tag stage, and the file says \"prod\"; its operations contact \
          is Eve, On-call (ops@example.com, +1 555 0100), and the file says Ops, On-call (ops@example.com, +1 555 0100). \
          phonehome puts it right now: the policies of that unit apply to the account again"
        ]
    );
}

#[test]
fn an_account_that_was_there_before_is_moved_by_people_the_first_time_and_then_kept_where_it_is() {
    let run =
        Run::new(vec![subject(0, false, in_unit("Workloads")), subject(1, false, in_unit("Workloads"))]);
    let (legacy, workloads) =
        run.world.state(|state| (state.make_unit(ROOT, "Legacy"), state.make_unit(ROOT, "Workloads")));
    run.world.state(|state| {
        state.parents.insert(account(0), legacy.clone());
        state.parents.insert(account(1), legacy.clone());
    });
    run.days(3);
    assert_eq!(run.changes(), Vec::<String>::new());
    assert_eq!(
        run.told(),
        [
            "d0/prod (account 333000000000): it is in ou-0, and the file says the unit Workloads. It was there before \
          phonehome looked after it, and another unit has other policies: move it once by hand, and phonehome keeps it \
          there (aws organizations move-account --account-id 333000000000 --source-parent-id ou-0 \
          --destination-parent-id ou-1). other accounts with the same cause are not told one by one"
        ]
    );
    run.world.state(|state| state.parents.insert(account(0), workloads.clone()));
    run.days(1);
    run.world.state(|state| state.parents.insert(account(0), legacy));
    run.days(1);
    assert_eq!(run.changes(), ["move 333000000000"], "it was in that unit before");
    // Another unit in the file: a plan showed it.
    let mut later = run.clone();
    later.subjects[0].properties = in_unit("Workloads/Prod");
    later.once();
    assert_eq!(later.changes(), ["create Prod", "move 333000000000"]);
    assert_eq!(later.told().len(), 2, "a change of the file is no drift");
}

#[test]
fn an_account_that_phonehome_made_and_that_people_moved_before_a_unit_was_declared_is_not_moved() {
    let run = Run::new(vec![subject(0, true, in_unit("Workloads"))]);
    run.world.state(|state| {
        let legacy = state.make_unit(ROOT, "Legacy");
        state.parents.insert(account(0), legacy);
    });
    run.once();
    assert_eq!(run.changes(), Vec::<String>::new());
    assert!(
        run.told()[0]
            .contains("move it once by hand, and phonehome keeps it there (that unit is not there yet)")
    );
}

#[test]
fn whoever_moves_an_account_away_again_and_again_wins_for_a_week_and_that_is_told() {
    let run = Run::new(vec![subject(0, true, in_unit("Workloads"))]);
    run.once();
    let away = |run: &Run| run.world.state(|state| state.parents.insert(account(0), ROOT.to_owned()));
    for _ in 0..5 {
        away(&run);
        run.days(1);
    }
    let moves = run.changes().iter().filter(|it| it.starts_with("move")).count();
    assert_eq!(moves, 1 + 3, "once when it was new, and three times back");
    let told = run.told();
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told[3].contains("is not moved any more for now. Find out who moves it"), "{}", told[3]);
    run.days(7);
    assert_eq!(run.changes(), ["move 333000000000"], "a week later it is tried again");
}

#[test]
fn where_control_tower_makes_the_units_none_is_made_and_that_is_told_once_for_all_accounts() {
    let mut run = Run::new((0..3).map(|it| subject(it, true, in_unit("Workloads/Prod"))).collect());
    run.factory = AccountFactory::ControlTower;
    run.world.state(|state| state.make_unit(ROOT, "Workloads"));
    run.days(2);
    assert_eq!(run.changes(), Vec::<String>::new());
    assert_eq!(
        run.told(),
        [
            "d0/prod (account 333000000000): the unit Workloads/Prod is not there: Prod is missing. Units are Control Tower's \
          in this organization: make it there and register it, or declare another one. other accounts with the same cause \
          are not told one by one"
        ]
    );
    run.world.state(|state| state.make_unit("ou-0", "Prod"));
    run.days(1);
    assert!(run.is_as_declared(), "moving an account into a unit of Control Tower's enrols it");
}

#[test]
fn tags_that_phonehome_gave_go_with_their_declaration_and_others_stay() {
    let mut run = Run::new(vec![subject(0, false, tagged(&[("owner", "shop"), ("stage", "prod")]))]);
    set_tag(&run, 0, "foreign", "1");
    // The same, before phonehome looked: not given by it.
    set_tag(&run, 0, "stage", "prod");
    run.once();
    run.subjects[0].properties = Properties::default();
    run.once();
    assert_eq!(tags(&run, 0), "foreign=1 stage=prod");
    assert_eq!(run.changes(), ["tag 333000000000 owner", "untag 333000000000 owner"]);
    run.pass(DAY_MS);
    assert_eq!(run.once().looked, 0, "nothing is left to look after");
}

#[test]
fn a_value_that_somebody_else_gave_is_not_taken_away_with_the_declaration() {
    let mut run = Run::new(vec![subject(0, false, tagged(&[("owner", "shop")]))]);
    run.once();
    set_tag(&run, 0, "owner", "finance");
    run.subjects[0].properties = tagged(&[("stage", "prod")]);
    run.once();
    assert_eq!(tags(&run, 0), "owner=finance stage=prod");
}

#[test]
fn the_tags_that_an_account_was_made_with_are_phonehomes() {
    let mut run = Run::new(vec![subject(0, true, tagged(&[("owner", "shop")]))]);
    set_tag(&run, 0, "owner", "shop");
    set_tag(&run, 0, "phonehome:line", "d0/prod");
    run.once();
    run.subjects[0].properties = Properties::default();
    run.once();
    assert_eq!(tags(&run, 0), "phonehome:line=d0/prod");
}

#[test]
fn a_declaration_that_changes_is_followed_at_once_and_is_no_drift() {
    let mut run = Run::new(vec![subject(0, true, all())]);
    run.once();
    run.subjects[0].properties = Properties {
        tags: tagged(&[("owner", "finance")]).tags,
        contacts: with_contact("Others").contacts,
        ..in_unit("Workloads")
    };
    run.once();
    assert!(run.is_as_declared());
    assert_eq!((tags(&run, 0).as_str(), run.told()), ("owner=finance", vec![]));
}

#[test]
fn a_unit_that_somebody_renamed_or_deleted_is_made_again_and_accounts_that_were_in_it_are_moved_with_a_word()
{
    let run = Run::new(vec![subject(0, true, in_unit("Workloads/Prod"))]);
    run.once();
    run.changes();
    run.world.state(|state| state.units.get_mut("ou-1").unwrap().1 = "Production".to_owned());
    run.days(1);
    assert_eq!(run.changes(), ["create Prod", "move 333000000000"]);
    assert_eq!(run.told().len(), 1);
}

#[test]
fn new_accounts_come_first_and_a_round_looks_at_ten() {
    let mut subjects: Vec<_> = (0..25).map(|it| subject(it, false, tagged(&[("a", "b")]))).collect();
    subjects.push(subject(99, true, tagged(&[("a", "b")])));
    let run = Run::new(subjects);
    let mut keeper = run.keeper();
    let round = run.round(&mut keeper);
    assert_eq!((round.looked, run.changes()[0].as_str()), (10, "tag 333000000099 a"));
    let again_ms = round.again_at_ms.unwrap() - phonehome_cloud::WallClock::now_ms(&run.world);
    assert!(again_ms <= 60_000, "the others follow a minute later");
    let looked: Vec<usize> = (0..6)
        .map(|_| {
            run.pass(30_000);
            run.round(&mut keeper).looked
        })
        .collect();
    assert_eq!(looked, [0, 10, 0, 6, 0, 0], "ten a minute");
    run.pass(DAY_MS);
    assert_eq!(run.round(&mut keeper).looked, 10, "a day later they are looked at again");
}

#[test]
fn two_at_once_make_each_unit_once_tell_once_and_end_as_one() {
    for ahead in 0..60 {
        let run = Run::new(vec![subject(0, true, all()), subject(1, true, in_unit("Workloads/Prod"))]);
        run.two_at_once(ahead);
        run.days(1);
        assert!(run.is_as_declared(), "{ahead} steps ahead");
        let changes = run.changes();
        assert_eq!(changes.iter().filter(|it| *it == "create Workloads").count(), 1, "{changes:?}");
        assert_eq!(run.told(), Vec::<String>::new(), "{ahead} steps ahead");
        set_tag(&run, 0, "owner", "mallory");
        run.pass(DAY_MS);
        run.two_at_once(ahead);
        run.days(1);
        assert!(run.is_as_declared(), "{ahead} steps ahead");
        assert_eq!(run.told().len(), 1, "{ahead} steps ahead: {:#?}", run.told());
    }
}
