//! One call, and what became of it.

use std::collections::BTreeMap;

use phonehome_cloud::CloudError;
use phonehome_executor::Ids;
use phonehome_network::Address;
use phonehome_planner::{Ref, StackSpec};

/// What a call is about.
pub(crate) struct Call<'a> {
    pub(crate) spec: &'a StackSpec,
    pub(crate) address: &'a Address,
    pub(crate) ids: &'a dyn Resolve,
}

impl Call<'_> {
    pub(crate) fn id(&self, reference: &Ref) -> Result<String, Refused> {
        self.ids
            .id(reference)
            .ok_or_else(|| Refused::new("order", format!("{}: {reference:?} is not made yet", self.address)))
    }
}

/// AWS's answer to a call that it does not make. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// AWS's error code.
    pub code: String,
    /// A message in the manner of AWS's.
    pub message: String,
}

impl Refused {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Knows the ids that earlier steps gave.
pub trait Resolve {
    /// The id behind a reference; `None`: the step that makes it is not done.
    fn id(&self, reference: &Ref) -> Option<String>;
}

impl Resolve for Ids {
    fn id(&self, reference: &Ref) -> Option<String> {
        self.resolve(reference).ok()
    }
}

impl Resolve for BTreeMap<Address, String> {
    fn id(&self, reference: &Ref) -> Option<String> {
        match reference {
            Ref::Id(id) => Some(id.clone()),
            Ref::Output(address) => self.get(address).cloned(),
        }
    }
}

/// One call that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When, in the fake's milliseconds.
    pub at_ms: u64,
    /// `ec2:CreateVpc`
    pub operation: &'static str,
    /// For which address of the stack.
    pub address: Address,
    /// The id it gave, or the code it was refused with.
    pub result: Result<Option<String>, String>,
}

impl Recorded {
    /// Whether it changed something.
    pub fn had_effect(&self) -> bool {
        self.result.is_ok() && !self.operation.starts_with("ec2:Describe")
    }
}

/// A refusal as whoever called sees it.
pub(crate) fn as_error(operation: &'static str, subject: &str, refused: Refused) -> CloudError {
    CloudError::service(operation, subject, refused.code, refused.message)
}
