//! The table in memory and DynamoDB behave alike: both pass the same contract. DynamoDB is the local
//! cloud's, made by `infra/hub.yaml`.

use std::path::Path;

use anyhow::Result;
use phonehome_aws::DynamoTable;
use phonehome_aws::sdk;
use phonehome_cloud::table::{Doc, Expect, MemoryTable, SortKeys, Table, TableError, Write, key};
use phonehome_localcloud::{HUB_ACCOUNT, LocalCloud, LocalCloudOptions, REGION};

fn put(sort: &str, expect: Expect, value: &str) -> Write {
    Write::put(key("contract", sort), expect, &value)
}

async fn bodies(table: &impl Table) -> Result<Vec<(String, u64, String)>> {
    let docs = table.query("contract").await?;
    docs.into_iter().map(|doc: Doc| Ok((doc.key.sort.clone(), doc.version, doc.read()?))).collect()
}

fn row(sort: &str, version: u64, body: &str) -> (String, u64, String) {
    (sort.to_owned(), version, body.to_owned())
}

/// What everything that stores state relies on.
async fn contract(table: &impl Table) -> Result<()> {
    assert_eq!(table.get(&key("contract", "a")).await?, None);
    table.write(vec![put("b", Expect::Absent, "1")]).await?;
    table.write(vec![put("a", Expect::Absent, "1"), put("c", Expect::Absent, "1")]).await?;
    assert_eq!(bodies(table).await?, [row("a", 1, "1"), row("b", 1, "1"), row("c", 1, "1")]);

    // A condition that does not hold stops the write, and every other one of the same call.
    for refused in [
        vec![put("a", Expect::Absent, "2")],
        vec![put("a", Expect::Version(7), "2")],
        vec![put("d", Expect::Version(1), "2")],
        vec![put("d", Expect::Absent, "2"), put("b", Expect::Version(2), "2")],
        vec![Write::delete(key("contract", "a"), Expect::Version(2))],
    ] {
        let error = table.write(refused.clone()).await.unwrap_err();
        assert!(matches!(error, TableError::Conflict { .. }), "{refused:?} gave {error}");
    }
    assert_eq!(bodies(table).await?.len(), 3);

    table.write(vec![put("a", Expect::Version(1), "2")]).await?;
    table
        .write(vec![
            put("b", Expect::Version(1), "2"),
            Write::delete(key("contract", "c"), Expect::Version(1)),
        ])
        .await?;
    assert_eq!(bodies(table).await?, [row("a", 2, "2"), row("b", 2, "2")]);

    // Long bodies come back whole, and a partition larger than DynamoDB's page of 1 MB completely.
    let long: String = (0..60_000).map(|n| format!("{n:x}")).collect();
    for n in 0..12 {
        table.write(vec![put(&format!("long-{n:02}"), Expect::Absent, &long)]).await?;
    }
    let rows = bodies(table).await?;
    assert_eq!(rows.len(), 14);
    assert!(rows[2..].iter().all(|(_, _, body)| *body == long));

    // Many at once: what is not there is left out, and an answer larger than DynamoDB's 16 MB is whole.
    // Hexadecimal digits without any order pack to half their number: 48 items of some 370 KB.
    let mut random = 88_172_645_463_325_252_u64;
    let mut digits = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        format!("{random:016x}")
    };
    let longer: String = (0..46_000).map(|_| digits()).collect();
    for n in 0..48 {
        table.write(vec![put(&format!("many-{n:02}"), Expect::Absent, &longer)]).await?;
    }
    let keys: Vec<_> = (0..100).map(|n| key("contract", format!("many-{n:02}"))).collect();
    let mut many = table.get_many(&keys).await?;
    many.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(many.iter().map(|doc| doc.key.clone()).collect::<Vec<_>>(), keys[..48]);
    assert!(many.iter().all(|doc| doc.version == 1 && doc.read::<String>() == Ok(longer.clone())));
    assert!(table.get_many(&[]).await?.is_empty());

    // Parts of a partition are what is from one sort key on and before another.
    assert_eq!(sorts(table, None, Some("long-00")).await?, ["a", "b"]);
    assert_eq!(sorts(table, Some("long-09"), Some("long-11")).await?, ["long-09", "long-10"]);
    // From a key and before one that are both not there; and over several of DynamoDB's pages.
    assert_eq!(sorts(table, Some("long-095"), Some("long-105")).await?, ["long-10"]);
    let some = sorts(table, Some("many-00"), Some("many-47")).await?;
    assert_eq!((some.len(), some.last().map(String::as_str)), (47, Some("many-46")));
    assert_eq!(sorts(table, Some("many-46"), None).await?, ["many-46", "many-47"]);
    assert_eq!(sorts(table, None, None).await?.len(), rows.len() + 48);
    assert_eq!(sorts(table, Some("n"), None).await?.len(), 0);

    table.write(vec![]).await?;
    Ok(())
}

/// The sort keys of the documents that are read of a part of the partition.
async fn sorts(table: &impl Table, from: Option<&str>, before: Option<&str>) -> Result<Vec<String>> {
    let mut sorts = vec![];
    let take = |docs: Vec<Doc>| sorts.extend(docs.into_iter().map(|doc| doc.key.sort));
    table.query_between("contract", SortKeys { from, before }, take).await?;
    Ok(sorts)
}

#[tokio::test]
async fn the_table_in_memory_keeps_the_contract() -> Result<()> {
    contract(&MemoryTable::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_keeps_the_contract() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut stage = LocalCloud::start(LocalCloudOptions {
        repository: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        folder: folder.path().to_owned(),
        schedule_seconds: 60,
        overdue_after_seconds: 60,
        channels: vec!["#net".to_owned()],
    })
    .await?;
    stage.deploy().await?;
    let config = sdk::in_local_cloud(stage.emulator.endpoint(), HUB_ACCOUNT, REGION).await?;
    contract(&DynamoTable::new(&config, stage.output("TableName")?)).await
}

#[tokio::test]
async fn the_local_cloud_is_never_anywhere_else() {
    let refused = sdk::in_local_cloud("https://dynamodb.us-east-1.amazonaws.com", HUB_ACCOUNT, REGION).await;
    assert!(refused.is_err());
}
