//! AWS is slow to answer, wants fewer calls, or does not know the role yet.

use std::time::Duration;

use phonehome_accounts::AwsStack;
use phonehome_executor::StackApi as _;
use phonehome_localcloud::proxy::{Fault, Incoming, Proxy};
use phonehome_network::Kind;
use phonehome_planner::StackSpec;

use crate::life::{life, undisturbed};
use crate::place;
use crate::shape::assert_same;

/// How many observations may fail.
const OBSERVATIONS_MAX: usize = 30;

fn refuse(status: u16, code: &str) -> Fault {
    Fault::Refuse { status, code: code.to_owned(), message: "refused by the test".to_owned() }
}

/// Settles an empty account with these faults, and compares it with one where nothing happened;
/// answers with the number of calls that met a fault.
async fn converges(
    number: usize,
    rule: impl Fn(&Incoming) -> Option<Fault> + Send + Sync + 'static,
) -> usize {
    let (spec, other) =
        (place::spec(&format!("30000000{number:03}0")), place::spec(&format!("30000000{number:03}1")));
    let proxy = place::proxy(&spec.account).await;
    proxy.set_faults(rule);
    let found = converge(&spec, async || place::open(&proxy, &spec).await, Duration::ZERO).await;
    assert_same(&found, &undisturbed(&other).await.shape, "with faults");
    println!("settled after {} calls", proxy.calls().len());
    proxy.calls().iter().filter(|call| !call.forwarded).count()
}

/// An observation that fails is no reason to give up at once: somebody else tries it again.
async fn converge(spec: &StackSpec, open: impl AsyncFn() -> AwsStack, pause: Duration) -> Vec<String> {
    let mut last = String::new();
    for _ in 0..OBSERVATIONS_MAX {
        match life(&open().await, spec, pause).await {
            Ok(shape) => return shape,
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(pause).await;
    }
    panic!("{OBSERVATIONS_MAX} looks failed: {last}");
}

#[tokio::test]
async fn a_stack_converges_while_aws_throttles_every_third_call() {
    let refused =
        converges(1, |call| (call.number % 3 == 0).then(|| refuse(503, "RequestLimitExceeded"))).await;
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn a_stack_converges_once_the_role_may_do_what_it_has_to() {
    // Even what may be seen comes by and by.
    let refused =
        converges(2, |call| (call.number <= 40).then(|| refuse(403, "UnauthorizedOperation"))).await;
    assert_eq!(refused, 40);
    let changes = |call: &Incoming| !call.operation.starts_with("ec2:Describe") && call.number <= 60;
    let refused = converges(3, move |call| changes(call).then(|| refuse(403, "UnauthorizedOperation"))).await;
    assert!(refused > 2, "{refused}");
}

/// An attempt is given up after a second here. What it asked for is done half a second later.
#[tokio::test]
async fn a_stack_converges_when_calls_come_late() {
    const ATTEMPT: Duration = Duration::from_secs(1);
    let (spec, other) = (place::spec("300000000040"), place::spec("300000000041"));
    let proxy = place::proxy(&spec.account).await;
    proxy.set_faults(|call| (call.number % 9 == 0).then_some(Fault::Stall(ATTEMPT + ATTEMPT / 2)));
    // Longer than a call that nobody waits for any more is on its way.
    let found = converge(&spec, async || place::open_hasty(&proxy, &spec, ATTEMPT).await, ATTEMPT).await;
    assert_same(&found, &undisturbed(&other).await.shape, "with late calls");
    println!("settled after {} calls", proxy.calls().len());
}

/// The SDK by itself has one budget of retries for all clients of a service in a process.
#[tokio::test]
async fn an_account_that_does_not_answer_leaves_the_others_their_retries() {
    let (silent, other) = (place::spec("300000000050"), place::spec("300000000051"));
    let proxy = place::proxy(&silent.account).await;
    proxy.set_faults(|call| {
        let silent = call.account.as_deref() == Some("300000000050");
        // One attempt in three arrives; when the budget is used up there is still a single retry.
        (silent || call.number % 3 != 0).then_some(Fault::DropRequest)
    });
    // More than the SDK's budget of 500 is good for, of which a retry takes at least 5.
    for _ in 0..100 {
        place::open(&proxy, &silent).await.observe(&[Kind::Vpc]).await.unwrap_err();
    }
    let lost = |proxy: &Proxy| {
        let calls = proxy.calls();
        calls
            .iter()
            .filter(|call| call.account.as_deref() == Some(other.account.as_str()) && !call.forwarded)
            .count()
    };
    for _ in 0..3 {
        place::open(&proxy, &other).await.observe(&[Kind::Vpc]).await.unwrap();
    }
    assert!(lost(&proxy) > 0);
}
