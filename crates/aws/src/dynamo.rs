//! The table in DynamoDB.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use phonehome_cloud::table::{
    BODY_BYTES_MAX, Doc, Expect, Key, SCHEMA_WRITTEN, SortKeys, Table, TableError, Write, key,
};
use phonehome_cloud::{Cause, Class, CloudError};

use crate::Session;
use crate::error::OfSdk as _;

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
    pub fn new(session: &Session, name: impl Into<String>) -> Self {
        Self { client: Client::new(session.config()), name: name.into() }
    }

    fn put(&self, write: &Write, body: &str) -> Result<Put, CloudError> {
        let version = write.expect.next_version();
        let mut put = Put::builder()
            .table_name(&self.name)
            .item("pk", AttributeValue::S(write.key.partition.clone()))
            .item("sk", AttributeValue::S(write.key.sort.clone()))
            .item("version", AttributeValue::N(version.to_string()))
            .item(SCHEMA, AttributeValue::N(SCHEMA_WRITTEN.to_string()))
            .item("body", pack(body));
        if let Some(at) = write.expires_at_s {
            put = put.item("expires_at", AttributeValue::N(at.to_string()));
        }
        put = match write.expect {
            Expect::Absent | Expect::Newer(_) => put.condition_expression("attribute_not_exists(pk)"),
            Expect::Version(0) => put.condition_expression(NO_VERSION),
            Expect::Version(version) => put
                .condition_expression("version = :expected")
                .expression_attribute_values(":expected", AttributeValue::N(version.to_string())),
        };
        put.build().map_err(|error| self.unbuildable(&error))
    }

    fn delete(&self, write: &Write) -> Result<Delete, CloudError> {
        let mut delete = Delete::builder()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(write.key.partition.clone()))
            .key("sk", AttributeValue::S(write.key.sort.clone()));
        delete = match write.expect {
            Expect::Absent | Expect::Newer(_) => delete.condition_expression("attribute_not_exists(pk)"),
            Expect::Version(0) => delete.condition_expression(NO_VERSION),
            Expect::Version(version) => delete
                .condition_expression("version = :expected")
                .expression_attribute_values(":expected", AttributeValue::N(version.to_string())),
        };
        delete.build().map_err(|error| self.unbuildable(&error))
    }

    fn unbuildable(&self, error: &dyn std::error::Error) -> CloudError {
        CloudError::of_cause("dynamodb:TransactWriteItems", &self.name, Cause::Request(error.to_string()))
    }

    /// A single put is a `PutItem`: half the price of a transaction.
    async fn put_one(&self, put: Put) -> Result<(), CloudError> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_values(put.expression_attribute_values)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| CloudError::of("dynamodb:PutItem", &self.name, &error))
    }

    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), CloudError> {
        self.client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| CloudError::of("dynamodb:TransactWriteItems", &self.name, &error))
    }

    /// Writes again where an item was in a transaction at that moment, which the SDK does not. Nothing was
    /// written then, and the conditions decide anew.
    async fn write_all(&self, items: &[TransactWriteItem]) -> Result<(), CloudError> {
        let mut attempt = 1;
        loop {
            let done = match items {
                [] => Ok(()),
                [TransactWriteItem { put: Some(put), .. }] => self.put_one(put.clone()).await,
                _ => self.transact(items.to_vec()).await,
            };
            let Err(error) = done else { return Ok(()) };
            let Some(pause) = pause_before_next(&error, attempt) else { return Err(error) };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Rounds of BatchGetItem until nothing is left out.
    async fn batches(&self, keys: &[Key], consistent: bool) -> Result<Vec<Doc>, TableError> {
        let mut docs = Vec::new();
        let mut left: Vec<HashMap<String, AttributeValue>> = keys.iter().map(primary_key).collect();
        for round in 0..GET_MANY_ROUNDS {
            if left.is_empty() {
                return Ok(docs);
            }
            if round > 0 {
                tokio::time::sleep(GET_MANY_PAUSE * round).await;
            }
            let wanted =
                KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(consistent).build();
            let answer = self.batch_get(wanted.map_err(|error| self.unbuildable(&error))?).await?;
            docs.extend(
                answer.responses.into_iter().flat_map(|it| it.into_values().flatten()).map(|it| doc(&it)),
            );
            left = answer
                .unprocessed_keys
                .into_iter()
                .flat_map(HashMap::into_values)
                .flat_map(|it| it.keys)
                .collect();
        }
        if left.is_empty() {
            return Ok(docs);
        }
        Err(TableError::Aws(CloudError::service(
            "dynamodb:BatchGetItem",
            &self.name,
            "ProvisionedThroughputExceededException",
            format!("{} keys are left after {GET_MANY_ROUNDS} rounds", left.len()),
        )))
    }

    /// One round of BatchGetItem: what it read, and what it left for another round.
    async fn batch_get(&self, keys: KeysAndAttributes) -> Result<BatchGetItemOutput, CloudError> {
        self.client
            .batch_get_item()
            .request_items(&self.name, keys)
            .send()
            .await
            .map_err(|error| CloudError::of("dynamodb:BatchGetItem", &self.name, &error))
    }
}

/// How often a write that meets somebody's transaction is tried: transactions take milliseconds.
const WRITE_ATTEMPTS: u32 = 5;
/// The wait before the second attempt, a multiple of it before each further one: 250 ms in all.
const WRITE_PAUSE: Duration = Duration::from_millis(25);

/// How long to wait before a failed write is tried again; `None` where that does not help. `attempt` counts
/// from 1.
fn pause_before_next(error: &CloudError, attempt: u32) -> Option<Duration> {
    (meets_transaction(error) && attempt < WRITE_ATTEMPTS).then(|| WRITE_PAUSE * attempt)
}

/// Whether an item is in another transaction, and no condition of the write was found untrue.
fn meets_transaction(error: &CloudError) -> bool {
    let Cause::Service { code, message } = &error.cause else { return false };
    // The message of a cancelled transaction lists a reason for each item.
    let has = |reason: &str| message.contains(reason);
    match code.as_str() {
        "TransactionConflictException" => true,
        "TransactionCanceledException" => has("TransactionConflict") && !has("ConditionalCheckFailed"),
        _ => false,
    }
}

/// An item as a document. Its key is always there: DynamoDB stores nothing without.
fn doc(item: &HashMap<String, AttributeValue>) -> Doc {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let version = item.get("version").and_then(|value| value.as_n().ok()).and_then(|it| it.parse().ok());
    let body = version.and_then(|_| item.get("body").and_then(unpack)).unwrap_or_default();
    // A number that cannot be read is none that this build knows.
    let schema = item.get(SCHEMA).map(|value| value.as_n().ok().and_then(|it| it.parse().ok()));
    let schema = schema.map_or(1, |number| number.unwrap_or(u32::MAX));
    Doc { key: key(text("pk"), text("sk")), version: version.unwrap_or(0), schema, body }
}

/// The attribute with the number of a document's schema. Release 0.1.0 writes none.
const SCHEMA: &str = "schema_number";

fn primary_key(key: &Key) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.partition.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sort.clone())),
    ])
}

