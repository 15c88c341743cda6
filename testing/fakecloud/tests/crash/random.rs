//! Anything at any time, several times over.

use phonehome_fakecloud::{Fault, Options, SharedCloud, Staleness};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use crate::driver::Pair;
use crate::shape::assert_same;

const PAUSE_MS: u64 = 15_000;
const CODES: [&str; 4] = ["InternalError", "RequestLimitExceeded", "Unavailable", "UnauthorizedOperation"];

fn fault() -> impl Strategy<Value = Fault> {
    let n = 1..100_usize;
    prop_oneof![
        n.clone().prop_map(Fault::DieBefore),
        n.clone().prop_map(Fault::DieAfter),
        n.clone().prop_map(Fault::LoseResponse),
        (n, 1..20_usize, 0..CODES.len()).prop_map(|(from, count, code)| Fault::Refuse {
            calls: from..=from + count,
            code: CODES[code].to_owned(),
        }),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    (0..120_000_u64, 0..3_u32, 0..=PAUSE_MS, any::<u64>()).prop_map(|(nat, observations, ms, seed)| Options {
        nat_pending_ms: nat,
        function_pending_observations: observations,
        staleness: Staleness::UpTo { ms, seed },
        ..Options::default()
    })
}

proptest! {
    #![proptest_config(Config {
        cases: Config::default().cases / 4,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    })]

    /// A failing case prints the faults and the settings that it takes to run it again.
    #[test]
    fn whatever_happens_on_the_way_an_account_ends_as_without_it(
        faults in prop::collection::vec(prop::collection::vec(fault(), 1..4), 0..5),
        options in options(),
        limits in prop::option::of(5..12_u64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let calm = Pair::fresh(Options::default()).await;
            let cloud = SharedCloud::new(calm.cloud.clone());
            let wanted = calm.converge(&cloud, vec![], PAUSE_MS).await.expect("settled");
            let pair = Pair::fresh(options).await;
            let cloud = SharedCloud::new(pair.cloud.clone());
            let cloud = limits.into_iter().fold(cloud, SharedCloud::with_limits);
            let run = pair.converge_with(&cloud, faults, PAUSE_MS).await;
            let run = run.unwrap_or_else(|stuck| panic!("{stuck:#?}"));
            assert_same(&run.ours, &wanted.ours, "our account");
            assert_same(&run.theirs, &wanted.theirs, "their account");
            assert_same(&run.effects, &wanted.effects, "what changed something");
        });
    }
}
