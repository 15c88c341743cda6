//! A rollout to many accounts, in virtual time.

use std::time::Duration;

use phonehome_fakecloud::fleet::{Rollout, roll_out};
use phonehome_fakecloud::sample;

#[tokio::test(start_paused = true)]
async fn a_rollout_to_130_accounts_takes_as_long_as_nat_gateways_and_observations() {
    let done = roll_out(Rollout::default()).await.expect("settled");
    assert_eq!(done.accounts.len(), 130);
    let changed = done.accounts.iter().map(|it| it.changed).max().unwrap();
    println!("130 plain stacks: all calls done after {changed:?}, all settled after {:?}", done.wall);
    // 100 s for the NAT gateways, then at most one pause until an observation, and the accounts' own
    // queueing.
    assert!((Duration::from_secs(100)..Duration::from_secs(180)).contains(&done.wall), "{:?}", done.wall);
    let run = &done.accounts[0];
    assert_eq!(run.calls, 29 + 6 * run.observations as usize, "{run:?}");
    assert!(run.in_flight_max <= 16 && run.throttled == 0, "{run:?}");
}

#[tokio::test(start_paused = true)]
async fn full_stacks_are_held_up_by_few_limits_only() {
    let rollout = Rollout { accounts: 20, spec: sample::full, ..Rollout::default() };
    let done = roll_out(rollout).await.expect("settled");
    println!("20 full stacks: settled after {:?}; the first: {:?}", done.wall, done.accounts[0]);
    assert!(done.wall < Duration::from_secs(240), "{:?}", done.wall);
}

#[tokio::test(start_paused = true)]
async fn the_same_rollout_takes_the_same_time() {
    let rollout = Rollout { accounts: 10, ..Rollout::default() };
    assert_eq!(roll_out(rollout).await, roll_out(rollout).await);
}

#[tokio::test(start_paused = true)]
async fn fewer_at_once_takes_longer() {
    let mut walls = Vec::new();
    for concurrency in [1, 5, 20, 130] {
        let done = roll_out(Rollout { concurrency, ..Rollout::default() }).await.expect("settled");
        let changed = done.accounts.iter().map(|it| it.changed).max().unwrap();
        println!(
            "130 accounts, {concurrency} at once: calls done after {changed:?}, settled after {:?}",
            done.wall
        );
        walls.push(done.wall);
    }
    assert!(walls.is_sorted_by(|more, less| more >= less) && walls[0] > walls[3], "{walls:?}");
}
