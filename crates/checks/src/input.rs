//! Reads what a probe is told to test.

use phonehome_wire::{Check, ProbeInput, WIRE_VERSION};
use serde_json::Value;

/// Why an input cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Not an object with a version: most often an event that the schedule's input did not replace.
    #[error(
        "not a probe input: no whole number \"version\" at the top level; is the schedule's input missing?"
    )]
    NotAnInput,
    /// Written by a newer hub than this probe understands.
    #[error(
        "input version {found} is newer than {WIRE_VERSION}, the newest this probe understands: deploy the probe before its input"
    )]
    Version {
        /// The version in the input.
        found: u64,
    },
    /// A field is missing or not what it has to be.
    #[error("{place}: {problem}")]
    Shape {
        /// Where, for example `checks[2]`.
        place: String,
        /// What is wrong there.
        problem: String,
    },
}

/// Reads a probe's input, and says where it is wrong.
///
/// What is wrong with a single check's values (its port, its URL) is not an error
/// here: [`run_with()`](crate::run_with()) reports it as that check's result, so that the others still run.
///
/// # Errors
/// The first [`InputError`] found. A version above [`WIRE_VERSION`] is refused before anything
/// else is read.
pub fn parse_input(value: Value) -> Result<ProbeInput, InputError> {
    let found = value.get("version").and_then(Value::as_u64).ok_or(InputError::NotAnInput)?;
    if found > u64::from(WIRE_VERSION) {
        return Err(InputError::Version { found });
    }
    check_each(&value)?;
    serde_json::from_value(value)
        .map_err(|error| InputError::Shape { place: "input".to_owned(), problem: error.to_string() })
}

/// Reads the checks one by one: an error of the whole input would not say which one is wrong.
fn check_each(value: &Value) -> Result<(), InputError> {
    let checks = value.get("checks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, check) in checks.iter().enumerate() {
        if let Err(error) = <Check as serde::Deserialize>::deserialize(check) {
            let id = check.get("id").and_then(Value::as_str);
            let place = match id {
                Some(id) => format!("checks[{index}] ({id})"),
                None => format!("checks[{index}]"),
            };
            return Err(InputError::Shape { place, problem: error.to_string() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid() -> Value {
        json!({
            "version": 1, "generation": 4, "region": "us-east-1", "availability_zone": "use1-az1",
            "checks": [{
                "id": "a", "kind": {"type": "tcp", "host": "127.0.0.1", "port": 1},
                "target": {"endpoint": "127.0.0.1:1"}, "timeout_ms": 100
            }]
        })
    }

    #[test]
    fn a_valid_input_is_read_with_its_defaults() {
        let input = parse_input(valid()).unwrap();
        assert_eq!((input.generation, input.checks.len()), (4, 1));
        assert_eq!(input.checks[0].control, None);
    }

    #[test]
    fn a_check_of_a_kind_that_is_not_known_does_not_keep_the_others_from_being_read() {
        let mut value = valid();
        let mut newer = value["checks"][0].clone();
        newer["id"] = json!("b");
        newer["kind"] = json!({"type": "from_the_future", "host": "a", "depth": 3});
        value["checks"].as_array_mut().unwrap().push(newer);
        let input = parse_input(value).unwrap();
        assert_eq!(input.checks.len(), 2);
        assert_eq!(input.checks[1].kind, phonehome_wire::CheckKind::Unknown);
    }

    #[test]
    fn an_unknown_field_is_ignored() {
        let mut value = valid();
        value["added_later"] = json!(true);
        assert!(parse_input(value).is_ok());
    }

    #[test]
    fn a_newer_version_is_refused_even_when_the_rest_has_another_shape() {
        let error = parse_input(json!({"version": WIRE_VERSION + 1, "checks": "another shape"})).unwrap_err();
        assert_eq!(error, InputError::Version { found: u64::from(WIRE_VERSION) + 1 });
    }

    #[test]
    fn an_event_that_is_no_input_is_named_as_such() {
        for value in [json!({"source": "aws.events", "version": "0"}), json!(null), json!([]), json!("x")] {
            assert_eq!(parse_input(value.clone()).unwrap_err(), InputError::NotAnInput, "{value}");
        }
    }

    #[test]
    fn a_malformed_check_is_named_by_place_and_id() {
        let mut value = valid();
        value["checks"][0]["kind"]["port"] = json!(70_000);
        let text = parse_input(value).unwrap_err().to_string();
        assert!(text.starts_with("checks[0] (a): ") && text.contains("70000"), "{text}");
    }

    #[test]
    fn a_missing_field_and_one_that_is_none_are_named() {
        let mut missing = valid();
        missing.as_object_mut().unwrap().remove("generation");
        assert!(parse_input(missing).unwrap_err().to_string().contains("generation"));
        for (field, shape) in [("region", "us-east-1"), ("availability_zone", "use1-az1")] {
            for text in ["", "us-east-1a"] {
                let mut malformed = valid();
                malformed[field] = json!(text);
                let problem = parse_input(malformed).unwrap_err().to_string();
                assert!(problem.contains(&format!("{text:?}")) && problem.contains(shape), "{problem}");
            }
        }
    }
}
