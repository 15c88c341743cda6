//! What several test files need.
#![allow(dead_code, reason = "no test file needs all of it")]

use jsonschema::Validator;
use phonehome_fleet::{Diagnostics, Fleet};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

/// The file people start from.
pub(crate) const EXAMPLE: &str = include_str!("../../../../fleet.example.yaml");
/// A valid file that uses every key there is.
pub(crate) const EVERY_KEY: &str = include_str!("../fixtures/every-key.yaml");
/// A small valid file for tests to spoil.
pub(crate) const SMALL: &str = include_str!("../fixtures/small.yaml");

pub(crate) fn fleet(text: &str) -> Fleet {
    phonehome_fleet::parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

pub(crate) fn problems(text: &str) -> Diagnostics {
    phonehome_fleet::parse(text).expect_err("this file has errors")
}

/// The one problem of a file: `path: message (hint)`.
pub(crate) fn only_problem(text: &str) -> String {
    let problems = problems(text);
    let [problem] = problems.as_slice() else { panic!("one problem was expected:\n{problems}") };
    let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{}: {}{hint}", problem.path, problem.message)
}

/// The text with one part replaced, which must occur exactly once.
pub(crate) fn with(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old:?} must occur once in the file");
    text.replace(old, new)
}

/// YAML as JSON, read by another reader than the crate's own.
pub(crate) fn json(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).expect("valid YAML");
    convert(&documents[0])
}

fn convert(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(value)) => value.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(convert).collect(),
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (&Yaml, &Yaml)| (key.as_str().unwrap().to_owned(), convert(value));
            Value::Object(entries.iter().map(entry).collect())
        }
        other => panic!("not in a fleet file: {other:?}"),
    }
}

/// The small file with an isolation of something that somebody may reach, and a staging set that has everything, so that
/// it warns of nothing.
pub(crate) fn without_warnings() -> String {
    let text = with(SMALL, "accounts: [shop-dev]", "accounts: [shop-dev, payments-dev]");
    with(&text, "host: db.shop.internal\n    port: 5432", "host: api.prod.internal\n    port: 443")
}

pub(crate) fn validator() -> Validator {
    jsonschema::draft7::new(&phonehome_fleet::schema()).expect("the schema is a valid schema")
}

fn parser_accepts(value: &Value) -> bool {
    phonehome_fleet::parse(&value.to_string()).is_ok()
}

/// Each value at its JSON pointer in the file with every key.
pub(crate) fn assert_refused(cases: &[(&str, Value)]) {
    let validator = validator();
    for (pointer, bad) in cases {
        let mut spoilt = json(EVERY_KEY);
        *spoilt.pointer_mut(pointer).expect("the fixture has it") = bad.clone();
        assert!(!validator.is_valid(&spoilt), "the schema accepts {bad} at {pointer}");
        assert!(!parser_accepts(&spoilt), "the parser accepts {bad} at {pointer}");
    }
}
