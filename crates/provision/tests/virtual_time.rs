//! Provisioning in virtual time: hours pass in milliseconds, on a fake EC2 whose writes stay invisible for a
//! while, with executors that die, and with the constants that hold on AWS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use phonehome_cloud::CloudError;
use phonehome_cloud::table::MemoryTable;
use phonehome_fakecloud::{FakeCloud, FakeStack, Fault, SharedCloud, Staleness};
use phonehome_fleet::{Fleet, Member};
use phonehome_planner::{ProbeSpec, StackSpec};
use phonehome_provision::requeue::{Requeue, Waited};
use phonehome_provision::{COOLDOWN_MS, Job, Members, Provision, StackProgress, VISIBLE_MS};
use phonehome_wire::{AccountId, Region, StackId};

const REGION: &str = "us-east-1";
const FLEET: &str = include_str!("../../fleet/tests/fixtures/small.yaml");
const MINUTE_MS: u64 = 60_000;
/// Longer than the provisioner tries for anything.
const END_MS: u64 = 120 * MINUTE_MS;
/// When the role is there: AWS may need a quarter of an hour for a new account.
const ROLE_MS: u64 = 7 * MINUTE_MS;

/// Member accounts whose role comes late or, in one that is closed, never; and whose executors die at calls drawn from a seed.
struct Accounts {
    cloud: SharedCloud,
    closed: Option<AccountId>,
    draws: Arc<Mutex<Draws>>,
}

impl Members for Accounts {
    type Stack = FakeStack;

    fn probe(&self, _stack: &StackId, _authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        Ok(None)
    }

    async fn open(&self, spec: &StackSpec, _known_vpc: Option<&str>) -> Result<FakeStack, CloudError> {
        let is_closed = self.closed.as_ref() == Some(&spec.account);
        if is_closed || self.cloud.with(|cloud| cloud.now_ms()) < ROLE_MS {
            return Err(CloudError::service(
                "sts:AssumeRole",
                spec.account.as_str(),
                "AccessDenied",
                "no such role",
            ));
        }
        let mut draws = self.draws.lock().unwrap();
        let at = 1 + usize::try_from(draws.below(60)).unwrap();
        let faults = match draws.below(3) {
            0 => vec![Fault::DieAfter(at)],
            1 => vec![Fault::LoseResponse(at)],
            _ => vec![],
        };
        Ok(FakeStack::open(&self.cloud, spec.clone()).with_faults(faults))
    }

    async fn regions(&self, stack: &StackId) -> Result<Vec<Region>, CloudError> {
        Ok(vec![stack.region.clone()])
    }
}

/// Numbers from a seed (SplitMix64).
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

type World = Provision<MemoryTable, Accounts, SharedCloud>;

fn world(seed: u64, closed: Option<AccountId>) -> World {
    let mut cloud = FakeCloud::new();
    cloud.options_mut().nat_pending_ms = 100_000;
    cloud.options_mut().staleness = Staleness::UpTo { ms: VISIBLE_MS, seed };
    let cloud = SharedCloud::new(cloud);
    let members = Accounts { cloud: cloud.clone(), closed, draws: Arc::new(Mutex::new(Draws(seed))) };
    Provision { table: MemoryTable::default(), members, cooldown_ms: COOLDOWN_MS, clock: cloud }
}

/// How it ended with an account, and when; milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Converged(u64),
    GivenUp(u64),
}

