//! What is asked of AWS.

use std::future::Future;

use phonehome_cloud::CloudError;
use serde_json::Value;

use crate::auto_scaling::Grant;
use crate::key::Key;
use crate::seen::{MetadataDefaults, PublicAccess};
use crate::setting::Step;

/// The settings of one account in one Region. Each may fail with a [`CloudError`].
pub trait SettingsApi: Send + Sync {
    /// S3's block of public access, of the whole account; where there is none, nothing is blocked.
    fn public_access(&self) -> impl Future<Output = Result<PublicAccess, CloudError>> + Send;
    /// Whether EBS encrypts by default.
    fn is_encrypted(&self) -> impl Future<Output = Result<bool, CloudError>> + Send;
    /// The key with which, as EC2 shows it: an ARN, or `alias/aws/ebs`.
    fn default_key(&self) -> impl Future<Output = Result<String, CloudError>> + Send;
    /// A key, by its ARN or alias; `None`: there is none.
    fn key(&self, id: &str) -> impl Future<Output = Result<Option<Key>, CloudError>> + Send;
    /// A key's policy.
    fn key_policy(&self, arn: &str) -> impl Future<Output = Result<Value, CloudError>> + Send;
    /// The grants of a key for this role.
    fn grants(&self, arn: &str, role: &str) -> impl Future<Output = Result<Vec<Grant>, CloudError>> + Send;
    /// The defaults of new instances' metadata.
    fn metadata_defaults(&self) -> impl Future<Output = Result<MetadataDefaults, CloudError>> + Send;
    /// Makes the call.
    fn set(&self, step: &Step) -> impl Future<Output = Result<(), CloudError>> + Send;
}
