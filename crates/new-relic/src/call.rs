//! What is asked of NerdGraph.

use phonehome_observability::{VendorError, VendorErrorKind};

pub(crate) const ACCOUNTS: &str = "managedAccounts";
pub(crate) const CREATE_ACCOUNT: &str = "accountManagementCreateAccount";
pub(crate) const KEYS: &str = "keySearch";
pub(crate) const CREATE_KEYS: &str = "apiAccessCreateKeys";
pub(crate) const DELETE_KEYS: &str = "apiAccessDeleteKeys";
pub(crate) const LINKS: &str = "linkedAccounts";
pub(crate) const LINK: &str = "cloudLinkAccount";

/// What is asked.
pub(crate) struct Call<'a> {
    /// New Relic's name for it.
    pub(crate) operation: &'static str,
    /// An account, a key, a role.
    pub(crate) subject: &'a str,
    pub(crate) query: &'static str,
}

impl Call<'_> {
    pub(crate) fn error(&self, kind: VendorErrorKind, said: impl Into<String>) -> VendorError {
        let (operation, subject) = (self.operation, self.subject.to_owned());
        VendorError { operation, subject, kind, said: said.into() }
    }

    pub(crate) fn unclear(&self, said: impl Into<String>) -> VendorError {
        self.error(VendorErrorKind::Unclear, said)
    }
}
