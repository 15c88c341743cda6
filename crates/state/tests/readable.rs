//! A partition with an item that cannot be read.

use phonehome_cloud::table::{Expect, MemoryTable, Table, TableError, Write, key};
use phonehome_state::{Claim, Revision, all, readable, set_aside};
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

#[tokio::test]
async fn an_item_with_an_id_that_is_none_is_set_aside_alone_and_says_what_it_should_look_like() {
    let claim = |account: &str, region: &str| json!({"cidr": "10.0.0.0/18", "pool": "dev", "account": account, "region": region, "claimed_at_ms": 5});
    let good = claim("111122223333", "us-east-1");
    let table = table(&[
        ("111122223333/us-east-1", good.clone()),
        ("222233334444/us-east-1", claim("2222", "us-east-1")),
        ("333344445555/us-east-1", claim("333344445555", "us-east-1/x")),
    ])
    .await;
    let partition = readable::<Claim>(&table, "turns").await.unwrap();
    let [(_, found)] = partition.found.as_slice() else { panic!("{partition:?}") };
    assert_eq!(found.stack().to_string(), "111122223333/us-east-1");
    let written = serde_json::to_value(found).unwrap();
    assert_eq!((&written["account"], &written["region"]), (&good["account"], &good["region"]));
    let [account, region] = partition.unreadable.as_slice() else { panic!("{partition:?}") };
    assert!(account.problem.contains("\"2222\" is no account id: one has 12 digits"), "{}", account.problem);
    assert!(region.problem.contains("\"us-east-1/x\" is no AWS Region"), "{}", region.problem);
    // Its key says what it is about all the same.
    assert_eq!(account.stack(), Some("222233334444/us-east-1".parse().unwrap()));
}
