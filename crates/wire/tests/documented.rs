//! The document of the wire against the wire.

use phonehome_wire::{Class, ProbeInput, Report};
use serde_json::Value;

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire.md")).unwrap()
}

/// The block of JSON with this word behind its fence.
fn block(word: &str) -> Value {
    let text = document();
    let (_, rest) = text.split_once(&format!("```json {word}\n")).unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

/// A value without what may as well be absent.
fn without_defaults(mut value: Value) -> Value {
    for check in value["checks"].as_array_mut().into_iter().flatten() {
        let check = check.as_object_mut().unwrap();
        for (key, usual) in [("expect", "connect"), ("purpose", "connection")] {
            if check.get(key) == Some(&usual.into()) {
                check.remove(key);
            }
        }
    }
    value
}

#[test]
fn the_documented_input_and_report_are_read_and_written_just_so() {
    let input: ProbeInput = serde_json::from_value(block("input")).unwrap();
    assert_eq!(without_defaults(serde_json::to_value(input).unwrap()), without_defaults(block("input")));
    let report: Report = serde_json::from_value(block("report")).unwrap();
    assert_eq!(serde_json::to_value(report).unwrap(), block("report"));
}

#[test]
fn every_class_is_documented_and_every_documented_one_exists() {
    let text = document();
    let (_, rest) = text.split_once("## Classes").unwrap();
    let table = rest.split_once("## Size").unwrap().0;
    let cells = table.lines().filter(|line| line.starts_with("| `"));
    let first = cells.filter_map(|line| line.split('|').nth(1));
    let documented: Vec<String> =
        first.flat_map(|cell| cell.split(',').map(|word| word.trim().trim_matches('`').to_owned())).collect();
    let schema = serde_json::to_value(schemars::schema_for!(Class)).unwrap();
    let mut known: Vec<String> = vec![];
    names(&schema, &mut known);
    for name in &known {
        assert!(documented.contains(name), "{name} is not documented");
    }
    for name in &documented {
        let class: Class = serde_json::from_value(Value::String(name.clone())).unwrap();
        assert_eq!(serde_json::to_value(class).unwrap(), Value::String(name.clone()), "it does not exist");
    }
    assert!(known.len() > 25, "{known:?}");
}

/// Every name in a schema of names.
fn names(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            found.extend(fields.get("const").and_then(Value::as_str).map(str::to_owned));
            let listed = fields.get("enum").and_then(Value::as_array);
            found.extend(listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| names(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}
