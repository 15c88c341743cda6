//! The calls that keep accounts as declared, opened when the first one is made: most minutes make none.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::CloudError;
use phonehome_fleet::{Contact, ContactType};
use phonehome_properties::{ParentId, PropertiesApi, ShownCase, SupportApi, Unit};
use phonehome_wire::AccountId;
use tokio::sync::OnceCell;

/// The way to the calls that keep accounts as declared.
pub trait OpenProperties: Send + Sync {
    /// Those of Organizations and Account Management.
    type Properties: PropertiesApi;
    /// Those of AWS Support.
    type Support: SupportApi;

    /// Opens it: assumes the role that may make them.
    ///
    /// # Errors
    /// [`CloudError`]: the role is not there, or may not be assumed.
    fn open_properties(
        &self,
    ) -> impl Future<Output = Result<(Self::Properties, Self::Support), CloudError>> + Send;
}

/// Opened by the first call, for all of one look.
#[derive(Debug)]
pub(crate) struct Way<'o, O: OpenProperties> {
    way: &'o O,
    apis: OnceCell<(O::Properties, O::Support)>,
}

impl<'o, O: OpenProperties> Way<'o, O> {
    pub(crate) fn by(way: &'o O) -> Self {
        Self { way, apis: OnceCell::new() }
    }

    async fn apis(&self) -> Result<&(O::Properties, O::Support), CloudError> {
        self.apis.get_or_try_init(|| self.way.open_properties()).await
    }
}

impl<O: OpenProperties> PropertiesApi for &Way<'_, O> {
    async fn root(&self) -> Result<ParentId, CloudError> {
        self.apis().await?.0.root().await
    }

    async fn units_in(&self, parent: &ParentId) -> Result<Vec<Unit>, CloudError> {
        self.apis().await?.0.units_in(parent).await
    }

    async fn parent_of(&self, account: &AccountId) -> Result<ParentId, CloudError> {
        self.apis().await?.0.parent_of(account).await
    }

    async fn create_unit(&self, parent: &ParentId, name: &str) -> Result<(), CloudError> {
        self.apis().await?.0.create_unit(parent, name).await
    }

    async fn move_account(
        &self,
        account: &AccountId,
        from: &ParentId,
        to: &ParentId,
    ) -> Result<(), CloudError> {
        self.apis().await?.0.move_account(account, from, to).await
    }

    async fn is_active(&self, account: &AccountId) -> Result<bool, CloudError> {
        self.apis().await?.0.is_active(account).await
    }

    async fn tags(&self, account: &AccountId) -> Result<BTreeMap<String, String>, CloudError> {
        self.apis().await?.0.tags(account).await
    }

    async fn tag(&self, account: &AccountId, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
        self.apis().await?.0.tag(account, tags).await
    }

    async fn untag(&self, account: &AccountId, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        self.apis().await?.0.untag(account, keys).await
    }

    async fn contact(&self, account: &AccountId, which: ContactType) -> Result<Option<Contact>, CloudError> {
        self.apis().await?.0.contact(account, which).await
    }

    async fn put_contact(
        &self,
        account: &AccountId,
        which: ContactType,
        contact: &Contact,
    ) -> Result<(), CloudError> {
        self.apis().await?.0.put_contact(account, which, contact).await
    }
}

impl<O: OpenProperties> SupportApi for &Way<'_, O> {
    async fn open(&self, subject: &str, body: &str) -> Result<String, CloudError> {
        self.apis().await?.1.open(subject, body).await
    }

    async fn find(&self, subject: &str, after_ms: u64) -> Result<Option<ShownCase>, CloudError> {
        self.apis().await?.1.find(subject, after_ms).await
    }

    async fn case(&self, id: &str) -> Result<Option<ShownCase>, CloudError> {
        self.apis().await?.1.case(id).await
    }
}
