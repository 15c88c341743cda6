//! What the tests of several functions begin with, and how they look at what came of it: sample events, a
//! table with the example's fleet file in force and one stack, and everything that is stored.
//!
//! All of it panics where a sample is missing or wrong: it is a test's to fail then.

use std::collections::BTreeMap;
use std::path::Path;

use phonehome_alerting::{Heartbeat, ProbeKey, ProbePart, Turns};
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write, key};
use phonehome_releases::Stored;
use phonehome_state::{Keys, Phase, PublishedFleet, StackStatus};
use phonehome_wire::StackId;
use serde_json::Value;

/// The fleet file of the example.
pub const FLEET: &str = include_str!("../../../fleet.example.yaml");
/// The account whose stack is in the [`table`]; the sample report is from it.
pub const SHOP_PROD: &str = "444455556666";
/// Where that stack is.
pub const REGION: &str = "us-east-1";
/// The zones in which it has a probe.
pub const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az4"];

/// The events that a function has to bear, by file name: those in its folder of `events`.
pub fn events(function: &str) -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events").join(function);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let event = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), event)
        })
        .collect()
}

/// A fleet file as it is stored once it is published, with nothing accepted.
pub fn published(text: &str) -> PublishedFleet {
    PublishedFleet { text: text.to_owned(), published_by: "test".into(), ..PublishedFleet::default() }
}

/// The stack of shop-prod.
pub fn stack_id() -> StackId {
    format!("{SHOP_PROD}/{REGION}").parse().unwrap()
}

/// The probe of shop-prod in this zone.
pub fn probe(zone: &str) -> ProbeKey {
    ProbeKey {
        account: SHOP_PROD.parse().unwrap(),
        region: REGION.parse().unwrap(),
        availability_zone: zone.parse().unwrap(),
    }
}

/// That a part of a probe ran its first input and was heard of at this moment, in milliseconds since the Unix epoch.
pub fn heartbeat(of: &ProbePart, at_ms: u64) -> Heartbeat {
    Heartbeat {
        key: of.probe.clone(),
        part: of.part,
        last_started_at_ms: at_ms,
        last_received_at_ms: at_ms,
        run_id: format!("run-{at_ms}"),
        generation: 1,
        clock_ahead_ms: 0,
        isolations_at_ms: 0,
        rerun_received_ms: 0,
        passed_again: None,
        paths_expire_at_ms: 0,
        paths_version: 0,
        heard_since_ms: 0,
        behind: None,
        connects: vec![],
        turns: Turns::default(),
    }
}

/// The stack of shop-prod as it was when it became ready, with a probe in each of [`ZONES`]: in milliseconds
/// since the Unix epoch.
pub fn stack(ready_ms: u64) -> StackStatus {
    StackStatus {
        account: SHOP_PROD.parse().unwrap(),
        account_name: "shop-prod".into(),
        domain: "shop".into(),
        environment: "prod".into(),
        region: REGION.parse().unwrap(),
        availability_zones: ZONES.map(|zone| zone.parse().unwrap()).into(),
        pool: "prod".into(),
        cidr: "10.16.0.0/18".parse().unwrap(),
        generation: 1,
        phase: Phase::Ready,
        version: 0,
        network_ready: true,
        egress_ready: true,
        connections_ready: true,
        vpc_id: None,
        private_subnets: vec![],
        opened: vec![],
        withheld: vec![],
        until_in_force: vec![],
        next_hour_ms: 0,
        converged_spec: None,
        full_spec: None,
        agreed_version: 0,
        member_template: 0,
        outdated: None,
        known_probes: None,
        message: String::new(),
        first_seen_ms: ready_ms,
        updated_at_ms: ready_ms,
        ready_since_ms: ZONES.map(|zone| (zone.parse().unwrap(), ready_ms)).into(),
        parts_since_ms: BTreeMap::new(),
        nat_cents: None,
        probe_code: None,
        leased_until_ms: 0,
    }
}

/// A table in which [`FLEET`] is in force and shop-prod has its [`stack`].
pub async fn table(ready_ms: u64) -> MemoryTable {
    let table = MemoryTable::default();
    let writes = vec![
        Write::put(Keys::fleet(), Expect::Absent, &published(FLEET)),
        Write::put(Keys::stack(&stack_id()), Expect::Absent, &stack(ready_ms)),
    ];
    table.write(writes).await.unwrap();
    table
}

/// Puts what a release left into a table, over what is there, whoever may write it.
pub fn restore(table: &MemoryTable, docs: Vec<Stored>) {
    for (partition, sort, body) in docs {
        table.put_raw(key(partition, sort), &body.to_string());
    }
}

/// Every document of a table. A body that is no JSON is a text.
pub fn stored(table: &MemoryTable) -> Vec<Stored> {
    let docs = table.all().into_iter();
    docs.map(|doc| {
        let body = serde_json::from_str(&doc.body).unwrap_or(Value::String(doc.body));
        (doc.key.partition, doc.key.sort, body)
    })
    .collect()
}

/// The documents of these partitions.
pub fn stored_in(table: &MemoryTable, partitions: &[&str]) -> Vec<Stored> {
    let docs = stored(table).into_iter();
    docs.filter(|(partition, ..)| partitions.contains(&partition.as_str())).collect()
}
