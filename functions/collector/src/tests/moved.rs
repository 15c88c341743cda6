//! Checks that move from one part of a probe's checks to another.

use phonehome_alerting::{Given, Inputs, PathState, PathStatus, Paths};
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::table::{Expect, MemoryTable, Table, Write};
use phonehome_fleet::Parts;
use phonehome_samples::{FLEET, REGION, ZONES, probe, published, stack_id};
use phonehome_state::Keys;
use phonehome_wire::{Check, CheckId, Report, Verdict};

use super::forged::{refused, report};
use super::{Collector, Memory, collector};

/// The example with so many further checks of the shop's own.
fn text(checks: usize) -> String {
    let line = |number| {
        format!("  - {{ name: c{number}, from: shop, type: tcp, host: h{number}.example.com, port: 443 }}\n")
    };
    let checks: String = (0..checks).map(line).collect();
    FLEET.replace("\nprobing:", &format!("\nchecks:\n{checks}\nprobing:"))
}

/// A check that is in part 1 of several, while there are several.
fn moving() -> String {
    let fleet = phonehome_fleet::parse(&text(500)).unwrap();
    let checks: Vec<Check> = fleet.checks_for(&fleet.member("shop-prod").unwrap(), REGION);
    let parts = Parts::of(&checks);
    let own = checks.iter().filter(|check| check.id.0 == "check/c0" || check.id.0.starts_with("connection/"));
    own.map(|check| (parts.part_of(check), check.id.0.clone())).find(|(part, _)| *part == 1).unwrap().1
}

fn given(part: u32, generation: u64, id: &str) -> Given {
    let checks = [(CheckId(id.into()), String::new())].into();
    Given { availability_zone: ZONES[0].parse().unwrap(), part, generation, checks }
}

impl Collector<MemoryTable, MemoryQueue> {
    /// This file is in force, and the first so many parts were given these inputs, the newest first.
    async fn gives(self, text: &str, parts: u32, given: &[Given]) -> Self {
        let zones = || [ZONES[0].parse().unwrap()].into();
        let zones = (0..parts).map(|part| (part, zones())).collect();
        let doc = self.table.get(&Keys::inputs(&stack_id())).await.unwrap();
        let before = doc.as_ref().map(|doc| doc.read::<Inputs>().unwrap()).unwrap_or_default();
        let inputs = before.with(given[0].generation, given, &zones).unwrap();
        let fleet = self.table.get(&Keys::fleet()).await.unwrap();
        let writes = vec![
            Write::over(doc.as_ref(), Keys::inputs(&stack_id()), &inputs),
            Write::put(Keys::fleet(), Expect::unchanged(fleet.as_ref()), &published(text)),
        ];
        self.table.unrestricted().write(writes).await.unwrap();
        Self { memory: Memory::default(), ..self }
    }

    async fn hears(&self, part: u32, generation: u64, id: &str, verdict: Verdict) {
        std::thread::sleep(std::time::Duration::from_millis(2));
        let plain = report(generation, &[(id, verdict)]);
        let run_id = format!("run-{part}-{}", plain.started_at_ms);
        self.take(&Report { part, run_id, ..plain }).await;
    }

    async fn knows(&self, part: u32, id: &str) -> Option<PathState> {
        let doc = self.table.get(&Keys::paths(&probe(ZONES[0]).part(part))).await.unwrap()?;
        doc.read::<Paths>().unwrap().remove(&CheckId(id.to_owned()))
    }
}

/// A collector that knows of a check in a part that it was up and is down.
async fn with_down(text: &str, parts: u32, part: u32, id: &str) -> Collector<MemoryTable, MemoryQueue> {
    let collector = collector().await.gives(text, parts, &[given(part, 1, id)]).await;
    collector.hears(part, 1, id, Verdict::Ok).await;
    for _ in 0..3 {
        collector.hears(part, 1, id, refused("no")).await;
    }
    assert_eq!(collector.knows(part, id).await.unwrap().status, PathStatus::Down);
    collector
}

