//! An input of which some checks are run once more.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::CheckId;

/// The input with these of its checks alone, to be run once more at once, whenever their turn would be; `None` where it
/// has none of them, or is none.
///
/// Everything else stays as whoever wrote the input has it, so that it means the same to the probe that it is for.
#[must_use]
pub fn rerun_input(input: &str, checks: &BTreeSet<CheckId>) -> Option<String> {
    let mut input: Value = serde_json::from_str(input).ok()?;
    let all = input.get_mut("checks")?.as_array_mut()?;
    all.retain(|check| check["id"].as_str().is_some_and(|id| checks.contains(&CheckId(id.to_owned()))));
    if all.is_empty() {
        return None;
    }
    for check in all {
        if let Some(check) = check.as_object_mut() {
            check.remove("every_minutes");
        }
    }
    input["rerun"] = json!(true);
    Some(input.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<CheckId> {
        ids.iter().map(|id| CheckId((*id).to_owned())).collect()
    }

    #[test]
    fn it_has_the_checks_that_are_asked_for_at_once_and_everything_else_as_it_was() {
        let input = json!({
            "version": 1, "generation": 12, "region": "us-east-1", "availability_zone": "use1-az1", "part": 2,
            "later": {"of": "a newer release"},
            "checks": [
                {"id": "a", "every_minutes": 30, "kind": {"type": "later"}},
                {"id": "b"},
                {"id": "c", "tries": 1},
            ],
        });
        let rerun = rerun_input(&input.to_string(), &ids(&["c", "a", "gone"])).unwrap();
        let mut expected = input;
        expected["rerun"] = json!(true);
        expected["checks"] = json!([{"id": "a", "kind": {"type": "later"}}, {"id": "c", "tries": 1}]);
        assert_eq!(serde_json::from_str::<Value>(&rerun).unwrap(), expected);
    }

    #[test]
    fn of_what_is_no_input_or_has_none_of_the_checks_there_is_none() {
        for input in
            ["", "[]", "null", "{}", r#"{"checks": {}}"#, r#"{"checks": [{"id": "b"}, 5, {"id": 7}]}"#]
        {
            assert_eq!(rerun_input(input, &ids(&["a"])), None, "{input}");
        }
    }
}
