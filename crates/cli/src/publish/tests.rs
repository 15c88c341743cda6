use phonehome_rollout::{Begin, Pace, begin};

use super::*;

#[test]
fn the_text_in_force_is_nothing_new_unless_another_version_is_to_take_its_place() {
    let current = PublishedFleet { number: 4, published_by: "ada".to_owned(), ..PublishedFleet::default() };
    assert!(unchanged(&current, None, Format::Text).is_ok());
    let roll_out = begin(Begin {
        base: 4,
        target: 5,
        by: "ada".to_owned(),
        at_ms: 0,
        mends: false,
        pace: Pace { bake_ms: 1, converge_ms: 1, at_once: 1 },
        waves: vec![],
        supersedes: None,
    });
    for format in [Format::Text, Format::Json] {
        let refused = unchanged(&current, Some(&roll_out), format).unwrap_err();
        let said = format!("{refused:?}");
        assert!(said.contains("version 5 goes on to take its place"), "{said}");
        assert!(said.contains("phonehome rollout rollback"), "{said}");
    }
}
