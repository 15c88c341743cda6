//! A table whose calls take time, before and after which whoever calls may be stopped.

use phonehome_cloud::table::{Doc, Key, MemoryTable, Table, TableError, Write};

use crate::clock::{VirtualClock, stop};

/// How long a call to DynamoDB takes, in milliseconds.
const CALL_MS: u64 = 10;

/// The table in memory, slower.
#[derive(Debug, Clone)]
pub(crate) struct SlowTable {
    pub(crate) table: MemoryTable,
    pub(crate) clock: VirtualClock,
}

impl SlowTable {
    async fn call<R>(&self, call: impl Future<Output = R>) -> R {
        stop().await;
        self.clock.pass(CALL_MS);
        let answer = call.await;
        stop().await;
        answer
    }
}

impl Table for SlowTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.call(self.table.get(key)).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.call(self.table.query(partition)).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.call(self.table.write(writes)).await
    }
}
