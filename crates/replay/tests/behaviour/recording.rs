//! Recordings are made of what the hub keeps.

use std::fs;

use phonehome_alerting::{Matcher, Silence};
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write};
use phonehome_replay::{Kept, Line, Objects, documents, record};
use phonehome_samples::{published, table};
use phonehome_state::{Keys, PublishedFleet};

use crate::support::{CALM, FROM_MS, MINUTE_MS, Night, block_on, fleet, line, packed, replayed};

const TO_MS: u64 = FROM_MS + 40 * MINUTE_MS;

/// A table in which the example's file has been in force since the day before.
async fn known() -> MemoryTable {
    let table = table(FROM_MS - 24 * 60 * MINUTE_MS).await;
    let version = PublishedFleet { number: 1, published_at_ms: FROM_MS - MINUTE_MS, ..published(&fleet()) };
    table.write(vec![Write::put(Keys::version(1), Expect::Absent, &version)]).await.unwrap();
    table.put_raw(Keys::fleet(), &serde_json::to_string(&version).unwrap());
    table
}

fn text(kept: &[Kept]) -> String {
    kept.iter().map(line).collect()
}

#[test]
fn objects_in_whatever_order_become_a_recording_in_the_order_of_receipt() {
    let night = Night { fails: 20..30, ..CALM };
    let folder = tempfile::tempdir().unwrap();
    let hour = folder.path().join("2026/11/25/02");
    fs::create_dir_all(&hour).unwrap();
    let mut kept = night.kept();
    // Firehose writes in about the order of receipt, not in just that.
    kept.swap(10, 14);
    kept.swap(59, 61);
    fs::write(hour.join("b.gz"), packed(&text(&kept[..60]))).unwrap();
    fs::write(hour.join("a"), text(&kept[60..])).unwrap();
    fs::write(hour.join("c.gz"), packed("no report\n")).unwrap();
    let judged_by = block_on(documents(&block_on(known()), FROM_MS, TO_MS)).unwrap();
    let mut file = Vec::new();
    let objects = Objects::of(folder.path()).unwrap();
    let recorded = record(objects, &judged_by, (FROM_MS, TO_MS), &mut file).unwrap();
    assert_eq!((recorded.reports, recorded.outside), (120, 0));
    assert_eq!((recorded.first_ms, recorded.last_ms), (Some(FROM_MS + 5_000), Some(TO_MS - 45_000)));
    let (made, expected) = (replayed(&String::from_utf8(file).unwrap()), replayed(&night.file()));
    assert_eq!(made.told, expected.told);
    assert_eq!((made.notes.out_of_order, made.notes.bad_lines), (0, 0));
}

#[test]
fn a_recording_has_the_versions_of_its_time_and_says_of_nobody_that_they_published() {
    let table = block_on(known());
    let version = |number, minute: u64, by: &str| PublishedFleet {
        number,
        published_at_ms: FROM_MS + minute * MINUTE_MS,
        published_by: by.to_owned(),
        ..published(&fleet())
    };
    for later in [version(2, 10, "the-publisher"), version(3, 90, "x")] {
        block_on(table.write(vec![Write::put(Keys::version(later.number), Expect::Absent, &later)])).unwrap();
    }
    // The newest one that is stored is only being rolled out.
    let rolled_out = PublishedFleet { over: Some(3), ..version(4, 15, "x") };
    block_on(table.write(vec![Write::put(Keys::version(4), Expect::Absent, &rolled_out)])).unwrap();
    table.put_raw(Keys::fleet(), &serde_json::to_string(&version(3, 90, "x")).unwrap());
    let lines = block_on(documents(&table, FROM_MS, TO_MS)).unwrap();
    let fleets: Vec<(u64, u64)> = lines
        .iter()
        .filter_map(|it| match it {
            Line::Document(it) if it.partition == "fleet" => Some((it.at_ms, it.body["number"].as_u64()?)),
            _ => None,
        })
        .collect();
    assert_eq!(fleets, [(FROM_MS, 1), (FROM_MS + 10 * MINUTE_MS, 2)]);
    assert!(!format!("{lines:?}").contains("the-publisher"));
}

#[test]
fn a_silence_that_was_set_then_holds_back_from_then_on() {
    let night = Night { fails: 20..30, ..CALM };
    let silence = Silence {
        matcher: Matcher { environment: Some("prod".into()), ..Matcher::default() },
        expires_at_ms: FROM_MS + 60 * MINUTE_MS,
        reason: "a drill".into(),
        by: "somebody".into(),
        set_at_ms: FROM_MS + 15 * MINUTE_MS,
    };
    for (set_minute, pages) in [(15, 0), (35, 1)] {
        let table = block_on(known());
        let silence = Silence { set_at_ms: FROM_MS + set_minute * MINUTE_MS, ..silence.clone() };
        block_on(table.write(vec![Write::put(Keys::silence("abcdef"), Expect::Absent, &silence)])).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), text(&night.kept())).unwrap();
        let judged_by = block_on(documents(&table, FROM_MS, TO_MS)).unwrap();
        let mut file = Vec::new();
        record(Objects::of(folder.path()).unwrap(), &judged_by, (FROM_MS, TO_MS), &mut file).unwrap();
        let replayed = replayed(&String::from_utf8(file).unwrap());
        assert_eq!(replayed.told.pages, pages, "set in minute {set_minute}");
    }
}
