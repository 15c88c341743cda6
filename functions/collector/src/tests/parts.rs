//! Reports of a probe whose checks are spread over several inputs.

use phonehome_alerting::{Given, Heartbeat, Inputs, PathStatus, Paths};
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::table::{Expect, MemoryTable, Table, Write};
use phonehome_samples::{SHOP_PROD, ZONES, probe, stack_id};
use phonehome_state::{Keys, all};
use phonehome_wire::{CheckId, Report, Verdict};

use super::forged::{PAYMENTS, refused, report};
use super::{Collector, Memory, collector};

const EGRESS: &str = "egress/checkip.amazonaws.com/443";

fn given(part: u32, id: &str) -> Given {
    let checks = [(CheckId(id.into()), String::new())].into();
    Given { availability_zone: ZONES[0].parse().unwrap(), part, generation: 1, checks }
}

/// A collector of a hub that gave each probe two parts, of one check each.
async fn with_two_parts() -> Collector<MemoryTable, MemoryQueue> {
    let collector = collector().await;
    let zones = || [ZONES[0].parse().unwrap()].into();
    let both = [given(0, PAYMENTS), given(1, EGRESS)];
    let inputs = Inputs::default().with(1, &both, &[(0, zones()), (1, zones())].into()).unwrap();
    let write = Write::put(Keys::inputs(&stack_id()), Expect::Absent, &inputs);
    collector.table.unrestricted().write(vec![write]).await.unwrap();
    collector
}

fn of_part(part: u32, id: &str, verdict: Verdict) -> Report {
    Report { part, run_id: format!("run-{part}"), ..report(1, &[(id, verdict)]) }
}

#[tokio::test]
async fn each_part_has_a_heartbeat_and_paths_of_its_own() {
    let collector = with_two_parts().await;
    collector.take(&of_part(0, PAYMENTS, Verdict::Ok)).await;
    collector.take(&of_part(1, EGRESS, refused("no"))).await;
    let keys: Vec<String> = all::<Heartbeat>(&collector.table, Keys::HEARTBEATS)
        .await
        .unwrap()
        .into_iter()
        .map(|(doc, heartbeat)| {
            assert_eq!(doc.key.sort, heartbeat.probe_part().to_string());
            doc.key.sort
        })
        .collect();
    assert_eq!(
        keys,
        [format!("{SHOP_PROD}/us-east-1/use1-az1"), format!("{SHOP_PROD}/us-east-1/use1-az1/part-1")]
    );
    for (part, id) in [(0, PAYMENTS), (1, EGRESS)] {
        let doc = collector.table.get(&Keys::paths(&probe(ZONES[0]).part(part))).await.unwrap().unwrap();
        let paths: Paths = doc.read().unwrap();
        assert_eq!(paths.into_keys().map(|id| id.0).collect::<Vec<_>>(), [id]);
    }
}

#[tokio::test]
async fn a_part_that_was_not_given_is_refused_and_one_that_was_tells_of_its_own_checks_alone() {
    let collector = with_two_parts().await;
    collector.take(&of_part(2, PAYMENTS, Verdict::Ok)).await;
    collector.take(&of_part(u32::MAX, PAYMENTS, Verdict::Ok)).await;
    assert!(all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap().is_empty());
    assert_eq!(collector.metrics.counts()["ReportsRefused"], 2);
    collector.take(&of_part(1, PAYMENTS, refused("no"))).await;
    let doc = collector.table.get(&Keys::paths(&probe(ZONES[0]).part(1))).await.unwrap().unwrap();
    assert!(doc.read::<Paths>().unwrap().is_empty());
    assert_eq!(collector.metrics.counts()["ResultsDropped"], 1);
}

#[tokio::test]
async fn what_was_down_in_a_part_before_it_was_needed_again_is_not_taken_for_news() {
    let collector = with_two_parts().await;
    let down = |run: u32| Report { run_id: format!("{run}"), ..of_part(1, EGRESS, refused("no")) };
    for run in 0..3 {
        collector
            .take(&Report { started_at_ms: down(run).started_at_ms - 60_000 + u64::from(run), ..down(run) })
            .await;
    }
    let status = async || {
        let doc = collector.table.get(&Keys::paths(&probe(ZONES[0]).part(1))).await.unwrap().unwrap();
        doc.read::<Paths>().unwrap().values().next().unwrap().status
    };
    assert_eq!(status().await, PathStatus::Down);
    // It was not needed, and is again.
    let given = Given { generation: 9, ..given(1, EGRESS) };
    let inputs = Inputs::default().with(9, &[given], &[(1, [ZONES[0].parse().unwrap()].into())].into());
    let doc = collector.table.get(&Keys::inputs(&stack_id())).await.unwrap();
    let write = Write::over(doc.as_ref(), Keys::inputs(&stack_id()), &inputs.unwrap());
    collector.table.unrestricted().write(vec![write]).await.unwrap();
    let collector = Collector { memory: Memory::default(), ..collector };
    collector.take(&Report { generation: 9, ..of_part(1, EGRESS, Verdict::Ok) }).await;
    let doc = collector.table.get(&Keys::paths(&probe(ZONES[0]).part(1))).await.unwrap().unwrap();
    assert_eq!(doc.read::<Paths>().unwrap().values().next().unwrap().status, PathStatus::Up);
}

#[tokio::test]
async fn where_no_input_was_noted_there_are_as_many_parts_as_the_file_spreads_its_checks_into() {
    let collector = collector().await;
    collector.take(&of_part(1, PAYMENTS, Verdict::Ok)).await;
    assert!(all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap().is_empty());
    collector.take(&of_part(0, PAYMENTS, Verdict::Ok)).await;
    assert_eq!(all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap().len(), 1);
}
