//! An account is closed as the last step of giving it up.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use phonehome_closing::{
    AccountState, Cleared, ClosingApi, Decommissioned, Hindrance, INTERVAL_MS, NotClosed,
    OrganizationAccount, SETTLED_MS, Wait, decommissioned_key,
};
use phonehome_cloud::table::{Table as _, Write};
use phonehome_cloud::{Cause, CloudError};
use phonehome_fleet::Line;
use phonehome_planner::Decommission;
use phonehome_provision::{COOLDOWN_MS, CloseProgress, LeftData, StackProgress};
use phonehome_rollout::{Pace, Wave};
use phonehome_stacks::{LastTemplate, PackRecord, pack_key};
use phonehome_state::{PublishedFleet, Way, base, publish, publish_by};
use phonehome_wire::AccountId;

use crate::support::{ACCOUNT, World, web};

const FLEET: &str = include_str!("../../../fleet/tests/fixtures/small.yaml");
const BY: &str = "arn:aws:sts::222222222222:assumed-role/phonehome-operator/kim";
const DAY_MS: u64 = 24 * 60 * 60_000;

/// An Organizations in memory.
#[derive(Clone)]
struct Organizations(Arc<Mutex<State>>);

struct State {
    account: Option<AccountState>,
    /// How many others are being closed.
    closing: usize,
    /// What `CloseAccount` answers; without one it takes the request.
    refuses: Option<NotClosed>,
    calls: usize,
}

impl Organizations {
    fn new() -> Self {
        let account = Some(AccountState::Active);
        Self(Arc::new(Mutex::new(State { account, closing: 0, refuses: None, calls: 0 })))
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }
}

fn account(id: &str, state: AccountState) -> OrganizationAccount {
    OrganizationAccount { id: id.parse().unwrap(), name: "shop-dev".into(), state }
}

impl ClosingApi for Organizations {
    async fn account(&self, id: &AccountId) -> Result<Option<OrganizationAccount>, CloudError> {
        Ok(self.0.lock().unwrap().account.clone().map(|state| account(id, state)))
    }

    async fn accounts(&self) -> Result<Vec<OrganizationAccount>, CloudError> {
        let state = self.0.lock().unwrap();
        let own = state.account.clone().map(|state| account(ACCOUNT, state));
        let others = (0..state.closing).map(|at| account(&format!("{at:012}"), AccountState::PendingClosure));
        Ok(own.into_iter().chain(others).collect())
    }

    async fn close(&self, cleared: &Cleared) -> Result<(), NotClosed> {
        assert_eq!(cleared.account().as_str(), ACCOUNT);
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        if let Some(refused) = state.refuses.clone() {
            return Err(refused);
        }
        state.account = Some(AccountState::PendingClosure);
        Ok(())
    }
}

/// The fleet file without shop-dev.
fn without() -> String {
    let text = FLEET.replacen("environments: [dev, prod]", "environments: [prod]", 1);
    let text = text.replacen("accounts: [shop-dev]", "accounts: [shop-prod]", 1);
    assert_ne!(text, FLEET);
    text
}

async fn published(world: &World, text: &str) {
    let table = &world.provision.table;
    let published = PublishedFleet { text: text.to_owned(), ..PublishedFleet::default() };
    publish(table, &base(table).await.unwrap(), published).await.unwrap();
}

/// shop-dev had a network, left the fleet file, and is decommissioned.
async fn decommissioned() -> World {
    let world = World::converged().await;
    published(&world, &without()).await;
    for _ in 0..20 {
        world.advance(COOLDOWN_MS);
        let done = world.provision.decommission(&world.stack, Decommission::Remove, false, 7).await.unwrap();
        if done.progress == StackProgress::Converged {
            return world;
        }
    }
    panic!("its network does not go");
}

async fn close(world: &World, api: &Organizations) -> CloseProgress {
    let (account, home) = (&world.stack.account, &world.stack.region);
    world.provision.close_account(api, account, home, BY, LeftData::MayBeThere).await.unwrap()
}

async fn record(world: &World) -> Option<Decommissioned> {
    let doc = world.provision.table.get(&decommissioned_key(&world.stack.account)).await.unwrap()?;
    Some(doc.read().unwrap())
}

