//! The one table: JSON documents with a version, written only under a condition.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::OfSdk as _;
use crate::{AwsError, Class};

/// A document's key: `partition` groups what is read together, `sort` orders within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition key.
    pub partition: String,
    /// The sort key.
    pub sort: String,
}

/// Makes a key.
pub fn key(partition: impl Into<String>, sort: impl Into<String>) -> Key {
    Key { partition: partition.into(), sort: sort.into() }
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// Its key.
    pub key: Key,
    /// Grows by one with each write.
    pub version: u64,
    /// JSON text. DynamoDB's item limit of 400 KB counts after compression.
    pub body: String,
}

impl Doc {
    /// The body as a type.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when it is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, TableError> {
        serde_json::from_str(&self.body)
            .map_err(|error| TableError::Unreadable { key: self.key.clone(), problem: error.to_string() })
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is stored under the key.
    Absent,
    /// This version is stored.
    Version(u64),
}

impl Expect {
    /// What must hold when `doc` is what was read.
    pub fn unchanged(doc: Option<&Doc>) -> Self {
        doc.map_or(Self::Absent, |doc| Self::Version(doc.version))
    }

    /// What must hold for the next write, after a put under this condition.
    #[must_use]
    pub fn after_write(self) -> Self {
        Self::Version(self.next_version())
    }

    fn next_version(self) -> u64 {
        match self {
            Self::Absent => 1,
            Self::Version(version) => version + 1,
        }
    }
}

/// One conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    key: Key,
    expect: Expect,
    body: Option<String>,
    expires_at_s: Option<u64>,
}

impl Write {
    /// Stores `value` as JSON.
    pub fn put<T: Serialize>(key: Key, expect: Expect, value: &T) -> Self {
        #[allow(clippy::expect_used, reason = "our own types, all with string keys, always serialise")]
        let body = serde_json::to_string(value).expect("serialisable");
        Self { key, expect, body: Some(body), expires_at_s: None }
    }

    /// Removes what is stored.
    pub fn delete(key: Key, expect: Expect) -> Self {
        Self { key, expect, body: None, expires_at_s: None }
    }

    /// Lets DynamoDB remove the document some time after this moment (seconds since the epoch).
    pub fn expiring(mut self, at_s: u64) -> Self {
        self.expires_at_s = Some(at_s);
        self
    }
}

/// What goes wrong with the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A condition did not hold: nothing was written. Read again and decide again.
    #[error("someone else wrote {} first", .keys.iter().map(|key| format!("{}/{}", key.partition, key.sort)).collect::<Vec<_>>().join(", "))]
    Conflict {
        /// What was to be written.
        keys: Vec<Key>,
    },
    /// A document is not of the expected shape.
    #[error("the stored document {}/{} is unreadable: {problem}", key.partition, key.sort)]
    Unreadable {
        /// Which.
        key: Key,
        /// serde's complaint.
        problem: String,
    },
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// Where state is kept.
pub trait Table: Send + Sync {
    /// Reads one document, consistently.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Doc>, TableError>> + Send;
    /// Reads all documents of a partition in the order of their sort keys, consistently.
    fn query(&self, partition: &str) -> impl Future<Output = Result<Vec<Doc>, TableError>> + Send;
    /// Does all writes (at most 100, each key once) or none.
    fn write(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), TableError>> + Send;
}

/// DynamoDB. Items are `pk`, `sk`, `version` (number), `body` (string, or gzip when it is long: an
/// incident of a zone lost to the whole fleet has hundreds of members) and, where they expire,
/// `expires_at` (number).
#[derive(Debug, Clone)]
pub struct DynamoTable {
    client: Client,
    name: String,
}

impl DynamoTable {
    /// The table `name`.
    pub fn new(config: &aws_config::SdkConfig, name: impl Into<String>) -> Self {
        Self { client: Client::new(config), name: name.into() }
    }

    fn put(&self, write: &Write, body: &str) -> Result<Put, AwsError> {
        let version = write.expect.next_version();
        let mut put = Put::builder()
            .table_name(&self.name)
            .item("pk", AttributeValue::S(write.key.partition.clone()))
            .item("sk", AttributeValue::S(write.key.sort.clone()))
            .item("version", AttributeValue::N(version.to_string()))
            .item("body", pack(body));
        if let Some(at) = write.expires_at_s {
            put = put.item("expires_at", AttributeValue::N(at.to_string()));
        }
        put = match write.expect {
            Expect::Absent => put.condition_expression("attribute_not_exists(pk)"),
            Expect::Version(version) => put
                .condition_expression("version = :expected")
                .expression_attribute_values(":expected", AttributeValue::N(version.to_string())),
        };
        put.build().map_err(|error| self.unbuildable(&error))
    }

