//! AWS takes its time, fails by itself, or wants fewer calls.

use phonehome_fakecloud::{Fault, Options, SharedCloud};

use crate::driver::{Outcome, Pair};
use crate::shape::assert_same;

const PAUSE_MS: u64 = 15_000;

async fn converged(pair: &Pair, cloud: &SharedCloud, faults: Vec<Fault>) -> Outcome {
    let faulty = format!("{faults:?}");
    pair.converge(cloud, faults, PAUSE_MS).await.unwrap_or_else(|stuck| panic!("{faulty}: {stuck:#?}"))
}

async fn at_once() -> Outcome {
    let pair = Pair::fresh(Options::default()).await;
    converged(&pair, &SharedCloud::new(pair.cloud.clone()), vec![]).await
}

#[tokio::test]
async fn nat_gateways_that_are_pending_for_two_minutes_are_waited_for_and_made_once() {
    let wanted = at_once().await;
    let pair = Pair::fresh(Options { nat_pending_ms: 120_000, ..Options::default() }).await;
    for n in (1..=wanted.calls).step_by(7) {
        let run = converged(&pair, &SharedCloud::new(pair.cloud.clone()), vec![Fault::DieAfter(n)]).await;
        assert!(run.took_ms >= 120_000, "{n}: settled after {} ms", run.took_ms);
        assert_same(&run.ours, &wanted.ours, "our account");
        assert_same(&run.effects, &wanted.effects, "what changed something");
    }
}

#[tokio::test]
async fn a_nat_gateway_that_fails_is_replaced_once_and_keeps_its_address() {
    let wanted = at_once().await;
    let pair = Pair::fresh(Options { nat_pending_ms: 100_000, ..Options::default() }).await;
    let cloud = SharedCloud::new(pair.cloud.clone());
    cloud.with(|cloud| cloud.fail_next_nat_gateways(1));
    let run = converged(&pair, &cloud, vec![]).await;
    assert_same(&run.ours, &wanted.ours, "our account");
    let mut effects = wanted.effects.clone();
    let nat = effects.iter().find(|it| it.starts_with("ec2:CreateNatGateway")).cloned();
    effects.extend(nat);
    // The route led to the one that failed.
    effects.push("ec2:ReplaceRoute route-table/private/use1-az1/default-route".to_owned());
    effects.sort();
    assert_same(&run.effects, &effects, "what changed something");
}

#[tokio::test]
async fn a_tenth_of_awss_limits_makes_it_slower_and_nothing_else() {
    let wanted = at_once().await;
    let pair = Pair::fresh(Options::default()).await;
    for faults in [vec![], vec![Fault::DieAfter(40)], vec![Fault::LoseResponse(60)]] {
        let cloud = SharedCloud::new(pair.cloud.clone()).with_limits(10);
        let run = converged(&pair, &cloud, faults).await;
        assert!(run.throttled > 0, "nothing was refused: {run:#?}");
        assert!(run.took_ms > wanted.took_ms, "{} ms", run.took_ms);
        assert_same(&run.ours, &wanted.ours, "our account");
        assert_same(&run.effects, &wanted.effects, "what changed something");
    }
}