#[tokio::test]
async fn an_account_whose_network_is_gone_is_closed_once_recorded_and_told_with_who_did_it_and_for_how_long()
{
    let world = decommissioned().await;
    let api = Organizations::new();
    let kept = record(&world).await.unwrap();
    assert_eq!(
        (kept.account_name.as_str(), kept.line.as_str(), kept.closing),
        ("shop-dev", "shop/dev", None)
    );
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    let asked = world.now_ms();
    let closing = record(&world).await.unwrap().closing.unwrap();
    assert_eq!((closing.by.as_str(), closing.accepted_at_ms, closing.closed_at_ms), (BY, Some(asked), None));
    world.advance(60_000);
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    api.set(|state| state.account = Some(AccountState::Closed));
    let until_ms = world.now_ms() + 90 * DAY_MS;
    let closed = CloseProgress::Closed { state: AccountState::Closed, reinstated_until_ms: Some(until_ms) };
    for _ in 0..2 {
        assert_eq!(close(&world, &api).await, closed);
        world.advance(60_000);
    }
    assert_eq!(api.calls(), 1);
    let told = world.messages_of("closing/").await;
    assert_eq!(told.len(), 2, "{told:?}");
    for part in
        ["shop-dev", ACCOUNT, "shop/dev", "is being closed", BY, "AWS Support can bring it back until"]
    {
        assert!(told[0].text.contains(part), "{part}: {}", told[0].text);
    }
    assert!(told[1].text.contains("is closed"), "{}", told[1].text);
    assert_eq!(told[0].incident_id, told[1].incident_id);
}

#[tokio::test]
async fn it_is_not_closed_before_its_network_is_gone_nor_while_a_version_in_use_has_its_line() {
    let world = World::converged().await;
    published(&world, FLEET).await;
    let api = Organizations::new();
    let CloseProgress::Hindered(hindrances) = close(&world, &api).await else { panic!() };
    let has = |is: fn(&Hindrance) -> bool| hindrances.iter().any(is);
    assert!(has(|it| matches!(it, Hindrance::NeverOurs { .. })), "{hindrances:?}");
    assert!(has(|it| matches!(it, Hindrance::Declared { line, .. } if line.as_str() == "shop/dev")));
    assert!(has(|it| matches!(it, Hindrance::NotReleased { .. })));
    assert!(has(|it| matches!(it, Hindrance::Found { found, .. } if found.ours)));
    assert_eq!(api.calls(), 0);

    // The line comes back after the network went: in a version that is rolled out, and whose waves have not begun.
    let world = decommissioned().await;
    let table = &world.provision.table;
    let fresh = PublishedFleet { text: FLEET.to_owned(), ..PublishedFleet::default() };
    let waves = vec![Wave::new("all".into(), [Line::new("shop", "dev")].into())];
    let pace = Pace { bake_ms: 1, converge_ms: 1, at_once: 1 };
    let way = Way::InWaves { waves, pace, mends: false };
    publish_by(table, &base(table).await.unwrap(), fresh, &way, false).await.unwrap();
    let CloseProgress::Hindered(hindrances) = close(&world, &api).await else { panic!() };
    assert!(matches!(&hindrances[..], [Hindrance::Declared { version: 2, .. }]), "{hindrances:?}");
    assert_eq!(api.calls(), 0);
}

