//! The accounts' documents in the table.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::{Doc, Table, TableError, Write};
use phonehome_wire::AccountId;

use crate::kept::{Kept, PROPERTIES, kept_key};

/// How long a document is kept after its account was looked at for the last time, in seconds: 90 days, as long as a closed
/// account may be opened again.
const KEPT_S: u64 = 90 * 24 * 60 * 60;

/// What is stored.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) kept: BTreeMap<AccountId, Kept>,
    /// Accounts whose documents cannot be read: they are left alone, for what phonehome gave them is not known.
    pub(crate) unreadable: BTreeSet<AccountId>,
    docs: BTreeMap<AccountId, Doc>,
}

impl Stored {
    pub(crate) async fn read(table: &impl Table) -> Result<Self, TableError> {
        let mut stored = Self::default();
        for doc in table.query(PROPERTIES).await? {
            match doc.read::<Kept>() {
                Ok(kept) if kept_key(&kept.account) == doc.key => {
                    stored.docs.insert(kept.account.clone(), doc);
                    stored.kept.insert(kept.account.clone(), kept);
                }
                _ => stored.unreadable.extend(doc.key.sort.parse::<AccountId>().ok()),
            }
        }
        Ok(stored)
    }

    /// Stores what is known of an account, together with what people are told, if nobody else wrote it meanwhile. Returns
    /// whether it is stored.
    pub(crate) async fn put(
        &mut self,
        table: &impl Table,
        kept: &Kept,
        told: Vec<Write>,
        now_ms: u64,
    ) -> Result<bool, TableError> {
        let write = Write::over(self.docs.get(&kept.account), kept_key(&kept.account), kept);
        let write = write.expiring(now_ms / 1000 + KEPT_S);
        let written = write.written();
        match table.write([vec![write], told].concat()).await {
            Ok(()) => {}
            Err(TableError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.docs.extend(written.map(|doc| (kept.account.clone(), doc)));
        self.kept.insert(kept.account.clone(), kept.clone());
        Ok(true)
    }
}