#[tokio::test]
async fn what_is_down_is_down_since_then_in_the_part_that_it_moves_to_whichever_reports_first() {
    let id = &*moving();
    for first in [0, 1] {
        let collector = with_down(&text(500), 1, 0, id).await;
        let before = collector.knows(0, id).await.unwrap();
        let inputs = [given(0, 2, "check/other"), given(1, 2, id), given(0, 1, id)];
        let collector = collector.gives(&text(500), 2, &inputs).await;
        for part in [first, 1 - first] {
            let tested = if part == 0 { "check/other" } else { id };
            collector.hears(part, 2, tested, refused("no")).await;
        }
        let after = collector.knows(1, id).await.unwrap();
        assert_eq!((after.status, after.since_ms), (PathStatus::Down, before.since_ms), "{first}");
        assert!(after.ever_up && collector.knows(0, id).await.is_none(), "{first}");
        collector.hears(1, 2, id, Verdict::Ok).await;
        collector.hears(1, 2, id, Verdict::Ok).await;
        assert_eq!(collector.knows(1, id).await.unwrap().status, PathStatus::Up);
    }
}

#[tokio::test]
async fn what_goes_back_into_part_0_is_known_there_while_the_schedule_of_the_other_part_still_runs() {
    let id = &*moving();
    let collector = with_down(&text(500), 2, 1, id).await;
    let inputs = [given(0, 2, id), given(1, 1, id)];
    let collector = collector.gives(&text(1), 2, &inputs).await;
    for _ in 0..2 {
        collector.hears(1, 1, id, refused("no")).await;
        assert!(collector.knows(1, id).await.is_none());
        assert_eq!(collector.knows(0, id).await.unwrap().status, PathStatus::Down);
    }
    // What the part says that it is in counts, and what the other one goes on to say does not.
    for _ in 0..2 {
        collector.hears(0, 2, id, Verdict::Ok).await;
    }
    collector.hears(1, 1, id, refused("no")).await;
    assert_eq!(collector.knows(0, id).await.unwrap().status, PathStatus::Up);
}

#[tokio::test]
async fn where_no_input_was_noted_a_part_is_asked_what_the_file_spreads_into_it_and_there_are_no_more_parts()
{
    let id = &*moving();
    let collector = collector().await;
    let fleet = collector.table.get(&Keys::fleet()).await.unwrap();
    let write = Write::put(Keys::fleet(), Expect::unchanged(fleet.as_ref()), &published(&text(500)));
    collector.table.unrestricted().write(vec![write]).await.unwrap();
    let fleet = phonehome_fleet::parse(&text(500)).unwrap();
    let checks: Vec<Check> = fleet.checks_for(&fleet.member("shop-prod").unwrap(), REGION);
    let count = Parts::of(&checks).count();
    for part in 0..=count {
        collector.hears(part, 1, id, Verdict::Ok).await;
        assert_eq!(collector.knows(part, id).await.is_some(), part == 1, "part {part} of {count}");
    }
    let heartbeats = collector.table.query(Keys::HEARTBEATS).await.unwrap();
    assert_eq!(heartbeats.len() as u32, count);
}

#[tokio::test]
async fn a_check_stays_where_it_is_until_the_part_that_the_file_says_was_given_it() {
    let id = &*moving();
    let collector = with_down(&text(500), 1, 0, id).await;
    collector.hears(0, 1, id, refused("no")).await;
    assert_eq!(collector.knows(0, id).await.unwrap().status, PathStatus::Down);
    assert!(collector.knows(1, id).await.is_none());
}

#[tokio::test]
async fn a_part_that_is_silent_while_its_input_changes_twice_is_the_same_part_when_it_is_heard_again() {
    let id = &*moving();
    let collector = with_down(&text(500), 2, 1, id).await;
    let stack = collector.table.get(&Keys::stack(&stack_id())).await.unwrap().unwrap();
    let mut status: phonehome_state::StackStatus = stack.read().unwrap();
    status.parts_since_ms = [(1, 1)].into();
    let write = Write::over(Some(&stack), Keys::stack(&stack_id()), &status);
    collector.table.unrestricted().write(vec![write]).await.unwrap();
    let collector = collector.gives(&text(500), 2, &[given(1, 2, id)]).await;
    let collector = collector.gives(&text(500), 2, &[given(1, 3, id)]).await;
    let collector = collector.gives(&text(500), 2, &[given(1, 4, id)]).await;
    collector.hears(1, 4, id, refused("no")).await;
    let path = collector.knows(1, id).await.unwrap();
    assert!(path.status == PathStatus::Down && path.ever_up, "{path:?}");
}