/// That an item is there without a version: somebody else wrote it.
const NO_VERSION: &str = "attribute_exists(pk) AND attribute_not_exists(version)";

/// How often what DynamoDB left out of an answer (more than 16 MB, or a throttle) is asked for again.
const GET_MANY_ROUNDS: u32 = 8;
/// The wait before the second round, a multiple of it before each further one: 1.4 s in all.
const GET_MANY_PAUSE: Duration = Duration::from_millis(50);

/// Bodies longer than this are stored compressed: 32 KB. Most stay readable in the console.
const PLAIN_BYTES_MAX: usize = 32 * 1024;

/// How many bytes of an item a value takes as its body.
pub fn stored_bytes<T: serde::Serialize>(value: &T) -> usize {
    let body = serde_json::to_string(value).unwrap_or_default();
    match pack(&body) {
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => body.len(),
    }
}

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
            GzDecoder::new(bytes.as_ref()).take(BODY_BYTES_MAX + 1).read_to_string(&mut text).ok()?;
            Some(text).filter(|text| text.len() as u64 <= BODY_BYTES_MAX)
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
            .map_err(|error| CloudError::of("dynamodb:GetItem", &self.name, &error))?;
        Ok(answer.item.as_ref().map(doc))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.batches(keys, true).await
    }

    async fn get_many_eventually(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.batches(keys, false).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        let mut docs = Vec::new();
        self.query_pages(partition, |page| docs.extend(page)).await?;
        Ok(docs)
    }

    async fn query_between(
        &self,
        partition: &str,
        keys: SortKeys<'_>,
        mut take: impl FnMut(Vec<Doc>) + Send,
    ) -> Result<(), TableError> {
        // There is no condition for a range that ends before a key: the document under it is left out below.
        let condition = match (keys.from, keys.before) {
            (None, None) => "pk = :pk",
            (Some(_), None) => "pk = :pk AND sk >= :from",
            (None, Some(_)) => "pk = :pk AND sk < :before",
            (Some(_), Some(_)) => "pk = :pk AND sk BETWEEN :from AND :before",
        };
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .consistent_read(true);
        for (name, key) in [(":from", keys.from), (":before", keys.before)] {
            if let Some(key) = key {
                query = query.expression_attribute_values(name, AttributeValue::S(key.to_owned()));
            }
        }
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| CloudError::of("dynamodb:Query", &self.name, &error))?;
            take(page.items().iter().map(doc).filter(|doc| keys.contain(&doc.key.sort)).collect());
        }
        Ok(())
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        writes.iter().try_for_each(Write::is_allowed)?;
        let mut items = Vec::new();
        for write in &writes {
            items.push(match &write.body {
                Some(body) => TransactWriteItem::builder().put(self.put(write, body)?).build(),
                None => TransactWriteItem::builder().delete(self.delete(write)?).build(),
            });
        }
        let done = self.write_all(&items).await;
        done.map_err(|error| match error.class() {
            Class::Conflict => {
                TableError::Conflict { keys: writes.into_iter().map(|write| write.key).collect() }
            }
            _ => error.into(),
        })
    }
}

#[cfg(test)]
mod tests;
