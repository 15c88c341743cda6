//! While a deployment is under way, or after a roll-back, this release writes documents of a newer one.

use phonehome_cloud::table::Table as _;
use phonehome_state::Keys;
use serde_json::{Value, json};

use super::super::drift::deleted;
use super::super::links::CONNECTIONS;
use super::super::world::{FLEET, PAYMENTS_DEV, REGION, SHOP_DEV, World};

/// What a newer release adds to every document.
const ADDED: &str = "added_by_a_newer_release";

/// What is written anew as a whole, of what is seen or decided now: nothing that was stored is in it.
const WHOLE: [&str; 5] = ["fleet", Keys::SEEN, Keys::OUTBOX, "ledger/turn", Keys::VERSIONS];

impl World {
    /// Adds a field to every document, as a newer release may.
    fn add_a_field(&self) {
        for doc in self.table().all() {
            let mut body: Value = serde_json::from_str(&doc.body).unwrap();
            body[ADDED] = json!({"since": 1});
            self.table().put_raw(doc.key, &body.to_string());
        }
    }

    /// The documents that have lost it.
    fn without_it(&self, partitions: &[&str]) -> Vec<String> {
        let docs = self.table().all().into_iter();
        let kept = |body: &str| serde_json::from_str::<Value>(body).unwrap()[ADDED]["since"] == 1;
        docs.filter(|doc| partitions.contains(&doc.key.partition.as_str()) && !kept(&doc.body))
            .map(|doc| format!("{} | {}", doc.key.partition, doc.key.sort))
            .collect()
    }
}

#[tokio::test]
async fn fields_that_a_newer_release_added_survive_whatever_this_one_writes() {
    let mut world = super::super::links::joined().await;
    world.send(deleted("rtb-0fffffffffffffff0")).await;
    world.drain().await;
    world.add_a_field();
    let versions = |world: &World| -> Vec<(String, u64)> {
        let docs = world.table().all().into_iter().filter(|doc| !WHOLE.contains(&doc.key.partition.as_str()));
        docs.map(|doc| (format!("{} | {}", doc.key.partition, doc.key.sort), doc.version)).collect()
    };
    let before = versions(&world);
    // A change by hand, another target, a connection that goes, and an account that is closed.
    world.edit(SHOP_DEV, |seen| seen.route_tables.iter_mut().for_each(|table| table.routes.clear()));
    world.send(deleted("rtb-0ffffffffffffffff")).await;
    let text = FLEET.replace(CONNECTIONS, "").replace("host: example.com", "host: example.org");
    let shown = world.shown(&text, &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.publish_accepting(&text, shown).await;
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.converge(account).await;
    }
    world.account(PAYMENTS_DEV, "payments-dev", false, None);
    world.reconcile(PAYMENTS_DEV).await;
    let after = versions(&world);
    let written: Vec<&str> =
        before.iter().filter(|old| !after.contains(old)).map(|(name, _)| name.as_str()).collect();
    for partition in ["stacks | ", "notices | ", "deeds | ", "inputs | "] {
        assert!(written.iter().any(|it| it.starts_with(partition)), "{partition}: only {written:?}");
    }
    let partitions = [
        Keys::STACKS,
        Keys::NOTICES,
        "deeds",
        Keys::INPUTS,
        Keys::LEDGER,
        Keys::HOLDERS,
        Keys::BINDINGS,
        Keys::BOUND_ACCOUNTS,
    ];
    let new = |name: &String| !before.iter().any(|(old, _)| old == name);
    let lost: Vec<String> = world.without_it(&partitions).into_iter().filter(|name| !new(name)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn a_stack_of_a_newer_schema_is_left_alone_and_stops_nobody_else() {
    let mut world = super::super::links::joined().await;
    let key = Keys::stack(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let body = world.table().get(&key).await.unwrap().unwrap().body;
    world.table().put_of_schema(key.clone(), u32::MAX, &body);
    let stored = world.table().get(&key).await.unwrap();
    let changes = world.changes(SHOP_DEV, REGION);
    world.edit(PAYMENTS_DEV, |seen| seen.route_tables[0].tags.clear());
    world.reconcile(SHOP_DEV).await;
    world.converge(PAYMENTS_DEV).await;
    assert_eq!(world.table().get(&key).await.unwrap(), stored);
    assert_eq!(world.changes(SHOP_DEV, REGION), changes, "no network is made, nor made twice");
    assert!(world.status(PAYMENTS_DEV).await.network_ready);
}
