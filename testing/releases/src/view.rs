//! What an older reader finds in a newer document.

use serde_json::{Map, Value};

/// Slack's blocks are handed on as they are, whatever is in them; and a digest of the spec is another one in each
/// release, which wants more than the one before.
const OPAQUE: [&str; 3] = ["blocks", "settled_spec", "full_spec"];

/// What a reader of `old`'s release would miss in `new`, each with its path: a field, an element, another
/// type, or a word that it may know a variant by. What is added is none of its business, and what is a
/// sentence may be any.
pub fn problems(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(old, new, String::new(), &mut found);
    found
}

/// `new` with only what a reader of `old`'s release knows of it: what is left when that release has read
/// the document and written it again.
pub fn as_old_readers_see(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let known = |(key, value): (&String, &Value)| {
                let old = old.get(key)?;
                Some((key.clone(), as_old_readers_see(old, value)))
            };
            Value::Object(new.iter().filter_map(known).collect::<Map<_, _>>())
        }
        (Value::Array(old), Value::Array(new)) => {
            let element = |(index, value)| {
                old.get(index)
                    .or(old.last())
                    .map_or_else(|| Value::clone(value), |old| as_old_readers_see(old, value))
            };
            Value::Array(new.iter().enumerate().map(element).collect())
        }
        _ => new.clone(),
    }
}

/// A value in which each list of texts alone is sorted: such lists are sets of names, and their order is that
/// of whatever type has them.
pub fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let mut texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.sort_unstable();
            texts.into_iter().collect()
        }
        Value::Array(items) => items.iter().map(unordered).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), unordered(value))).collect(),
        other => other.clone(),
    }
}

fn compare(old: &Value, new: &Value, at: String, found: &mut Vec<String>) {
    match (old, new) {
        // Nothing was known, so anything may be now.
        (Value::Null, _) => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, old) in old {
                match new.get(key) {
                    None => found.push(format!("{at}.{key}: missing")),
                    Some(new) if OPAQUE.contains(&key.as_str()) && same_type(old, new) => {}
                    Some(new) => compare(old, new, format!("{at}.{key}"), found),
                }
            }
        }
        // A set of names, in the order of another type.
        (Value::Array(_), Value::Array(_)) if unordered(old) == unordered(new) => {}
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(old, new, format!("{at}[{index}]"), found);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            found.push(format!("{at}: {} elements instead of {}", new.len(), old.len()));
        }
        (Value::String(old), Value::String(new)) => {
            if is_word(old) && old != new {
                found.push(format!("{at}: {new:?} instead of {old:?}"));
            }
        }
        (Value::Number(old), Value::Number(new)) => {
            if old.is_u64() != new.is_u64() || old.is_f64() != new.is_f64() {
                found.push(format!("{at}: {new} is another type of number than {old}"));
            }
        }
        (Value::Bool(_), Value::Bool(_)) => {}
        (old, new) => found.push(format!("{at}: {new} instead of {old}")),
    }
}

fn same_type(old: &Value, new: &Value) -> bool {
    std::mem::discriminant(old) == std::mem::discriminant(new)
}

/// A word may be a variant, an id or a digest, by which a reader decides; a sentence is for people.
fn is_word(text: &str) -> bool {
    !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_a_problem_and_what_is_added_or_reworded_is_none() {
        let old = json!({"phase": "ready", "message": "as declared", "zones": [{"at": 1}], "vpc": null});
        let fine = json!({
            "phase": "ready", "message": "converged at last", "zones": [{"at": 2, "more": true}],
            "vpc": "vpc-1", "added": {},
        });
        assert_eq!(problems(&old, &fine), Vec::<String>::new());
        assert_eq!(problems(&json!(["a", "b"]), &json!(["b", "a"])), Vec::<String>::new());
        assert_eq!(problems(&json!(["a", "b"]), &json!(["b", "c"])).len(), 2);
        assert_eq!(problems(&json!([{"a": 1}, {"b": 2}]), &json!([{"b": 2}, {"a": 1}])).len(), 2);
        for (changed, problem) in [
            (json!({"message": "m n", "zones": [{"at": 1}], "vpc": null}), ".phase: missing"),
            (
                json!({"phase": "converged", "message": "m", "zones": [{"at": 1}], "vpc": null}),
                ".phase: \"converged\"",
            ),
            (json!({"phase": "ready", "message": 1, "zones": [{"at": 1}], "vpc": null}), ".message: 1"),
            (
                json!({"phase": "ready", "message": "m", "zones": [{"at": -1}], "vpc": null}),
                ".zones[0].at: -1",
            ),
            (json!({"phase": "ready", "message": "m", "zones": [], "vpc": null}), ".zones: 0 elements"),
        ] {
            let found = problems(&old, &changed);
            assert!(found.len() == 1 && found[0].starts_with(problem), "{problem}: {found:?}");
        }
    }

    #[test]
    fn an_older_release_that_writes_a_document_again_leaves_only_what_it_knows() {
        let old = json!({"a": 1, "list": [{"b": 1}]});
        let new = json!({"a": 2, "added": 3, "list": [{"b": 2, "added": 4}, {"b": 5, "added": 6}]});
        assert_eq!(as_old_readers_see(&old, &new), json!({"a": 2, "list": [{"b": 2}, {"b": 5}]}));
    }
}
