//! What an account refused, so that it is not asked forty times.

use std::collections::BTreeMap;

use phonehome_cloud::{Cause, Class, CloudError};

/// When so many operations were denied, no other is tried in this run: the role as a whole is not
/// ready.
const DENIED_MAX: usize = 3;

/// The refusals of one run.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    account: Option<CloudError>,
    operations: BTreeMap<&'static str, CloudError>,
}

impl Refusals {
    /// Notes how a call of this operation failed. An account that is not ready refuses everything;
    /// a role that may not make one call may well make others.
    pub(crate) fn note(&mut self, operation: &'static str, error: &CloudError) {
        match error.class() {
            Class::AccountNotReady => {
                self.account.get_or_insert_with(|| error.clone());
            }
            Class::Denied => {
                self.operations.entry(operation).or_insert_with(|| error.clone());
                if self.operations.len() >= DENIED_MAX {
                    self.account.get_or_insert_with(|| error.clone());
                }
            }
            _ => {}
        }
    }

    /// Why a call of this operation would be refused as well.
    pub(crate) fn reason(&self, operation: &str) -> Option<CloudError> {
        let error = self.account.as_ref().or_else(|| self.operations.get(operation))?;
        let mut error = error.clone();
        if let Cause::Service { message, .. } = &mut error.cause {
            message.push_str(" (for the same reason this step was not tried)");
        }
        Some(error)
    }
}