/// What keeps an account from being closed whose pack's stack somebody deleted.
async fn left_by(world: &World, record: PackRecord, left: LeftData) -> Vec<String> {
    let (table, key) = (&world.provision.table, pack_key(&world.stack));
    let before = table.get(&key).await.unwrap();
    table.write(vec![Write::over(before.as_ref(), key, &record)]).await.unwrap();
    let (account, home) = (&world.stack.account, &world.stack.region);
    let premises = world.provision.premises(account, home, left).await;
    phonehome_closing::look(account, &premises).iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_a_stack_left_that_somebody_deleted_keeps_an_account_until_a_person_says_that_it_is_gone() {
    let world = decommissioned().await;
    world.conditions.no_pack_stack.store(true, Ordering::Relaxed);
    let bucket = r#"{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName":
        {"Fn::Sub": "state-${AWS::AccountId}-${AWS::Region}-an"}}}, "R": {"Type": "AWS::IAM::Role"}}}"#;
    let none = PackRecord { attempts: 1, ..PackRecord::new(&world.stack) };
    let has = |body: &str| PackRecord {
        deployed: Some(LastTemplate { body: body.into(), is_gone: false }),
        ..none.clone()
    };
    let unnoted = PackRecord { version: 7, ..none.clone() };
    for (record, said) in [
        (has(bucket), &["which leaves bucket state-444455556666-us-east-1-an: phonehome may not look"][..]),
        (has("\"\""), &["it had a template that is not phonehome's"]),
        (unnoted, &["its template was never noted"]),
        (none.clone(), &[]),
    ] {
        let found = left_by(&world, record.clone(), LeftData::MayBeThere).await;
        assert_eq!(found.len(), said.len(), "{found:?}");
        let says = found.iter().zip(said).all(|(found, said)| found.contains(said));
        assert!(says && found.iter().all(|it| it.contains("--left-data-is-gone")), "{found:?}");
        assert_eq!(left_by(&world, record, LeftData::IsGone).await, [""; 0]);
    }
    world.conditions.no_pack_stack.store(false, Ordering::Relaxed);
    let listed = left_by(&world, has(bucket), LeftData::IsGone).await;
    assert!(listed[0].contains("bucket state of the stack pack"), "what is listed is there: {listed:?}");
    world.conditions.no_pack_stack.store(true, Ordering::Relaxed);
    world.provision.table.put_raw(pack_key(&world.stack), "nonsense");
    let (account, home) = (&world.stack.account, &world.stack.region);
    let premises = world.provision.premises(account, home, LeftData::MayBeThere).await;
    let unread = phonehome_closing::look(account, &premises);
    assert!(unread.len() == 1 && unread[0].to_string().contains("has left is not known"), "{unread:?}");
}

#[tokio::test]
async fn what_a_starter_pack_keeps_is_looked_for_where_one_was_ever_asked_for() {
    let world = decommissioned().await;
    let api = Organizations::new();
    let key = pack_key(&world.stack);
    let keep = async |attempts: u64| {
        let table = &world.provision.table;
        let record = PackRecord { attempts, ..PackRecord::new(&world.stack) };
        let before = table.get(&key).await.unwrap();
        table.write(vec![Write::over(before.as_ref(), key.clone(), &record)]).await.unwrap();
    };
    let kept = async || match close(&world, &api).await {
        CloseProgress::Hindered(hindrances) => {
            matches!(&hindrances[..], [Hindrance::Retained { retained, .. }] if retained.id == "state")
        }
        _ => false,
    };
    keep(1).await;
    assert!(kept().await);
    world.provision.table.put_raw(key.clone(), "nonsense");
    assert!(kept().await, "what cannot be read may say so");
    assert_eq!(api.calls(), 0);
    world
        .provision
        .table
        .put_raw(key.clone(), &serde_json::to_string(&PackRecord::new(&world.stack)).unwrap());
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay, "none was ever asked for");
}

#[tokio::test]
async fn what_somebody_has_there_and_a_region_that_nobody_may_look_into_keep_it() {
    let world = decommissioned().await;
    let api = Organizations::new();
    world.edit(|seen| seen.security_groups.push(web()));
    let CloseProgress::Hindered(hindrances) = close(&world, &api).await else { panic!() };
    assert!(matches!(&hindrances[..], [Hindrance::Found { .. }]), "{hindrances:?}");
    world.edit(|seen| seen.security_groups.clear());
    world.conditions.closed_region.store(true, Ordering::Relaxed);
    let CloseProgress::Hindered(hindrances) = close(&world, &api).await else { panic!() };
    assert!(matches!(&hindrances[..], [Hindrance::Unseen { region: Some(_), .. }]), "{hindrances:?}");
    assert_eq!(api.calls(), 0);
    assert_eq!(record(&world).await.unwrap().closing, None, "nothing was asked");
}

