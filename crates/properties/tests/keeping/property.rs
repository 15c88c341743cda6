//! Whatever is declared, found and changed, and wherever whoever works on it dies: it ends as declared, and what is not
//! phonehome's stays.

use std::collections::BTreeMap;

use phonehome_fleet::{ContactType, Properties};
use proptest::prelude::*;

use super::world::{DAY_MS, Run, account, subject};
use super::{contact, in_unit, set_tag, tags};

const UNITS: [&str; 4] = ["Workloads", "Workloads/Prod", "A/B/C/D/E", "Sandbox"];

fn properties() -> impl Strategy<Value = Properties> {
    let unit = prop::option::of(prop::sample::select(&UNITS[..]));
    let tags = prop::collection::btree_map("[ab]", "[xy]", 0..3);
    let kinds =
        prop::sample::select(vec![ContactType::Operations, ContactType::Billing, ContactType::Security]);
    let contacts = prop::collection::btree_map(kinds, "[MN]", 0..3);
    (unit, tags, contacts).prop_map(|(unit, tags, contacts)| Properties {
        tags,
        contacts: contacts.into_iter().map(|(which, name)| (which, contact(&name))).collect(),
        ..unit.map(in_unit).unwrap_or_default()
    })
}

#[derive(Debug, Clone)]
enum Happens {
    /// The file declares something else.
    Declare(Properties),
    /// Somebody gives a tag.
    Tag(String, String),
    /// Somebody takes it away.
    Untag(String),
    /// Somebody writes a contact.
    Contact(ContactType),
    /// A keeper that dies at a point.
    Dies(usize),
    /// Two at once.
    Two(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    let kinds = prop::sample::select(vec![ContactType::Operations, ContactType::Billing]);
    prop_oneof![
        properties().prop_map(Happens::Declare),
        ("[abf]", "[xyz]").prop_map(|(key, value)| Happens::Tag(key, value)),
        "[ab]".prop_map(Happens::Untag),
        kinds.prop_map(Happens::Contact),
        (0usize..80).prop_map(Happens::Dies),
        (0usize..80).prop_map(Happens::Two),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_it_ends_as_declared_and_foreign_tags_and_undeclared_contacts_are_untouched(
        first in properties(),
        all in prop::collection::vec(happens(), 0..8),
        last in properties(),
    ) {
        let mut run = Run::new(vec![subject(0, true, first)]);
        set_tag(&run, 0, "foreign", "1");
        let mut written = BTreeMap::new();
        for it in all.into_iter().chain([Happens::Declare(last)]) {
            match it {
                // Whoever takes the unit out of the file gives the account up: where it is then is people's.
                Happens::Declare(properties) => {
                    let unit = properties.unit.clone().or_else(|| run.subjects[0].properties.unit.clone());
                    run.subjects[0].properties = Properties { unit, ..properties };
                }
                Happens::Tag(key, value) => set_tag(&run, 0, &key, &value),
                Happens::Untag(key) => run.world.state(|state| drop(state.tags.get_mut(&account(0)).unwrap().remove(&key))),
                Happens::Contact(which) => {
                    run.world.state(|state| state.contacts.insert((account(0), which), contact("Eve")));
                    written.insert(which, contact("Eve"));
                }
                Happens::Dies(point) => drop(run.dies_at(point)),
                Happens::Two(ahead) => run.two_at_once(ahead),
            }
            run.pass(DAY_MS);
            // What is declared is phonehome's to write.
            for which in run.subjects[0].properties.contacts.keys() {
                written.remove(which);
            }
        }
        run.once();
        run.days(1);
        let known = run.world.state(|state| state.path_of(&account(0)));
        let declared = run.subjects[0].properties.clone();
        prop_assert!(run.is_as_declared(), "{declared:?} {known} {}", tags(&run, 0));
        prop_assert!(tags(&run, 0).contains("foreign=1"));
        for (which, contact) in written {
            prop_assert_eq!(run.world.state(|state| state.contacts[&(account(0), which)].clone()), contact);
        }
        run.calls();
        run.days(1);
        prop_assert_eq!(run.changes(), Vec::<String>::new(), "and then nothing differs");
    }
}

#[test]
fn killed_at_every_call_and_write_it_converges_tells_once_and_leaves_no_tag_of_its_own() {
    let mut whole = 0;
    for point in 0.. {
        let mut run = Run::new(vec![subject(0, true, super::all())]);
        let died = run.dies_at(point);
        run.once();
        assert!(run.is_as_declared(), "new, dies at {point}");
        // Somebody changes it.
        set_tag(&run, 0, "owner", "mallory");
        run.pass(DAY_MS);
        run.dies_at(point);
        run.once();
        assert!(run.is_as_declared(), "changed, dies at {point}");
        assert!(run.told().len() <= 1, "dies at {point}: {:#?}", run.told());
        // Another tag takes the place of one, and then none is declared.
        run.subjects[0].properties = super::tagged(&[("owner", "finance")]);
        run.dies_at(point);
        run.subjects[0].properties = Properties::default();
        run.dies_at(point);
        run.once();
        assert_eq!(tags(&run, 0), "", "taken back, dies at {point}");
        whole += 1;
        if !died {
            break;
        }
    }
    assert!(whole > 30, "a call has a point before and one after it: {whole}");
}