    fn delete(&self, write: &Write) -> Result<Delete, AwsError> {
        let mut delete = Delete::builder()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(write.key.partition.clone()))
            .key("sk", AttributeValue::S(write.key.sort.clone()));
        delete = match write.expect {
            Expect::Absent => delete.condition_expression("attribute_not_exists(pk)"),
            Expect::Version(version) => delete
                .condition_expression("version = :expected")
                .expression_attribute_values(":expected", AttributeValue::N(version.to_string())),
        };
        delete.build().map_err(|error| self.unbuildable(&error))
    }

    fn unbuildable(&self, error: &dyn std::error::Error) -> AwsError {
        AwsError {
            operation: "dynamodb:TransactWriteItems",
            subject: self.name.clone(),
            code: "request".into(),
            message: error.to_string(),
        }
    }

    /// A single put is a `PutItem`: half the price of a transaction.
    async fn put_one(&self, put: Put) -> Result<(), AwsError> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_values(put.expression_attribute_values)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("dynamodb:PutItem", &self.name, &error))
    }

    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), AwsError> {
        self.client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("dynamodb:TransactWriteItems", &self.name, &error))
    }

    fn doc(&self, item: &std::collections::HashMap<String, AttributeValue>) -> Result<Doc, AwsError> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let version =
            item.get("version").and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
        match (text("pk"), text("sk"), item.get("body").and_then(unpack), version) {
            (Some(partition), Some(sort), Some(body), Some(version)) => {
                Ok(Doc { key: key(partition, sort), version, body })
            }
            _ => Err(AwsError {
                operation: "dynamodb:Query",
                subject: self.name.clone(),
                code: "shape".into(),
                message: format!(
                    "item {:?}/{:?} lacks pk, sk, version or body",
                    item.get("pk"),
                    item.get("sk")
                ),
            }),
        }
    }
}

/// Bodies longer than this are stored compressed: 32 KB. Most stay readable in the console.
const PLAIN_BYTES_MAX: usize = 32 * 1024;

fn pack(body: &str) -> AttributeValue {
    if body.len() <= PLAIN_BYTES_MAX {
        return AttributeValue::S(body.to_owned());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish());
    // Writing to memory cannot fail; if it did, the plain text is right too.
    packed.map_or_else(|_| AttributeValue::S(body.to_owned()), |bytes| AttributeValue::B(Blob::new(bytes)))
}

fn unpack(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(text.clone()),
        AttributeValue::B(bytes) => {
            let mut text = String::new();
            GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).ok()?;
            Some(text)
        }
        _ => None,
    }
}

impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(key.partition.clone()))
            .key("sk", AttributeValue::S(key.sort.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::of("dynamodb:GetItem", &self.name, &error))?;
        Ok(answer.item.as_ref().map(|item| self.doc(item)).transpose()?)
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut docs = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::of("dynamodb:Query", &self.name, &error))?;
            for item in page.items() {
                docs.push(self.doc(item)?);
            }
        }
        Ok(docs)
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let mut items = Vec::new();
        for write in &writes {
            items.push(match &write.body {
                Some(body) => TransactWriteItem::builder().put(self.put(write, body)?).build(),
                None => TransactWriteItem::builder().delete(self.delete(write)?).build(),
            });
        }
        let done = match items.as_slice() {
            [] => Ok(()),
            [TransactWriteItem { put: Some(put), .. }] => self.put_one(put.clone()).await,
            _ => self.transact(items).await,
        };
        done.map_err(|error| match error.class() {
            Class::Conflict => {
                TableError::Conflict { keys: writes.into_iter().map(|write| write.key).collect() }
            }
            _ => error.into(),
        })
    }
}

/// A table in memory, with the same behaviour.
#[derive(Debug, Clone, Default)]
pub struct MemoryTable {
    docs: Arc<Mutex<BTreeMap<Key, Doc>>>,
}

impl MemoryTable {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Doc>> {
        self.docs.lock().unwrap()
    }
}

impl Table for MemoryTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        Ok(self.locked().get(key).cloned())
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        Ok(self.locked().values().filter(|doc| doc.key.partition == partition).cloned().collect())
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let mut docs = self.locked();
        let holds = |write: &Write| Expect::unchanged(docs.get(&write.key)) == write.expect;
        if !writes.iter().all(holds) {
            return Err(TableError::Conflict { keys: writes.into_iter().map(|write| write.key).collect() });
        }
        for Write { key, body, .. } in writes {
            let version = docs.get(&key).map_or(1, |doc| doc.version + 1);
            match body {
                Some(body) => docs.insert(key.clone(), Doc { key, version, body }),
                None => docs.remove(&key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_is_stored_small_and_read_back_whole() {
        let member =
            r#"{"account":"444455556666","region":"us-east-1","check":"connection/shop-to-payments/443"}"#;
        for (members, plain) in [(1, true), (2000, false)] {
            let body = member.repeat(members);
            let packed = pack(&body);
            assert_eq!(packed.is_s(), plain, "{members} members");
            assert_eq!(unpack(&packed), Some(body));
            if let AttributeValue::B(bytes) = packed {
                assert!(bytes.as_ref().len() < 20_000, "{} bytes", bytes.as_ref().len());
            }
        }
    }

    #[test]
    fn a_body_that_is_neither_text_nor_gzip_is_no_document() {
        assert_eq!(unpack(&AttributeValue::B(Blob::new([1, 2, 3]))), None);
        assert_eq!(unpack(&AttributeValue::N("1".into())), None);
    }
}
