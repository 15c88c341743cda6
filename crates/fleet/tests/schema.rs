//! The JSON Schema and the parser say the same.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{EVERY_KEY, EXAMPLE, SMALL, validator};

/// The JSON pointer of every map in a value.
fn maps(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            found.push(pointer.to_owned());
            for (key, value) in entries {
                maps(value, &format!("{pointer}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                maps(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A file with every key, and where its maps are.
fn every_key() -> (Value, Vec<String>) {
    let value = support::json(EVERY_KEY);
    let mut found = vec![];
    maps(&value, "", &mut found);
    (value, found)
}

fn map_at<'v>(value: &'v mut Value, pointer: &str) -> &'v mut serde_json::Map<String, Value> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut).expect("a map")
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fleet.schema.json");
    let schema = serde_json::to_string_pretty(&phonehome_fleet::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema,
        "docs/fleet.schema.json is out of date. To write it anew:\n\n    \
         UPDATE_SCHEMA=1 cargo test -p phonehome-fleet\n"
    );
}

#[test]
fn the_valid_files_are_valid_by_the_schema() {
    let validator = validator();
    for (name, text) in [("example", EXAMPLE), ("every key", EVERY_KEY), ("small", SMALL)] {
        let value = support::json(text);
        let problems: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}");
        support::fleet(text);
    }
}

#[test]
fn the_example_points_editors_at_the_schema() {
    assert!(EXAMPLE.starts_with("# yaml-language-server: $schema=docs/fleet.schema.json\n"));
}

#[test]
fn the_fixture_with_every_key_has_every_key_of_the_schema() {
    let schema = phonehome_fleet::schema();
    let (value, pointers) = every_key();
    let mut used: Vec<&String> = vec![];
    for pointer in &pointers {
        used.extend(value.pointer(pointer).and_then(Value::as_object).unwrap().keys());
    }
    let definitions = schema["definitions"].as_object().unwrap().values();
    for definition in definitions.chain([&schema]) {
        for key in definition["properties"].as_object().into_iter().flat_map(|p| p.keys()) {
            assert!(used.contains(&key), "no {key:?} in the fixture");
        }
    }
}

#[test]
fn every_key_of_the_schema_is_explained() {
    let schema = phonehome_fleet::schema();
    let definitions = schema["definitions"].as_object().unwrap();
    for (name, definition) in definitions {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            let explained = property.get("description").is_some() || key == "environments";
            assert!(explained, "{name}.{key} has no description");
        }
    }
}

#[test]
fn an_unknown_key_anywhere_is_refused_by_the_schema_and_by_the_parser() {
    let validator = validator();
    let (value, pointers) = every_key();
    assert!(pointers.len() > 20, "maps were found");
    for pointer in pointers {
        let mut spoilt = value.clone();
        map_at(&mut spoilt, &pointer).insert("colour".into(), json!("blue"));
        assert!(!validator.is_valid(&spoilt), "the schema accepts an unknown key in {pointer:?}");
        let problems = support::problems(&spoilt.to_string());
        let messages: Vec<_> = problems.into_iter().map(|p| p.message.as_str()).collect();
        assert_eq!(messages, ["unknown key `colour`"], "in {pointer:?}");
    }
}

/// What the parser says of an egress target without the key that says what it is.
const NO_FORM: &str = "an egress target has a `host` and a `port`, or `echo`, or `aws`";
/// And of a window without an end.
const NO_END: &str = "this never ends: it has neither `to` nor `duration_minutes`";

#[test]
fn the_schema_and_the_parser_require_the_same_keys() {
    let validator = validator();
    let (value, pointers) = every_key();
    for pointer in pointers {
        let keys: Vec<String> =
            value.pointer(&pointer).and_then(Value::as_object).unwrap().keys().cloned().collect();
        for key in keys {
            let mut spoilt = value.clone();
            map_at(&mut spoilt, &pointer).remove(&key);
            let missing = format!("the key `{key}` is missing");
            let parser_misses_it = match phonehome_fleet::parse(&spoilt.to_string()) {
                Ok(_) => false,
                // Without its type a check has keys that are for another one.
                Err(_) if key == "type" => true,
                Err(problems) => problems
                    .into_iter()
                    .any(|p| [missing.as_str(), NO_FORM, NO_END].contains(&p.message.as_str())),
            };
            assert_eq!(parser_misses_it, !validator.is_valid(&spoilt), "{key:?} in {pointer:?}");
        }
    }
}

#[test]
fn a_fleet_written_as_json_is_the_same_fleet_again() {
    for text in [EXAMPLE, EVERY_KEY, SMALL] {
        let fleet = support::fleet(text);
        let written = serde_json::to_value(&fleet).unwrap();
        assert!(validator().is_valid(&written));
        assert_eq!(support::fleet(&written.to_string()), fleet);
    }
}
