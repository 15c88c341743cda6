//! What is asked of the vendor and of Secrets Manager.

use std::fmt;
use std::future::Future;

use phonehome_cloud::CloudError;
use phonehome_wire::Region;

use crate::error::VendorError;
use crate::id::{IngestKeyId, VendorAccountId};
use crate::seen::{IngestKey, Link, VendorAccount, Versions};
use crate::wanted::DataCenter;

/// A key that was just made, with its value. That is shown to nobody: not in a log either.
pub struct NewIngestKey {
    /// Its id.
    pub id: IngestKeyId,
    /// What data is sent with.
    pub value: String,
}

impl fmt::Debug for NewIngestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewIngestKey({})", self.id)
    }
}

/// What is linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink<'a> {
    /// What it is called there; unique in the vendor's account.
    pub name: &'a str,
    /// The role that the vendor assumes.
    pub role_arn: &'a str,
    /// Whether metrics come by a stream; otherwise the vendor asks for them.
    pub is_streamed: bool,
}

/// What people are told of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VendorText {
    /// What it is called: `New Relic`.
    pub name: &'static str,
    /// The parameter of `infra/hub.yaml` with the ARN of the secret that holds the key for it.
    pub parameter: &'static str,
    /// What its calls need: `a key of a user who may manage accounts`.
    pub right: &'static str,
}

/// One organization at an observability vendor. Whoever implements it bounds what it reads and tries no call again by itself
/// that changes something: no such call has a token.
pub trait Vendor: Send + Sync {
    /// How people are told of it.
    const TEXT: VendorText;

    /// All accounts of the organization, cancelled ones too.
    fn accounts(&self) -> impl Future<Output = Result<Vec<VendorAccount>, VendorError>> + Send;
    /// Makes an account of this name there. Names are not unique.
    fn create_account(
        &self,
        name: &str,
        data_center: DataCenter,
    ) -> impl Future<Output = Result<VendorAccountId, VendorError>> + Send;
    /// The ingest keys of an account, without their values.
    fn keys(
        &self,
        account: VendorAccountId,
    ) -> impl Future<Output = Result<Vec<IngestKey>, VendorError>> + Send;
    /// Makes an ingest key of this name, 120 characters at most. Names are not unique.
    fn create_key(
        &self,
        account: VendorAccountId,
        name: &str,
    ) -> impl Future<Output = Result<NewIngestKey, VendorError>> + Send;
    /// Deletes an ingest key. One that is gone is no error.
    fn delete_key(&self, key: &IngestKeyId) -> impl Future<Output = Result<(), VendorError>> + Send;
    /// The AWS accounts that an account is linked to.
    fn links(&self, account: VendorAccountId) -> impl Future<Output = Result<Vec<Link>, VendorError>> + Send;
    /// Links an AWS account.
    fn link(
        &self,
        account: VendorAccountId,
        link: &NewLink<'_>,
    ) -> impl Future<Output = Result<(), VendorError>> + Send;
}

/// The secrets of one AWS account, in each of its Regions.
pub trait Secrets: Send + Sync {
    /// `DescribeSecret`: no secret is read. `None`: there is none of that name.
    fn versions(
        &self,
        region: &Region,
        secret: &str,
    ) -> impl Future<Output = Result<Option<Versions>, CloudError>> + Send;
    /// `PutSecretValue`, with the key's version ([`IngestKeyId::version`]) as the token: it becomes the one that the secret
    /// hands out.
    fn store(
        &self,
        region: &Region,
        secret: &str,
        key: &NewIngestKey,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
}
