//! A partition with an item that cannot be read.

use phonehome_cloud::table::{Expect, MemoryTable, Table, TableError, Write, key};
use phonehome_state::{Revision, all, readable, set_aside};
use serde_json::{Value, json};

async fn table(items: &[(&str, Value)]) -> MemoryTable {
    let table = MemoryTable::default();
    for (sort, value) in items {
        table.write(vec![Write::put(key("turns", *sort), Expect::Absent, value)]).await.unwrap();
    }
    table
}

#[tokio::test]
async fn an_unreadable_item_is_set_aside_and_hides_no_other() {
    let good = json!({"decided_at_ms": 1});
    let table = table(&[("a", good.clone()), ("b", json!("nonsense")), ("c", good)]).await;
    let partition = readable::<Revision>(&table, "turns").await.unwrap();
    let found: Vec<&str> = partition.found.iter().map(|(doc, _)| doc.key.sort.as_str()).collect();
    assert_eq!(found, ["a", "c"]);
    let [unreadable] = partition.unreadable.as_slice() else { panic!("{partition:?}") };
    assert_eq!(unreadable.doc.key, key("turns", "b"));
    assert!(!unreadable.problem.is_empty());
    assert_eq!(table.query("turns").await.unwrap().len(), 3, "it stays where it is");
    // Who may not decide on a partial view asks for all of it.
    assert!(matches!(all::<Revision>(&table, "turns").await, Err(TableError::Unreadable { .. })));
}

#[tokio::test]
async fn the_copy_of_what_could_not_be_read_is_kept_for_ninety_days() {
    let table = table(&[("b", json!("nonsense"))]).await;
    let doc = table.get(&key("turns", "b")).await.unwrap().unwrap();
    let copy = set_aside(&doc, 1_800_000_000_000);
    assert_eq!(copy.expires_at_s, Some(1_800_000_000 + 90 * 86_400));
    let copy: Value = serde_json::from_str(&copy.body.unwrap()).unwrap();
    assert_eq!(copy["body"], json!(doc.body));
}
