//! What a pack stack is to be.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::expected::{Expected, Planned};
use crate::marked::{TEMPLATE_BYTES_MAX, marked, noted};

/// A template that CloudFormation does not take in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// Its size in bytes.
    pub bytes: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the starter pack's template has {} bytes, and CloudFormation takes {TEMPLATE_BYTES_MAX}: declare fewer deploy \
             roles or repositories for the account",
            self.bytes
        )
    }
}

/// What a pack stack is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The stack's name.
    pub name: String,
    /// The template with its mark, as JSON.
    pub body: String,
    /// SHA-256 of the template without it.
    pub sha256: String,
    /// What is noted of it once the stack has it ([`noted`]).
    pub noted: String,
    /// The role that CloudFormation is to work with.
    pub role_arn: String,
    /// The types of resources that hold data or identity: such a one is neither replaced nor deleted.
    pub lasting: BTreeSet<String>,
    /// What making it anew does.
    pub creation: Expected,
}

impl Wanted {
    /// A stack of this name with this template, made with this role. `lasting`: the types of resources that are neither
    /// replaced nor deleted.
    ///
    /// # Errors
    /// [`TooLarge`]
    pub fn of(
        name: &str,
        template: &Value,
        role_arn: &str,
        lasting: BTreeSet<String>,
    ) -> Result<Self, TooLarge> {
        let noted = noted(template);
        let (template, sha256) = marked(template);
        let body = template.to_string();
        if body.len() > TEMPLATE_BYTES_MAX {
            return Err(TooLarge { bytes: body.len() });
        }
        let resources = template.get("Resources").and_then(Value::as_object);
        let changes = resources.into_iter().flatten().map(|(id, _)| (id.clone(), Planned::Add)).collect();
        let creation = Expected { changes, ..Expected::default() };
        let (name, role_arn) = (name.to_owned(), role_arn.to_owned());
        Ok(Self { name, body, sha256, noted, role_arn, lasting, creation })
    }
}
