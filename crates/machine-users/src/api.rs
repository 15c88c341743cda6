//! What is asked of AWS.

use std::fmt;
use std::future::Future;

use phonehome_cloud::CloudError;

use crate::key::KeyId;
use crate::seen::Seen;

/// A key that was just made, with its secret. It is shown to nobody: not in a log either.
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What AWS accepts it with.
    pub secret: String,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey({})", self.id)
    }
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The user and its secret are there.
    Seen(Seen),
    /// One of them is not: what, with its name.
    Missing(String),
}

/// One machine user and its secret.
pub trait KeysApi: Send + Sync {
    /// `ListAccessKeys`, `GetAccessKeyLastUsed` of each, and `DescribeSecret`: no secret is read.
    fn look(&self) -> impl Future<Output = Result<Outcome, CloudError>> + Send;
    /// `CreateAccessKey`, once: it has no token, and is not tried again by itself.
    fn make(&self) -> impl Future<Output = Result<NewKey, CloudError>> + Send;
    /// `PutSecretValue`, with the key's version ([`KeyId::version`]) as the token: it becomes the one that the secret hands
    /// out.
    fn store(&self, key: &NewKey) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `UpdateAccessKey`: AWS does not accept it any more. One that is gone is no error.
    fn switch_off(&self, key: &KeyId) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `DeleteAccessKey`. One that is gone is no error.
    fn delete(&self, key: &KeyId) -> impl Future<Output = Result<(), CloudError>> + Send;
}