/// Reconciles every account as the queue would, until nothing is queued any more.
async fn reconcile_all(
    world: &World,
    fleet: &Fleet,
    accounts: &[(AccountId, Member)],
) -> BTreeMap<AccountId, End> {
    let mut due: BTreeMap<(u64, usize), Waited> =
        (0..accounts.len()).map(|at| ((0, at), Waited::default())).collect();
    let mut ends = BTreeMap::new();
    while let Some(((due_ms, at), waited)) = due.pop_first() {
        world.clock.with(|cloud| cloud.advance_to(due_ms));
        let now_ms = world.clock.with(|cloud| cloud.now_ms());
        assert!(now_ms < END_MS, "{} has not converged", accounts[at].0);
        let (account, member) = &accounts[at];
        let region = &REGION.parse().unwrap();
        let job = Job { fleet, member, account, region, authorities: None, limits: None, published: None };
        let reconciled = world.reconcile(&job).await.unwrap();
        for peer in &reconciled.requeue_peers {
            let peer = accounts.iter().position(|(id, _)| id == peer).unwrap();
            due.insert((now_ms + 1_000, peer), Waited::default());
        }
        match reconciled.progress {
            StackProgress::Converged => {
                ends.insert(account.clone(), End::Converged(now_ms));
            }
            StackProgress::Later { class, .. } => {
                ends.remove(account);
                let cooldown_ms = if reconciled.applied.is_some() { COOLDOWN_MS } else { 0 };
                let advanced = reconciled.applied.is_some_and(|applied| applied.done() > 0);
                match waited.requeue(account, class, now_ms, (advanced, false)) {
                    Requeue::GiveUp { .. } => {
                        ends.insert(account.clone(), End::GivenUp(now_ms));
                    }
                    Requeue::After { waited, delay } => {
                        let wait_ms = u64::try_from(delay.as_millis()).unwrap().max(cooldown_ms);
                        due.insert((now_ms + wait_ms, at), waited);
                    }
                }
            }
            StackProgress::Outdated(reason) | StackProgress::Failed(reason) => panic!("{account}: {reason}"),
        }
    }
    ends
}

/// How many resources carry each address in an account.
fn made(world: &World, account: &str) -> BTreeMap<String, usize> {
    // Long after the last write, so that all of it is visible.
    world.clock.with(|cloud| cloud.advance(2 * VISIBLE_MS));
    let seen = world.clock.with(|cloud| cloud.stack(account, REGION).truth());
    let mut made = BTreeMap::new();
    for address in seen.tagged().filter_map(|it| it.address()) {
        *made.entry(address.to_string()).or_default() += 1;
    }
    made
}

fn accounts(fleet: &Fleet) -> Vec<(AccountId, Member)> {
    (444_444_444_440_u64..)
        .zip(fleet.members())
        .map(|(id, member)| (member.account_id.clone().unwrap_or(id.to_string().parse().unwrap()), member))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn whatever_dies_on_the_way_every_account_converges_within_the_hour_and_nothing_is_there_twice() {
    let fleet = phonehome_fleet::parse(FLEET).unwrap();
    let accounts = accounts(&fleet);
    for seed in 0..20 {
        let world = world(seed, None);
        let ends = reconcile_all(&world, &fleet, &accounts).await;
        assert_eq!(ends.len(), accounts.len(), "seed {seed}");
        let is_timely =
            |end: &End| matches!(end, End::Converged(at_ms) if (ROLE_MS..60 * MINUTE_MS).contains(at_ms));
        assert!(ends.values().all(is_timely), "seed {seed}: {ends:?}");
        for (account, _) in &accounts {
            let made = made(&world, account);
            assert!(made.contains_key("vpc") && made.len() > 10, "seed {seed}: {made:?}");
            let twice: Vec<_> = made.iter().filter(|(_, count)| **count > 1).collect();
            assert!(twice.is_empty(), "seed {seed}, {account}: {twice:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_role_never_comes_is_given_up_and_disturbs_no_other() {
    let fleet = phonehome_fleet::parse(FLEET).unwrap();
    let accounts = accounts(&fleet);
    let closed = &accounts[0].0;
    let world = world(1, Some(closed.clone()));
    let ends = reconcile_all(&world, &fleet, &accounts).await;
    for (account, end) in &ends {
        let minutes = match end {
            // 45 minutes, counted from the last time that an account at the other end of a connection asked for it.
            End::GivenUp(_) if account == closed => 45..65_u64,
            End::Converged(_) if account != closed => 7..20,
            other => panic!("{account}: {other:?}"),
        };
        let (End::GivenUp(at_ms) | End::Converged(at_ms)) = end;
        assert!(minutes.contains(&(at_ms / MINUTE_MS)), "{account}: {end:?}");
    }
    assert_eq!(ends.len(), accounts.len());
    assert!(made(&world, closed).is_empty());
}
