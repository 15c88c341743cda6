//! What is called the same in every account.

/// The path of all roles.
pub(crate) const ROLE_PATH: &str = "/phonehome/";
pub(crate) const KEY_ALIAS: &str = "alias/phonehome";
pub(crate) const LOCK_TABLE: &str = "phonehome-state-lock";
/// What S3 copies logs with.
pub(crate) const FORWARDING_ROLE: &str = "phonehome-log-forwarding";
/// What follows a bucket's prefix in the account's own namespace.
pub(crate) const BUCKET_SUFFIX: &str = "-${AWS::AccountId}-${AWS::Region}-an";
/// GitHub's identity provider.
pub(crate) const PROVIDER: &str = "token.actions.githubusercontent.com";
