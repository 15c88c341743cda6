//! What is known of something in an account, kept before each call that changes something.

use phonehome_alerting::Outgoing;
use phonehome_cloud::table::{Doc, Expect, Key, NotKept, Table, Write};
use phonehome_machine_users::{KeepRotation, Rotation};
use phonehome_settings::{SettingsRecord, settings_key};
use phonehome_stacks::{PackRecord, pack_key};
use phonehome_state::{Keys, Outboxed};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Keeps a record in the table, as long as nobody else writes it.
pub(crate) struct Keeping<'a, T> {
    pub(crate) table: &'a T,
    /// What is stored now.
    pub(crate) doc: Option<Doc>,
}

impl<T: Table> Keeping<'_, T> {
    async fn put<R: Serialize + DeserializeOwned>(&mut self, key: Key, record: &R) -> Result<(), NotKept> {
        let write = Write::over(self.doc.as_ref(), key, record);
        let doc = write.written();
        self.table.write(vec![write]).await?;
        self.doc = doc;
        Ok(())
    }
}

impl<T: Table> phonehome_stacks::Keep for Keeping<'_, T> {
    async fn keep(&mut self, record: &PackRecord) -> Result<(), NotKept> {
        self.put(pack_key(&record.stack()), record).await
    }
}

impl<T: Table> phonehome_settings::Keep for Keeping<'_, T> {
    async fn keep(&mut self, record: &SettingsRecord) -> Result<(), NotKept> {
        self.put(settings_key(&record.stack()), record).await
    }
}

/// What is known of one user's keys is a part of its pack's record.
pub(crate) struct KeepingUser<'a, T> {
    pub(crate) of_pack: Keeping<'a, T>,
    pub(crate) record: PackRecord,
    pub(crate) user: &'a str,
}

impl<T: Table> KeepRotation for KeepingUser<'_, T> {
    async fn keep(&mut self, rotation: &Rotation) -> Result<(), NotKept> {
        self.record.users.entry(self.user.to_owned()).or_default().rotation = rotation.clone();
        self.of_pack.put(pack_key(&self.record.stack()), &self.record).await
    }
}

/// What is known and what is told of it, in one transaction.
pub(crate) fn writes<R: Serialize + DeserializeOwned>(
    doc: Option<&Doc>,
    key: Key,
    record: &R,
    outgoing: impl IntoIterator<Item = Outgoing>,
) -> Vec<Write> {
    let told = outgoing.into_iter().map(|outgoing| {
        let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
        Write::put(key, Expect::Absent, &Outboxed::new(outgoing))
    });
    [Write::over(doc, key, record)].into_iter().chain(told).collect()
}
