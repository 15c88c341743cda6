//! Files that are not YAML, or are YAML that tries too much.

mod support;

use proptest::prelude::*;
use support::{EXAMPLE, problems};

#[test]
fn what_is_not_yaml_is_reported_where_it_breaks() {
    let cases = [
        ("", "1:1 the file is empty"),
        ("# nothing but a comment\n", "1:1 the file is empty"),
        ("---\n", "1:1 the file is empty"),
        ("version: 1\n---\nversion: 1\n", "2:1 a second YAML document begins here"),
        ("- version: 1\n", "1:1 the file must be a map of keys and values, not a list"),
        ("version\n", "1:1 the file must be a map of keys and values, but \"version\" is text"),
        ("version: !secret 1\n", "1:10 the tag `!secret` means nothing in a fleet file"),
        ("? [a]\n: b\n", "1:3 a key must be a word, not a list or a map"),
        ("regions:\n\t- name: us-east-1\n", "2:1 this line is indented with a tab"),
        ("a: &x [*x]\n", "1:8 this alias stands inside the value it refers to"),
    ];
    for (text, expected) in cases {
        let problems = problems(text);
        let first = &problems.as_slice()[0];
        assert_eq!(format!("{}:{} {}", first.line, first.column, first.message), expected, "{text:?}");
    }
}

#[test]
fn broken_yaml_is_reported_with_its_line() {
    for text in ["a: [1, 2\nb: 3\n", "a: \"b\nc: d\n", "a: b: c\n", "a: *nowhere\n", "a: %x\n"] {
        let problems = problems(text);
        let first = &problems.as_slice()[0];
        assert!(first.message.starts_with("not valid YAML: "), "{text:?}: {first:?}");
        assert!(first.line <= 3, "{text:?}: {first:?}");
    }
}

#[test]
fn every_line_with_a_tab_is_reported() {
    let text = "regions:\n\t- name: us-east-1\n  # fine\n  \tavailability_zones: []\n";
    let lines: Vec<_> = problems(text).into_iter().map(|p| (p.line, p.column)).collect();
    assert_eq!(lines, [(2, 1), (4, 3)]);
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..=9 {
        let below = format!("*l{}", level - 1);
        text.push_str(&format!("l{level}: &l{level} [{}]\n", vec![below; 10].join(", ")));
    }
    assert!(problems(&text).to_string().contains("aliases add more than 100000 values"));
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
    assert!(problems(&text).to_string().contains("nested more than 32 levels deep"));
}

/// Characters that mean something in YAML, and one of two bytes.
const INSERTED: &[&str] =
    &["", " ", "\n", "\t", "[", "]", "{", "}", ":", "-", "\"", "*", "&a ", "#", "~", "é"];

/// A place in the example: always between two characters.
fn cut(at: prop::sample::Index) -> usize {
    let places: Vec<usize> = EXAMPLE.char_indices().map(|(index, _)| index).collect();
    *at.get(&places)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 2))]

    /// People save half-written files, and an editor plugin validates them at every key stroke.
    #[test]
    fn a_damaged_file_never_panics_and_is_reported_within_its_text(
        from in any::<prop::sample::Index>(),
        length in 0usize..40,
        inserted in prop::sample::select(INSERTED),
    ) {
        let from = cut(from);
        let rest = EXAMPLE[from..].char_indices().nth(length).map_or("", |(index, _)| &EXAMPLE[from + index..]);
        let text = format!("{}{inserted}{rest}", &EXAMPLE[..from]);
        if let Err(problems) = phonehome_fleet::parse(&text) {
            let shown = problems.render("fleet.yaml");
            prop_assert!(shown.contains("fleet.yaml:"));
            for problem in &problems {
                prop_assert!((1..=text.lines().count() + 1).contains(&problem.line), "{problem:?}");
                prop_assert!(problem.column >= 1, "{problem:?}");
            }
        }
    }
}
