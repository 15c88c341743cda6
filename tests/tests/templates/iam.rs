//! What IAM makes of policies: the part that this project's use. Anything else panics, so that no test
//! passes because something was not understood.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::template::list;

/// One action on one resource, with the keys that AWS would have in the request's context.
#[derive(Clone)]
pub(crate) struct Request {
    action: String,
    resource: String,
    keys: BTreeMap<String, Vec<String>>,
}

impl Request {
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), keys: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, key: &str, values: &[&str]) -> Self {
        self.keys.insert(key.to_lowercase(), values.iter().map(|it| (*it).to_owned()).collect());
        self
    }

    /// Tags that the resource has.
    pub(crate) fn tagged(self, tags: &[(&str, &str)]) -> Self {
        tags.iter()
            .fold(self, |request, (key, value)| request.with(&format!("aws:ResourceTag/{key}"), &[value]))
    }

    /// Tags that the request puts on the resource.
    pub(crate) fn tagging(self, tags: &[(&str, &str)]) -> Self {
        let keys: Vec<&str> = tags.iter().map(|(key, _)| *key).collect();
        let request = self.with("aws:TagKeys", &keys);
        tags.iter()
            .fold(request, |request, (key, value)| request.with(&format!("aws:RequestTag/{key}"), &[value]))
    }
}

/// Whether the statements of one identity allow it.
pub(crate) fn allowed(statements: &[Value], request: &Request) -> bool {
    let applies = |effect: &str| statements.iter().any(|it| it["Effect"] == effect && matches(it, request));
    applies("Allow") && !applies("Deny")
}

fn matches(statement: &Value, request: &Request) -> bool {
    let action = list(&statement["Action"]).iter().any(|it| like(&request.action, it));
    let covers = |name: &str| list(&statement[name]).iter().any(|it| like(&request.resource, it));
    let resource = match statement.get("NotResource") {
        Some(_) => !covers("NotResource"),
        None => covers("Resource"),
    };
    action
        && resource
        && conditions(statement).all(|(operator, key, expected)| holds(operator, key, &expected, request))
}

/// All conditions of a statement: operator, key, values.
pub(crate) fn conditions(statement: &Value) -> impl Iterator<Item = (&str, &str, Vec<String>)> {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| (operator.as_str(), key.as_str(), list(values)))
    })
}

fn holds(operator: &str, key: &str, expected: &[String], request: &Request) -> bool {
    let found = request.keys.get(&key.to_lowercase());
    if operator == "Null" {
        return (expected == ["true"]) == found.is_none();
    }
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (quantifier, operator) = operator.split_once(':').unwrap_or(("", operator));
    let (negated, compare): (bool, fn(&str, &str) -> bool) = match operator {
        "StringEquals" => (false, |a, b| a == b),
        "StringNotEquals" => (true, |a, b| a == b),
        "StringLike" | "ArnLike" | "ArnEquals" => (false, like),
        "StringNotLike" => (true, like),
        "Bool" => (false, |a, b| a.eq_ignore_ascii_case(b)),
        other => panic!("{other} is not known here"),
    };
    let one = |value: &String| expected.iter().any(|it| compare(value, it)) != negated;
    match (found, quantifier) {
        (None, "ForAllValues") => true,
        (None, "ForAnyValue") => false,
        (None, _) => if_exists || negated,
        (Some(values), "ForAllValues") => values.iter().all(one),
        (Some(values), "" | "ForAnyValue") => values.iter().any(one),
        (_, other) => panic!("{other} is not known here"),
    }
}

/// IAM's wildcards: `*` and `?`.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(c) if *c == '?' || *c == text[at] => (at, in_pattern) = (at + 1, in_pattern + 1),
            _ => match star {
                Some((pattern_at, text_at)) => {
                    (at, in_pattern) = (text_at + 1, pattern_at + 1);
                    star = Some((pattern_at, text_at + 1));
                }
                None => return false,
            },
        }
    }
    pattern[in_pattern..].iter().all(|c| *c == '*')
}

#[test]
fn wildcards_match_as_iams_do() {
    for (text, pattern, expected) in [
        ("arn:aws:ec2:us-east-1:1:vpc/vpc-1", "arn:aws:ec2:*:1:vpc/*", true),
        ("arn:aws:ec2:us-east-1:1:vpc-endpoint/vpce-1", "arn:aws:ec2:*:1:vpc/*", false),
        ("phonehome:address", "phonehome:*", true),
        ("owner", "phonehome:*", false),
        ("a", "a?", false),
        ("", "*", true),
    ] {
        assert_eq!(like(text, pattern), expected, "{text} {pattern}");
    }
}
