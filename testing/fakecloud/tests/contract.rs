//! The contract, judged of the fake.

use std::sync::Arc;

use phonehome_fakecloud::contract::{Accounts, cases, contract};
use phonehome_fakecloud::{FakeCloud, FakeStack, Options, SharedCloud};
use phonehome_planner::StackSpec;

struct Fakes(SharedCloud);

impl Accounts for Fakes {
    type Api = FakeStack;

    async fn open(&self, account: &str, region: &str, spec: StackSpec) -> FakeStack {
        self.0.with(|cloud| cloud.stack(account, region).with_default_vpc());
        FakeStack::open(&self.0, spec)
    }
}

#[tokio::test]
async fn the_fake_does_all_that_aws_does() {
    let fakes = Arc::new(Fakes(SharedCloud::new(FakeCloud::new())));
    if let Err(failed) = contract(fakes).await {
        panic!("{failed:#?}");
    }
    assert!(cases::<Fakes>().len() > 20);
}

/// A cloud that is not like AWS does not pass: no room for addresses, and functions never ready.
#[tokio::test]
async fn a_cloud_that_differs_does_not_pass() {
    let options = Options { elastic_ips_max: 0, ..Options::default() };
    let fakes = Arc::new(Fakes(SharedCloud::new(FakeCloud::with_options(options))));
    let failed = contract(fakes).await.expect_err("no elastic IPs");
    assert!(failed.iter().any(|(name, _)| name.contains("what_is_made_is_seen")), "{failed:?}");
}
