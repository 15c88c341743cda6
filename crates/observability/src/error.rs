//! Why the vendor did not do something.

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorErrorKind {
    /// Too many calls at once: nothing was done.
    Throttled,
    /// Nothing was asked: there was no connection.
    NotAsked,
    /// The key of phonehome's user is not accepted, or may not do this: nothing was done.
    Denied,
    /// The request is refused: nothing was done, and asking again does not help.
    Rejected,
    /// The vendor failed, or half of an answer or none came: it may be done.
    Unclear,
}

/// A call of the vendor's that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} ({subject}): {said}")]
pub struct VendorError {
    /// The operation, by the vendor's name for it: `accountManagementCreateAccount`.
    pub operation: &'static str,
    /// What it was about: an account by its id or name.
    pub subject: String,
    /// What can be done about it.
    pub kind: VendorErrorKind,
    /// What the vendor said, clipped; no key is in it.
    pub said: String,
}

impl VendorError {
    /// Whether it is sure that nothing was done.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        self.kind != VendorErrorKind::Unclear
    }
}
