//! Accounts side by side, one of them closed and one too young: they disturb no other.

use std::time::Duration;

use phonehome_cloud::{Class, CloudError};
use phonehome_executor::Executor;
use phonehome_executor::retry::{delay, patience};
use phonehome_fakecloud::{FakeCloud, FakeStack, SharedCloud, sample};
use phonehome_planner::StackSpec;

use crate::driver::{Observed, observe};

const MINUTE_MS: u64 = 60_000;

/// One account's way through the queue.
struct Visit {
    spec: StackSpec,
    /// From when on its role can be assumed; `None`: never, it is closed.
    opens_ms: Option<u64>,
    due_ms: u64,
    /// What it waits for, since when, and how often it was asked for since.
    waits: Option<(Class, u64, u32)>,
    end: Option<End>,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Converged(u64),
    GivenUp(u64),
}

/// What assuming the role answers.
fn open(cloud: &SharedCloud, visit: &Visit, now_ms: u64) -> Result<FakeStack, CloudError> {
    if visit.opens_ms.is_some_and(|opens_ms| now_ms >= opens_ms) {
        return Ok(FakeStack::open(cloud, visit.spec.clone()));
    }
    let message = "is not authorized to perform: sts:AssumeRole";
    Err(CloudError::service("sts:AssumeRole", visit.spec.account.as_str(), "AccessDenied", message))
}

async fn revision(cloud: &SharedCloud, visit: &mut Visit, seed: u64) {
    let now_ms = visit.due_ms;
    let class = match open(cloud, visit, now_ms) {
        Err(error) => error.class(),
        Ok(handle) => {
            let mut executor = Executor::new().with_clock(cloud.clone());
            match observe(&handle, &visit.spec, &mut executor).await.expect("a plan") {
                Observed::Converged => {
                    visit.end = Some(End::Converged(now_ms));
                    return;
                }
                Observed::Working(_) => Class::EventuallyConsistent,
            }
        }
    };
    let (since_ms, attempts) = match visit.waits {
        Some((same, since_ms, attempts)) if same == class => (since_ms, attempts + 1),
        _ => (now_ms, 0),
    };
    visit.waits = Some((class, since_ms, attempts));
    if Duration::from_millis(now_ms - since_ms) >= patience(class) {
        visit.end = Some(End::GivenUp(now_ms));
    }
    visit.due_ms += u64::try_from(delay(class, attempts, seed).as_millis()).unwrap();
}

#[tokio::test]
async fn a_closed_account_and_a_missing_role_hold_up_no_other_account() {
    let cloud = SharedCloud::new(FakeCloud::new());
    let doors = [Some(0), None, Some(15 * MINUTE_MS), Some(0)];
    let mut visits: Vec<Visit> = (0_u8..)
        .zip(doors)
        .map(|(number, opens_ms)| {
            let (account, cidr) = (format!("10000000000{number}"), format!("10.{number}.0.0/18"));
            let spec = sample::full(&account, "shop-prod", cidr.parse().unwrap()).unwrap();
            Visit { spec, opens_ms, due_ms: 0, waits: None, end: None }
        })
        .collect();
    while let Some(next) =
        (0..visits.len()).filter(|at| visits[*at].end.is_none()).min_by_key(|at| visits[*at].due_ms)
    {
        cloud.with(|cloud| cloud.advance_to(visits[next].due_ms));
        revision(&cloud, &mut visits[next], next as u64).await;
    }
    for open in [0, 3] {
        assert!(
            matches!(visits[open].end, Some(End::Converged(ms)) if ms < MINUTE_MS),
            "{:?}",
            visits[open].end
        );
    }
    // Asked for 45 minutes, then people are told; and nothing was called in it.
    assert!(
        matches!(visits[1].end, Some(End::GivenUp(ms)) if (45..50).contains(&(ms / MINUTE_MS))),
        "{:?}",
        visits[1].end
    );
    assert!(cloud.with(|cloud| cloud.stack("100000000001", sample::REGION).calls().is_empty()));
    assert!(
        matches!(visits[2].end, Some(End::Converged(ms)) if (15..20).contains(&(ms / MINUTE_MS))),
        "{:?}",
        visits[2].end
    );
}
