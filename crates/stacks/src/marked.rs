//! The mark of a template: an output with its hash.
//!
//! An output and not a tag: CloudFormation puts a stack's tags on every resource, so that a tag that changes with the
//! template would be a change of every resource, and in every change set. `DescribeStacks` shows outputs as well.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The output whose value is the SHA-256 of the template without it.
pub const MARK: &str = "PhonehomeTemplate";

/// How large a template may be that goes with the call, in bytes
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>, template body in a
/// request).
pub const TEMPLATE_BYTES_MAX: usize = 51_200;

/// A template with its mark; what it is marked with.
#[must_use]
pub fn marked(template: &Value) -> (Value, String) {
    let sha256 = sha256_of(template);
    let mut marked = without_mark(template);
    marked["Outputs"][MARK] = json!({ "Value": sha256 });
    (marked, sha256)
}

/// SHA-256 of a template without its mark: 64 hexadecimal digits.
#[must_use]
pub fn sha256_of(template: &Value) -> String {
    // Keys are sorted: a template that is read back has the hash that it was sent with.
    let text = without_mark(template).to_string();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is noted of a template: its JSON without its mark. Somebody's own, which is no JSON or larger than phonehome's can
/// be, is noted as an empty text, which is no template.
#[must_use]
pub fn noted(template: &Value) -> String {
    let body = if template.is_object() { without_mark(template).to_string() } else { String::new() };
    match (1..=TEMPLATE_BYTES_MAX).contains(&body.len()) {
        true => body,
        false => Value::from("").to_string(),
    }
}

pub(crate) fn without_mark(template: &Value) -> Value {
    let mut bare = template.clone();
    if let Some(outputs) = bare.get_mut("Outputs").and_then(Value::as_object_mut) {
        outputs.remove(MARK);
        if outputs.is_empty()
            && let Some(template) = bare.as_object_mut()
        {
            template.remove("Outputs");
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_of_a_template_is_json_without_its_mark_and_bounded() {
        let template = json!({"Outputs": {"Key": {"Value": "k"}}, "Resources": {}});
        assert_eq!(serde_json::from_str::<Value>(&noted(&marked(&template).0)).unwrap(), template);
        let long = json!({"Description": "x".repeat(TEMPLATE_BYTES_MAX), "Resources": {}});
        for foreign in [json!("Resources: {}"), Value::Null, long] {
            assert_eq!(noted(&foreign), "\"\"", "{foreign}");
        }
    }

    #[test]
    fn a_marked_template_has_the_hash_of_the_one_without_and_nothing_else_is_changed() {
        for template in [
            json!({"Resources": {"Key": {"Type": "AWS::KMS::Key"}}}),
            json!({"Outputs": {"Key": {"Value": "k"}}, "Resources": {}}),
        ] {
            let (with, sha256) = marked(&template);
            assert_eq!(sha256, sha256_of(&template));
            assert_eq!(sha256, sha256_of(&with));
            assert_eq!(without_mark(&with), template);
            assert_eq!(with["Outputs"][MARK]["Value"], json!(sha256));
            assert_eq!(marked(&with), (with, sha256));
        }
        assert_ne!(sha256_of(&json!({"Resources": {}})), sha256_of(&json!({"Resources": {"A": {}}})));
    }
}
