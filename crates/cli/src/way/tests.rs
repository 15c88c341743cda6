use phonehome_cloud::table::{Expect, MemoryTable, Write};
use phonehome_fleet::{Binding, Line};
use phonehome_state::{Keys, PublishedFleet, base, publish};

use super::*;

const FLEET: &str = include_str!("../../../../fleet.example.yaml");

fn fleet(text: &str) -> Fleet {
    phonehome_fleet::parse(text).unwrap()
}

/// A table with a version in force, and with this line bound.
async fn table(line: Line) -> MemoryTable {
    let table = MemoryTable::default();
    let published = PublishedFleet { text: FLEET.to_owned(), ..PublishedFleet::default() };
    publish(&table, &base(&table).await.unwrap(), published).await.unwrap();
    let account = "444455556666".parse().unwrap();
    let binding = Binding { line: line.clone(), account, account_name: String::new(), bound_at_ms: 0 };
    table.write(vec![Write::put(Keys::binding(&line), Expect::Absent, &binding)]).await.unwrap();
    table
}

async fn way_of(table: &MemoryTable, text: &str, emergency: Option<&str>) -> Result<Way, String> {
    let base = base(table).await.unwrap();
    way(table, &fleet(text), &base, false, emergency).await.map_err(|failure| failure.text)
}

#[tokio::test]
async fn a_version_goes_out_in_the_waves_of_its_own_file() {
    let table = table(Line::new("shop", "dev")).await;
    let Ok(Way::InWaves { waves, pace, mends: false }) = way_of(&table, FLEET, None).await else {
        panic!("not in waves")
    };
    let names: Vec<(&str, usize)> = waves.iter().map(|it| (it.name.as_str(), it.lines.len())).collect();
    assert_eq!(names, [("staging", 2), ("everyone", 4)]);
    assert_eq!(pace, Pace { bake_ms: 15 * MINUTE_MS, converge_ms: 45 * MINUTE_MS, at_once: 20 });
    let without = FLEET.split("rollout:\n").next().unwrap();
    assert_eq!(way_of(&table, without, None).await, Ok(Way::AtOnce));
}

#[tokio::test]
async fn the_first_version_of_all_needs_no_waves() {
    assert_eq!(way_of(&MemoryTable::default(), FLEET, None).await, Ok(Way::AtOnce));
}

#[tokio::test]
async fn before_the_first_account_is_known_a_version_needs_no_waves_so_that_accounts_can_be_made() {
    let table = MemoryTable::default();
    let published = PublishedFleet { text: FLEET.to_owned(), ..PublishedFleet::default() };
    publish(&table, &base(&table).await.unwrap(), published).await.unwrap();
    assert_eq!(way_of(&table, FLEET, None).await, Ok(Way::AtOnce));
    // One that cannot be read is somebody.
    table.put_raw(Keys::binding(&Line::new("shop", "dev")), "{}");
    let refused = way_of(&table, FLEET, None).await.unwrap_err();
    assert!(refused.contains("no account of the first wave"), "{refused}");
}

#[tokio::test]
async fn over_what_cannot_be_read_nothing_is_rolled_out_but_an_emergency_can_be_published() {
    let table = MemoryTable::default();
    table.put_raw(Keys::fleet(), "{}");
    let refused = way_of(&table, FLEET, None).await.unwrap_err();
    assert!(refused.contains("what is in force cannot be read"), "{refused}");
    let reason = "it burns".to_owned();
    assert_eq!(way_of(&table, FLEET, Some("it burns ")).await, Ok(Way::Emergency { reason }));
    assert!(way_of(&table, FLEET, Some(" ")).await.is_err(), "nobody would know why");
}

#[tokio::test]
async fn a_staging_set_without_an_account_proves_nothing_and_is_refused() {
    let table = table(Line::new("shop", "prod")).await;
    let refused = way_of(&table, FLEET, None).await.unwrap_err();
    assert!(refused.contains("no account of the first wave, staging, is known yet"), "{refused}");
}

#[test]
fn on_aws_no_setting_makes_a_bake_time_shorter() {
    let seconds = (SCHEDULE_SECONDS.to_owned(), "3".to_owned());
    let endpoint = ("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:4566".to_owned());
    let local = ("PHONEHOME_CLOUD".to_owned(), "local".to_owned());
    assert_eq!(minute_ms(&[seconds.clone()].into()), MINUTE_MS);
    assert_eq!(minute_ms(&[local.clone(), endpoint.clone()].into()), MINUTE_MS);
    assert_eq!(minute_ms(&[local, endpoint, seconds].into()), 3_000);
}
