//! The schema numbers of the releases: a build reads what the one before it wrote, and the one before it, after
//! a roll-back, what this one writes.

use phonehome_cloud::table::{
    Expect, MemoryTable, SCHEMA_READ, SCHEMA_WRITTEN, Table as _, TableError, Write,
};
use phonehome_releases::{Release, keep};
use phonehome_state::{Keys, StackStatus, set_aside};
use serde_json::json;

#[test]
fn the_schema_numbers_of_this_release_are_kept_by_the_release_before() {
    keep("release.json", &json!({"schema_written": SCHEMA_WRITTEN, "schema_read": SCHEMA_READ}));
}

#[test]
fn a_roll_back_by_one_version_meets_no_schema_that_it_cannot_read() {
    let before = Release::before().file("release.json").unwrap();
    let number = |name: &str| before[name].as_u64().unwrap();
    assert!(
        u64::from(SCHEMA_WRITTEN) <= number("schema_read"),
        "a roll-back by one version would meet documents that it cannot read: this release may read the new \
         schema (SCHEMA_READ), the next one writes it (SCHEMA_WRITTEN)"
    );
    assert!(u64::from(SCHEMA_READ) >= number("schema_written"));
    const { assert!(SCHEMA_READ >= SCHEMA_WRITTEN) };
}

#[tokio::test]
async fn what_a_newer_release_wrote_is_left_as_it_is_whoever_would_write_it_anew() {
    let table = MemoryTable::default();
    let key = Keys::stack(&"111122223333/us-east-1".parse().unwrap());
    table.put_of_schema(key.clone(), SCHEMA_READ + 1, r#"{"all":"other"}"#);
    let doc = table.get(&key).await.unwrap().unwrap();
    assert!(matches!(doc.read::<StackStatus>(), Err(TableError::Unreadable { .. })));
    let anew = Write::put(key.clone(), Expect::unchanged(Some(&doc)), &json!({}));
    for writes in [
        vec![anew.clone()],
        vec![anew, set_aside(&doc, 1)],
        vec![Write::delete(key.clone(), Expect::unchanged(Some(&doc)))],
    ] {
        let refused = table.write(writes).await.unwrap_err();
        assert!(matches!(refused, TableError::Newer { .. }), "{refused}");
    }
    assert_eq!(table.all(), [doc]);
}
