//! Whether Auto Scaling may use a key, by the key's policy and its grants.
//!
//! Auto Scaling starts instances as its service-linked role, which has no right of KMS of its own: that a key's policy hands
//! its rights on to the account's IAM helps nothing. What is asked for is what EBS does with a key in that role's name
//! (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>,
//! <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>). What cannot be judged counts as no
//! right: then nothing is changed, and people are told.

use serde_json::Value;

/// A grant that lends a key to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `Decrypt`, `CreateGrant`
    pub operations: Vec<String>,
    /// Whether it holds for some data alone.
    pub is_constrained: bool,
}

/// What Auto Scaling's role does with the key of an encrypted volume, by the names that grants give to it.
pub const NEEDED: [&str; 6] = [
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// The role as which Auto Scaling starts instances in the account of a key.
#[must_use]
pub fn auto_scaling_role(key_arn: &str) -> Option<String> {
    let mut parts = key_arn.split(':');
    let (Some("arn"), Some(partition), Some("kms"), Some(_), Some(account)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some(format!(
        "arn:{partition}:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    ))
}

/// What of [`NEEDED`] Auto Scaling's `role` may not do with a key.
#[must_use]
pub fn lacking(key_arn: &str, role: &str, policy: &Value, grants: &[Grant]) -> Vec<&'static str> {
    let asked = Asked { key_arn, role };
    let statements = items(&policy["Statement"]);
    let lent = |operation: &str| {
        let mut grants = grants.iter().filter(|grant| !grant.is_constrained);
        grants.any(|grant| grant.operations.iter().any(|it| it == operation))
    };
    let may = |operation: &str| {
        let is_denied = statements.iter().any(|it| asked.denies(it, operation));
        !is_denied && (lent(operation) || statements.iter().any(|it| asked.allows(it, operation)))
    };
    NEEDED.into_iter().filter(|operation| !may(operation)).collect()
}

/// Who asks for what.
struct Asked<'a> {
    key_arn: &'a str,
    role: &'a str,
}

impl<'a> Asked<'a> {
    fn allows(&self, statement: &Value, operation: &str) -> bool {
        statement["Effect"] == "Allow"
            && items(&statement["Principal"]["AWS"])
                .iter()
                .chain([&statement["Principal"]])
                .any(|it| self.is_it(it))
            && self.is_about(statement, operation)
            && self.holds(&statement["Condition"], operation)
    }

    /// A condition under which something is denied is taken to hold.
    fn denies(&self, statement: &Value, operation: &str) -> bool {
        let others = &statement["NotPrincipal"]["AWS"];
        let spares = !others.is_null() && items(others).iter().any(|it| self.is_it(it));
        let named = items(&statement["Principal"]["AWS"]).iter().chain([&statement["Principal"]]).any(|it| {
            // The account as a whole, here, is everybody in it.
            self.is_it(it) || it.as_str().is_some_and(|it| it.ends_with(":root") || it.len() == 12)
        });
        statement["Effect"] == "Deny"
            && (named || (!others.is_null() && !spares))
            && self.is_about(statement, operation)
    }

    fn is_it(&self, principal: &Value) -> bool {
        principal.as_str().is_some_and(|it| it == "*" || it == self.role)
    }

    fn is_about(&self, statement: &Value, operation: &str) -> bool {
        let matches = |key: &str| {
            items(&statement[key]).iter().any(|it| it.as_str().is_some_and(|it| names(it, operation)))
        };
        let resources = items(&statement["Resource"]);
        let here = resources.iter().any(|it| it.as_str().is_some_and(|it| it == "*" || it == self.key_arn));
        let is_action = match statement.get("NotAction") {
            Some(_) => !matches("NotAction"),
            None => matches("Action"),
        };
        here && is_action
    }

    /// Whether the conditions hold that policies of such keys usually name; no other one does.
    fn holds(&self, condition: &Value, operation: &str) -> bool {
        let Some(operators) = condition.as_object() else { return condition.is_null() };
        let part = |arn: &'a str, nth: usize| arn.split(':').nth(nth).unwrap_or_default();
        let (account, region) = (part(self.role, 4), part(self.key_arn, 3));
        operators.iter().all(|(operator, keys)| {
            keys.as_object().is_some_and(|keys| {
                keys.iter().all(|(key, wanted)| {
                    let is = |value: &str| items(wanted).iter().any(|it| it.as_str() == Some(value));
                    match (operator.as_str(), key.to_ascii_lowercase().as_str()) {
                        ("Bool", "kms:grantisforawsresource") => {
                            operation == "CreateGrant" && (is("true") || *wanted == Value::Bool(true))
                        }
                        ("StringEquals", "kms:calleraccount" | "aws:principalaccount") => is(account),
                        ("StringEquals", "kms:viaservice") => is(&format!("ec2.{region}.amazonaws.com")),
                        ("ArnEquals" | "ArnLike" | "StringEquals" | "StringLike", "aws:principalarn") => {
                            is(self.role)
                        }
                        _ => false,
                    }
                })
            })
        })
    }
}

/// IAM writes one thing alone as it stands, several as a list.
fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

/// Whether an action of a policy covers an operation: `kms:ReEncrypt*`.
fn names(action: &str, operation: &str) -> bool {
    let (action, asked) = (action.to_ascii_lowercase(), format!("kms:{operation}").to_ascii_lowercase());
    fits(action.as_bytes(), asked.as_bytes())
}

/// `*` stands for any letters, `?` for one. Whoever wrote the policy decides how many there are, so a letter is looked at
/// once for each of the pattern's at most.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut of, mut star) = (0, 0, None);
    while of < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == text[of] => {
                at += 1;
                of += 1;
            }
            _ => {
                // The last star stands for one letter more.
                let Some((star_at, star_of)) = star else { return false };
                (at, of, star) = (star_at + 1, star_of + 1, Some((star_at, star_of + 1)));
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}
