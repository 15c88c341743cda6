//! Each build reads what every older release left in the table, and knows every kind of document there is.

use std::collections::BTreeSet;

use phonehome_alerting::{
    Crashes, GrayZones, Heartbeat, Incident, Inputs, Notices, Paths, Refusals, Silence, Suspected,
};
use phonehome_closing::Decommissioned;
use phonehome_cloud::table::{Doc, TableError, key};
use phonehome_fleet::Binding;
use phonehome_releases::{Release, as_old_readers_see, unordered};
use phonehome_rollout::RollOut;
use phonehome_settings::SettingsRecord;
use phonehome_slack::MessageRef;
use phonehome_stacks::{Bound, ObservabilityRecord, PackRecord};
use phonehome_state::{ChangeLog, DefaultVpcs, Notified};
use phonehome_state::{
    Claim, Hour, ListedPart, NewestProbes, NotifiedFinding, Outboxed, Paging, PublishedFleet, Revision, Seen,
    SetAside, StackStatus, Sweep, Used, WRITERS,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Partitions that are newer than a release, which so has no document of them.
const NEWER_THAN: [(&str, &str); 17] = [
    ("pages", "0.1.0"),
    ("crashes", "0.1.0"),
    ("rollout", "0.1.0"),
    ("sweeps", "0.1.0"),
    ("sweeps/accounts", "0.1.0"),
    ("probe-code", "0.1.0"),
    ("probe-code/chunks", "0.1.0"),
    ("decommissioned", "0.1.0"),
    ("packs", "0.1.0"),
    ("settings", "0.1.0"),
    ("observability", "0.1.0"),
    ("observability/bound", "0.1.0"),
    ("properties", "0.1.0"),
    ("properties/support", "0.1.0"),
    ("vending", "0.1.0"),
    ("vending/pace", "0.1.0"),
    ("vending/told", "0.1.0"),
];

/// Reads a document as whoever uses it does; answers what would be written of it.
fn read(doc: &Doc) -> Result<Value, TableError> {
    fn of<T: DeserializeOwned + Serialize>(doc: &Doc) -> Result<Value, TableError> {
        doc.read::<T>().map(|value| serde_json::to_value(value).unwrap())
    }
    match (doc.key.partition.as_str(), doc.key.sort.as_str()) {
        ("fleet" | "fleet/versions", _) => of::<PublishedFleet>(doc),
        ("permissions", _) => of::<Used>(doc),
        ("removals", _) => of::<Hour>(doc),
        ("stacks", _) => of::<StackStatus>(doc),
        ("bindings" | "bindings/accounts", _) => of::<Binding>(doc),
        ("bindings/told", _) => of::<NotifiedFinding>(doc),
        ("ledger" | "ledger/holders", _) => of::<Claim>(doc),
        ("ledger/turn", _) | ("alerter", "turn") => of::<Revision>(doc),
        ("ledger/seen", _) => of::<Seen>(doc),
        ("deeds", _) => of::<ChangeLog>(doc),
        // What the provisioner alone reads is read in its own tests.
        ("notices", "unlisted" | "outdated" | "orphaned") => of::<Value>(doc),
        ("notices", _) => of::<Notified>(doc),
        ("default-vpcs", _) => of::<DefaultVpcs>(doc),
        ("inputs", _) => of::<Inputs>(doc),
        ("heartbeats", _) => of::<Heartbeat>(doc),
        ("paths", _) => of::<Paths>(doc),
        ("refusals", _) => of::<Refusals>(doc),
        ("crashes", _) => of::<Crashes>(doc),
        ("unreadable", _) => of::<SetAside>(doc),
        ("incidents" | "incidents/resolved", _) => of::<Incident>(doc),
        ("alerter", "gray") => of::<GrayZones>(doc),
        ("alerter", "notices") => of::<Notices>(doc),
        ("alerter", "suspected") => of::<Suspected>(doc),
        ("outbox", _) => of::<Outboxed>(doc),
        ("pages", _) => of::<Paging>(doc),
        ("slack", _) => of::<MessageRef>(doc),
        ("silences", _) => of::<Silence>(doc),
        ("rollout", _) => of::<RollOut>(doc),
        ("probe-code", "newest") => of::<NewestProbes>(doc),
        // What nobody else reads is read in its own tests.
        ("probe-code" | "probe-code/chunks", _) => of::<Value>(doc),
        ("decommissioned", _) => of::<Decommissioned>(doc),
        ("packs", _) => of::<PackRecord>(doc),
        ("settings", _) => of::<SettingsRecord>(doc),
        ("observability", _) => of::<ObservabilityRecord>(doc),
        ("observability/bound", _) => of::<Bound>(doc),
        ("sweeps", _) => of::<Sweep>(doc),
        ("sweeps/accounts", _) => of::<ListedPart>(doc),
        (partition, sort) => panic!("{partition} | {sort}: no reader"),
    }
}

/// Every document of a release, with the scenario that it is of.
fn documents(release: &Release) -> Vec<(String, Doc)> {
    let mut found = Vec::new();
    for scenario in release.names("table") {
        found.extend(release.table(&scenario).into_iter().map(|(partition, sort, body)| {
            (
                scenario.clone(),
                Doc { key: key(partition, sort), version: 1, schema: 1, body: body.to_string() },
            )
        }));
    }
    found
}

#[test]
fn every_document_of_every_older_release_is_read() {
    for release in Release::all() {
        for (scenario, doc) in documents(&release) {
            let read = read(&doc);
            assert!(read.is_ok(), "{} in {scenario}: {read:?}", release.version);
        }
    }
}

#[test]
fn every_partition_of_the_table_has_a_document_of_the_release_before() {
    let before = Release::before();
    let recorded: BTreeSet<String> =
        documents(&before).into_iter().map(|(_, doc)| doc.key.partition).collect();
    let is_newer = |partition: &str| NEWER_THAN.contains(&(partition, before.version.as_str()));
    let known = WRITERS.iter().map(|(partition, _)| (*partition).to_owned());
    let known: BTreeSet<String> = known.filter(|partition| !is_newer(partition)).collect();
    let missing: Vec<_> = known.difference(&recorded).collect();
    assert!(missing.is_empty(), "no document is recorded of {missing:?}");
}

#[test]
fn what_is_written_of_an_old_document_keeps_all_that_the_old_reader_knows() {
    for release in Release::all() {
        for (scenario, doc) in documents(&release) {
            let old: Value = doc.read().unwrap();
            let new = read(&doc).unwrap();
            let seen = as_old_readers_see(&old, &new);
            assert_eq!(unordered(&seen), unordered(&old), "{} in {scenario}: {:?}", release.version, doc.key);
        }
    }
}
