//! What there is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::Fault;

/// What is shared with the server.
pub(crate) type Shared = Arc<Mutex<State>>;

pub(crate) fn locked(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// `us01` or `eu01`.
    pub region_code: String,
    /// Whether it was cancelled.
    pub is_canceled: bool,
}

/// An ingest key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// The account that it is of.
    pub account: i32,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A linked AWS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The account that it is linked to.
    pub account: i32,
    /// What it is called.
    pub name: String,
    /// The role.
    pub role_arn: String,
    /// `PUSH` or `PULL`
    pub mode: String,
}

/// An organization.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Its accounts.
    pub accounts: Vec<Account>,
    /// Their ingest keys.
    pub keys: Vec<Key>,
    /// What they are linked to.
    pub linked: Vec<Linked>,
    /// Operations that came, in their order.
    pub calls: Vec<String>,
    /// How many keys a page has; 0: all of them.
    pub page: usize,
    /// Whether the user may make no keys.
    pub forbids_keys: bool,
    pub(crate) faults: Vec<(String, Fault)>,
    made: i32,
}

impl State {
    /// Makes an account; as many of a name as are asked for.
    pub fn make_account(&mut self, name: &str, region_code: &str) -> i32 {
        self.made += 1;
        let id = 4_000_000 + self.made;
        let (name, region_code) = (name.to_owned(), region_code.to_owned());
        self.accounts.push(Account { id, name, region_code, is_canceled: false });
        id
    }

    /// Makes a key; as many of a name as are asked for.
    pub fn make_key(&mut self, account: i32, name: &str) -> Key {
        self.made += 1;
        let made = self.made;
        let (id, value) = (format!("{made:064X}"), format!("eu01xx{made:030}NRAL"));
        let key = Key { id, account, name: name.to_owned(), value };
        self.keys.push(key.clone());
        key
    }

    pub(crate) fn fault_of(&mut self, operation: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(of, _)| of == operation)?;
        Some(self.faults.remove(at).1)
    }
}
