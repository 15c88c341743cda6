//! What is known of an account's set-up at an observability vendor, kept before each call that changes something.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Doc, NotKept, Table, Write};
use phonehome_observability::{KeepSetup, Setup, VendorAccountId};
use phonehome_stacks::{Bound, ObservabilityRecord, bound_key, observability_key};
use phonehome_state::Keys;
use phonehome_wire::AccountId;

/// Keeps the record in the table, as long as nobody else writes it.
pub(crate) struct KeepingSetup<'a, T> {
    table: &'a T,
    doc: Option<Doc>,
    pub(crate) record: ObservabilityRecord,
    /// What is stored of accounts at the vendor, as it was read.
    bound: BTreeMap<VendorAccountId, Option<Doc>>,
}

impl<'a, T: Table> KeepingSetup<'a, T> {
    pub(crate) fn new(table: &'a T, doc: Option<Doc>, record: ObservabilityRecord) -> Self {
        Self { table, doc, record, bound: BTreeMap::new() }
    }

    /// What is stored now.
    pub(crate) fn doc(&self) -> Option<&Doc> {
        self.doc.as_ref()
    }

    async fn put(&mut self, setup: &Setup, beside: Option<Write>) -> Result<(), NotKept> {
        self.record.setup = setup.clone();
        let write = Write::over(self.doc.as_ref(), observability_key(&self.record.account), &self.record);
        let doc = write.written();
        self.table.write([write].into_iter().chain(beside).collect()).await?;
        self.doc = doc;
        Ok(())
    }
}

impl<T: Table> KeepSetup for KeepingSetup<'_, T> {
    async fn keep(&mut self, setup: &Setup) -> Result<(), NotKept> {
        self.put(setup, None).await
    }

    async fn keep_bound(&mut self, setup: &Setup, id: VendorAccountId) -> Result<(), NotKept> {
        let before = self.bound.get(&id).cloned().flatten();
        let bound = Bound { account: self.record.account.clone() };
        let write = Write::over(before.as_ref(), bound_key(id), &bound);
        let doc = write.written();
        self.put(setup, Some(write)).await?;
        self.bound.insert(id, doc);
        Ok(())
    }

    /// An AWS account that is no line any more holds none: the line's next account may have it.
    async fn holder(&mut self, id: VendorAccountId) -> Result<Option<AccountId>, NotKept> {
        let doc = self.table.get(&bound_key(id)).await?;
        let bound = doc.as_ref().map(Doc::read::<Bound>).transpose()?;
        self.bound.insert(id, doc);
        let Some(Bound { account }) = bound else { return Ok(None) };
        let is_line = self.table.get(&Keys::bound_account(&account)).await?.is_some();
        Ok((is_line || account == self.record.account).then_some(account))
    }
}