#[tokio::test]
async fn what_comes_between_the_look_and_the_call_is_seen() {
    let world = decommissioned().await;
    let api = Organizations::new();
    // The first look opens the Region once, and the second one, right before the call, finds the group.
    world.conditions.opened_until_change.store(2, Ordering::Relaxed);
    let CloseProgress::Hindered(hindrances) = close(&world, &api).await else { panic!() };
    assert!(matches!(&hindrances[..], [Hindrance::Found { .. }]), "{hindrances:?}");
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn organizations_limits_are_kept_before_it_is_asked() {
    let world = decommissioned().await;
    let api = Organizations::new();
    api.set(|state| state.closing = 3);
    assert_eq!(close(&world, &api).await, CloseProgress::Waits(Wait::InProgress { accounts: 3 }));
    api.set(|state| (state.closing, state.refuses) = (2, Some(NotClosed::Quota)));
    assert_eq!(close(&world, &api).await, CloseProgress::Refused(NotClosed::Quota));
    let CloseProgress::Waits(Wait::Pace { until_ms }) = close(&world, &api).await else { panic!() };
    assert_eq!((until_ms, api.calls()), (world.now_ms() + INTERVAL_MS, 1));
    world.advance(INTERVAL_MS);
    api.set(|state| state.refuses = None);
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    assert_eq!(world.messages_of("closing/").await.len(), 1, "what was refused is told nobody");
}

#[tokio::test]
async fn whoever_dies_before_the_answer_is_noted_or_never_hears_it_the_next_one_goes_on_without_a_second_call()
 {
    let world = decommissioned().await;
    let api = Organizations::new();
    let lost = CloudError::of_cause("organizations:CloseAccount", ACCOUNT, Cause::Timeout);
    api.set(|state| state.refuses = Some(NotClosed::Unclear(lost)));
    assert!(matches!(close(&world, &api).await, CloseProgress::Refused(NotClosed::Unclear(_))));
    // It had been heard all the same.
    api.set(|state| (state.account, state.refuses) = (Some(AccountState::PendingClosure), None));
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    assert_eq!(api.calls(), 1);
    let told = world.messages_of("closing/").await;
    assert!(told.len() == 1 && told[0].text.contains("is being closed"), "{told:?}");
}

#[tokio::test]
async fn while_organizations_still_says_active_of_what_it_took_it_is_not_asked_again() {
    let world = decommissioned().await;
    let api = Organizations::new();
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    api.set(|state| state.account = Some(AccountState::Active));
    world.advance(SETTLED_MS - 1);
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    assert_eq!(api.calls(), 1);
    // AWS Support may have brought it back since.
    world.advance(1);
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
    assert_eq!(api.calls(), 2);
}

#[tokio::test]
async fn what_is_closed_or_gone_already_is_not_asked_for_and_is_nobodys_deed() {
    let world = decommissioned().await;
    let api = Organizations::new();
    for state in [AccountState::Closed, AccountState::Suspended] {
        api.set(|it| it.account = Some(state.clone()));
        assert_eq!(close(&world, &api).await, CloseProgress::Closed { state, reinstated_until_ms: None });
    }
    api.set(|state| state.account = None);
    assert_eq!(close(&world, &api).await, CloseProgress::Gone);
    api.set(|state| {
        (state.account, state.refuses) = (Some(AccountState::Active), Some(NotClosed::AlreadyClosed))
    });
    assert!(matches!(close(&world, &api).await, CloseProgress::Closed { .. }));
    assert_eq!(api.calls(), 1);
}

#[tokio::test]
async fn an_account_that_never_had_a_network_may_be_closed_once_it_is_given_up() {
    let world = World::new();
    published(&world, &without()).await;
    let api = Organizations::new();
    let CloseProgress::Hindered(hindrances) = close(&world, &api).await else { panic!() };
    assert!(matches!(&hindrances[..], [Hindrance::NeverOurs { .. }]), "{hindrances:?}");
    let line = Line::new("shop", "dev");
    world.provision.note_decommissioned(&world.stack.account, "shop-dev", &line).await.unwrap();
    assert_eq!(close(&world, &api).await, CloseProgress::UnderWay);
}
