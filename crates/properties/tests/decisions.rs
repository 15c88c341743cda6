//! Which calls are made of what is seen and kept.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Line, Properties};
use phonehome_properties::{Kept, Seen, Step, Subject, decide};
use phonehome_vending::AccountFactory;

fn tags(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(' ').filter_map(|it| it.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The calls as text, where these tags are declared, there and given.
fn steps(declared: &str, there: &str, given: &str) -> Vec<String> {
    let properties = Properties { tags: tags(declared), ..Properties::default() };
    let account = "333333333333".parse().unwrap();
    let subject = Subject { line: Line::new("shop", "dev"), account, properties, vended: false };
    let given = tags(given).into_iter().map(|(key, value)| (key, BTreeSet::from([value])));
    let kept = Kept { given: given.collect(), ..Kept::new(&subject) };
    let seen = Seen { tags: Some(tags(there)), ..Seen::default() };
    let decision = decide(&subject, &kept, &seen, AccountFactory::Phonehome, 1);
    let shown = |step: &Step| match step {
        Step::Tag(tags) => {
            tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        }
        Step::Untag(keys) => format!("-{}", keys.iter().cloned().collect::<Vec<_>>().join(" -")),
        other => format!("{other:?}"),
    };
    decision.steps.iter().map(shown).collect()
}

#[test]
fn what_differs_of_tags_is_given_and_only_what_phonehome_gave_is_taken_away() {
    for (declared, there, given, expected) in [
        ("a=1", "", "", vec!["a=1"]),
        ("a=1", "a=1 b=2", "", vec![]),
        ("a=1", "a=2 b=2", "", vec!["a=1"]),
        ("", "a=1 b=2", "a=1", vec!["-a"]),
        ("", "a=2 b=2", "a=1", vec![]),
        ("", "a=1", "", vec![]),
        ("", "", "a=1", vec![]),
        ("c=3 b=2", "a=1 b=1", "a=1 b=1", vec!["-a", "b=2 c=3"]),
    ] {
        assert_eq!(steps(declared, there, given), expected, "{declared:?}, there {there:?}, given {given:?}");
    }
}
