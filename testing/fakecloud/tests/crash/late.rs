//! Writes that looks do not show for a while. The rule: between the last call that may have changed
//! something and the next observation of the account, whoever makes the two, there has to be as long as AWS
//! may take to show a write. Then nothing is ever made twice; a second less, and it can be.

use std::collections::BTreeSet;

use phonehome_fakecloud::{Fault, Options, SharedCloud, Staleness};
use phonehome_network::{Inventory, Tagged};

use crate::driver::{Pair, Stuck};

const BOUND_MS: u64 = 30_000;

async fn pair(staleness: Staleness) -> Pair {
    Pair::fresh(Options { staleness, ..Options::default() }).await
}

/// What went wrong, if anything: a resource made twice, or a plan refused for what was not visible.
async fn trouble(pair: &Pair, wanted: &[String], faults: Vec<Fault>, pause_ms: u64) -> Option<String> {
    let cloud = SharedCloud::new(pair.cloud.clone());
    match pair.converge(&cloud, faults, pause_ms).await {
        Err(stuck) => Some(format!("{stuck:?}")),
        Ok(run) => (run.effects != wanted).then(|| format!("{} changes", run.effects.len())),
    }
}

async fn undisturbed() -> (usize, Vec<String>) {
    let pair = pair(Staleness::None).await;
    let cloud = SharedCloud::new(pair.cloud.clone());
    let run = pair.converge(&cloud, vec![], BOUND_MS).await.expect("settled");
    (run.calls, run.effects)
}

#[tokio::test]
async fn nothing_is_made_twice_when_observations_wait_as_long_as_writes_may_stay_invisible() {
    let (calls, wanted) = undisturbed().await;
    for seed in 0..3 {
        let pair = pair(Staleness::UpTo { ms: BOUND_MS, seed }).await;
        for n in (1 + seed as usize..=calls).step_by(3) {
            for fault in [Fault::DieBefore(n), Fault::DieAfter(n), Fault::LoseResponse(n)] {
                let found = trouble(&pair, &wanted, vec![fault.clone()], BOUND_MS).await;
                assert_eq!(found, None, "{fault:?}, seed {seed}");
            }
        }
    }
}

#[tokio::test]
async fn a_second_less_and_something_can_be_made_twice() {
    let (_, wanted) = undisturbed().await;
    let pair = pair(Staleness::Fixed(BOUND_MS)).await;
    assert_eq!(trouble(&pair, &wanted, vec![], BOUND_MS).await, None);
    assert!(trouble(&pair, &wanted, vec![], BOUND_MS - 1_000).await.is_some());
}

/// What came of a run: resources that are there twice, and whether it came to an end at all.
async fn twice(pair: &Pair, pause_ms: u64) -> (usize, Option<Stuck>) {
    let cloud = SharedCloud::new(pair.cloud.clone());
    let stuck = pair.converge(&cloud, vec![], pause_ms).await.err();
    let truth = cloud.with(|cloud| cloud.stack(&pair.ours.account, &pair.ours.region).truth());
    (duplicates(&truth), stuck)
}

/// For people who choose the pause: what it takes, and what it costs to take less.
#[tokio::test]
async fn a_shorter_pause_makes_things_twice_and_the_whole_one_nothing() {
    const SEEDS: u64 = 20;
    let mut all = Vec::new();
    for pause_ms in [0, 5_000, 10_000, 15_000, 20_000, 25_000, 29_000, BOUND_MS] {
        let (mut runs, mut resources, mut stuck) = (0, 0, 0);
        for seed in 0..SEEDS {
            let pair = Pair { patient: true, ..pair(Staleness::UpTo { ms: BOUND_MS, seed }).await };
            let (count, end) = twice(&pair, pause_ms).await;
            (runs, resources) = (runs + u64::from(count > 0), resources + count);
            stuck += u64::from(end.is_some());
        }
        println!(
            "writes visible after up to 30 s, looks after {pause_ms} ms: {runs} of {SEEDS} runs made something twice \
             ({resources} resources), {stuck} did not come to an end by themselves"
        );
        all.push((runs, stuck));
    }
    assert_eq!(all.last(), Some(&(0, 0)), "{all:?}");
    assert_eq!(all.first().map(|first| first.0), Some(SEEDS), "{all:?}");
    assert!(all[3].0 > 0, "a pause of 15 s is enough for 30 s? {all:?}");
}

/// How many resources share their address with another one.
fn duplicates(world: &Inventory) -> usize {
    fn extra<T: Tagged>(items: &[T]) -> usize {
        let addresses: Vec<_> = items.iter().filter_map(Tagged::address).collect();
        addresses.len() - addresses.iter().collect::<BTreeSet<_>>().len()
    }
    extra(&world.vpcs)
        + extra(&world.subnets)
        + extra(&world.internet_gateways)
        + extra(&world.elastic_ips)
        + extra(&world.nat_gateways)
        + extra(&world.route_tables)
        + extra(&world.security_groups)
        + extra(&world.endpoints)
        + extra(&world.flow_logs)
        + extra(&world.peerings)
}
