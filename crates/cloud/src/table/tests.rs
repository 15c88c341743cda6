//! What is kept of a document that is written again, and what is left alone.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// A document as this build knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<u32>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    name: String,
}

fn stored(body: &Value) -> Doc {
    Doc { key: key("p", "s"), version: 7, schema: 1, body: body.to_string() }
}

fn written(before: &Doc, change: impl Fn(&mut Known)) -> Value {
    let mut known: Known = before.read().unwrap();
    change(&mut known);
    let write = Write::over(Some(before), before.key.clone(), &known);
    assert_eq!(write.expect, Expect::Version(7));
    serde_json::from_str(write.body.as_ref().unwrap()).unwrap()
}

#[test]
fn what_a_newer_build_added_is_kept_and_what_this_one_takes_away_is_gone() {
    let before = stored(&json!({
        "number": 1, "gone": 2, "added": {"deep": [1]},
        "parts": [{"name": "a", "added": 1}, {"name": "b", "added": 2}],
    }));
    let after = written(&before, |it| {
        it.number = 5;
        it.gone = None;
        it.parts.remove(0);
        it.parts.push(Part { name: "c".into() });
    });
    assert_eq!(
        after,
        json!({
            "number": 5, "added": {"deep": [1]},
            "parts": [{"name": "b", "added": 2}, {"name": "c"}],
        })
    );
}

#[test]
fn what_cannot_be_read_is_written_anew_and_nothing_of_it_is_kept() {
    let before = stored(&json!({"number": "one", "added": 1}));
    let known = Known { number: 1, gone: None, parts: vec![] };
    let write = Write::over(Some(&before), before.key.clone(), &known);
    assert_eq!(write.body.unwrap(), r#"{"number":1,"parts":[]}"#);
}

#[test]
fn what_is_of_a_newer_schema_is_neither_read_nor_written_nor_deleted() {
    let newer = Doc { schema: SCHEMA_READ + 1, ..stored(&json!({"number": 1, "parts": []})) };
    let unread = newer.read::<Known>().unwrap_err();
    assert!(unread.to_string().contains("deploy the newer one again"), "{unread}");
    let expect = Expect::unchanged(Some(&newer));
    let known = Known { number: 1, gone: None, parts: vec![] };
    for write in [Write::over(Some(&newer), key("p", "s"), &known), Write::delete(key("p", "s"), expect)] {
        assert!(matches!(write.is_allowed(), Err(TableError::Newer { .. })), "{write:?}");
    }
}
