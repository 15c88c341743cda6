//! What is asked of AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;

use phonehome_cloud::CloudError;
use phonehome_fleet::{Contact, ContactType};
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

/// The id of what an account or a unit is in: the root, `r-` and 4 to 32 small letters and digits, or a unit, which
/// begins with `ou-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParentId(String);

impl ParentId {
    /// The id as Organizations gave it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: ParentId,
    /// Its name; no two in one parent have the same.
    pub name: String,
}

/// The calls of Organizations and of Account Management that this needs. Whoever implements it need not slow down: an
/// account takes some six calls, one after the other.
pub trait PropertiesApi: Send + Sync {
    /// `ListRoots`: the root.
    ///
    /// # Errors
    /// [`CloudError`]
    fn root(&self) -> impl Future<Output = Result<ParentId, CloudError>> + Send;
    /// `ListOrganizationalUnitsForParent`, all pages.
    ///
    /// # Errors
    /// [`CloudError`]; half a list is none.
    fn units_in(&self, parent: &ParentId) -> impl Future<Output = Result<Vec<Unit>, CloudError>> + Send;
    /// `ListParents`: the root or unit that an account is in.
    ///
    /// # Errors
    /// [`CloudError`]
    fn parent_of(&self, account: &AccountId) -> impl Future<Output = Result<ParentId, CloudError>> + Send;
    /// `CreateOrganizationalUnit`.
    ///
    /// # Errors
    /// [`CloudError`]
    fn create_unit(
        &self,
        parent: &ParentId,
        name: &str,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `MoveAccount`.
    ///
    /// # Errors
    /// [`CloudError`]
    fn move_account(
        &self,
        account: &AccountId,
        from: &ParentId,
        to: &ParentId,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `DescribeAccount`: whether an account can be worked in. Not one that is suspended, closed or not of the organization.
    ///
    /// # Errors
    /// [`CloudError`]
    fn is_active(&self, account: &AccountId) -> impl Future<Output = Result<bool, CloudError>> + Send;
    /// `ListTagsForResource`, all pages.
    ///
    /// # Errors
    /// [`CloudError`]; half a list is none.
    fn tags(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, CloudError>> + Send;
    /// `TagResource`.
    ///
    /// # Errors
    /// [`CloudError`]
    fn tag(
        &self,
        account: &AccountId,
        tags: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `UntagResource`.
    ///
    /// # Errors
    /// [`CloudError`]
    fn untag(
        &self,
        account: &AccountId,
        keys: &BTreeSet<String>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `GetAlternateContact`; `None`: the account has none of that type.
    ///
    /// # Errors
    /// [`CloudError`]
    fn contact(
        &self,
        account: &AccountId,
        which: ContactType,
    ) -> impl Future<Output = Result<Option<Contact>, CloudError>> + Send;
    /// `PutAlternateContact`.
    ///
    /// # Errors
    /// [`CloudError`]
    fn put_contact(
        &self,
        account: &AccountId,
        which: ContactType,
        contact: &Contact,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
}
