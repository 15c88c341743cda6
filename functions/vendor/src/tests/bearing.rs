//! What accounts bear: a unit, tags and contacts, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use phonehome_cloud::CloudError;
use phonehome_fleet::{Contact, ContactType};
use phonehome_properties::{ParentId, PropertiesApi, ShownCase, SupportApi, Unit};
use phonehome_wire::AccountId;

const ROOT: &str = "r-root";

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Units below the root: names by id.
    pub(crate) units: BTreeMap<String, String>,
    /// The unit of each account that is not in the root.
    pub(crate) parents: BTreeMap<AccountId, String>,
    pub(crate) tags: BTreeMap<AccountId, BTreeMap<String, String>>,
    pub(crate) contacts: BTreeMap<(AccountId, ContactType), Contact>,
    pub(crate) calls: Vec<String>,
    /// What is denied: the call here, and the right for it.
    pub(crate) denied: Option<(&'static str, &'static str)>,
    /// Whether nothing is answered.
    pub(crate) hangs: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Bearing(Arc<Mutex<State>>);

impl Bearing {
    pub(crate) fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.0.lock().unwrap())
    }

    fn call<R>(&self, operation: &str, change: impl FnOnce(&mut State) -> R) -> Result<R, CloudError> {
        let denied = self.state(|state| state.denied).filter(|(call, _)| *call == operation);
        if let Some((_, right)) = denied {
            let said = "User: arn:aws:sts::111111111111:assumed-role/phonehome-vending/x is not authorized";
            return Err(CloudError::service(right, "any", "AccessDeniedException", said));
        }
        Ok(self.state(|state| {
            state.calls.push(operation.to_owned());
            change(state)
        }))
    }
}

impl PropertiesApi for Bearing {
    async fn root(&self) -> Result<ParentId, CloudError> {
        Ok(ParentId::new(ROOT))
    }

    async fn units_in(&self, _: &ParentId) -> Result<Vec<Unit>, CloudError> {
        let unit = |(id, name): (&String, &String)| Unit { id: ParentId::new(id), name: name.clone() };
        self.call("units", |state| state.units.iter().map(unit).collect())
    }

    async fn parent_of(&self, account: &AccountId) -> Result<ParentId, CloudError> {
        if self.state(|state| state.hangs) {
            std::future::pending::<()>().await;
        }
        self.call("parent", |state| ParentId::new(state.parents.get(account).map_or(ROOT, String::as_str)))
    }

    async fn create_unit(&self, _: &ParentId, name: &str) -> Result<(), CloudError> {
        self.call("create", |state| drop(state.units.insert(format!("ou-{name}"), name.to_owned())))
    }

    async fn move_account(&self, account: &AccountId, _: &ParentId, to: &ParentId) -> Result<(), CloudError> {
        self.call("move", |state| drop(state.parents.insert(account.clone(), to.as_str().to_owned())))
    }

    async fn is_active(&self, _: &AccountId) -> Result<bool, CloudError> {
        Ok(true)
    }

    async fn tags(&self, account: &AccountId) -> Result<BTreeMap<String, String>, CloudError> {
        self.call("tags", |state| state.tags.get(account).cloned().unwrap_or_default())
    }

    async fn tag(&self, account: &AccountId, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
        self.call("tag", |state| state.tags.entry(account.clone()).or_default().extend(tags.clone()))
    }

    async fn untag(&self, account: &AccountId, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        self.call("untag", |state| {
            state.tags.entry(account.clone()).or_default().retain(|it, _| !keys.contains(it))
        })
    }

    async fn contact(&self, account: &AccountId, which: ContactType) -> Result<Option<Contact>, CloudError> {
        self.call("contact", |state| state.contacts.get(&(account.clone(), which)).cloned())
    }

    async fn put_contact(
        &self,
        account: &AccountId,
        which: ContactType,
        contact: &Contact,
    ) -> Result<(), CloudError> {
        self.call("put", |state| drop(state.contacts.insert((account.clone(), which), contact.clone())))
    }
}

impl SupportApi for Bearing {
    async fn open(&self, subject: &str, _: &str) -> Result<String, CloudError> {
        self.call("open", |_| ())?;
        Err(CloudError::service("support:CreateCase", subject, "SubscriptionRequiredException", "no plan"))
    }

    async fn find(&self, _: &str, _: u64) -> Result<Option<ShownCase>, CloudError> {
        Ok(None)
    }

    async fn case(&self, _: &str) -> Result<Option<ShownCase>, CloudError> {
        Ok(None)
    }
}
