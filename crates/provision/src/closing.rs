//! An account is closed: the last step of giving it up.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use phonehome_closing::{
    AccountState, Case, Cleared, Closing, ClosingApi, DECOMMISSIONED, Decommissioned, Hindrance, LOOKED_AT,
    NotClosed, OrganizationAccount, Premises, RegionSeen, SETTLED_MS, Wait, clear, decommissioned_key,
    may_ask,
};
use phonehome_cloud::table::{Expect, Table, TableError, Write, on_conflict};
use phonehome_cloud::{CloudError, WallClock};
use phonehome_executor::StackApi as _;
use phonehome_fleet::{Bindings, Line};
use phonehome_planner::StackSpec;
use phonehome_state::{
    InForce, Keys, Outboxed, StackStatus, StateError, bindings, readable, versions_in_use,
};
use phonehome_wire::{AccountId, Region, StackId};

use crate::Members;
use crate::closing_told::told;
use crate::pack_left::LeftData;
use crate::provision::Provision;

/// How many Regions are looked at at once.
const REGIONS_AT_ONCE: usize = 6;
/// How often a record is written anew when somebody else writes it at the same moment.
const ATTEMPTS: u32 = 5;

/// Why nothing can be said of an account's closing.
#[derive(Debug, thiserror::Error)]
pub enum CannotClose {
    /// Organizations could not be asked.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The table could not be asked.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// How far an account's closing is. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseProgress {
    /// It is closed.
    Closed {
        /// Where it is in its life: what AWS calls it.
        state: AccountState,
        /// Until when AWS Support can bring it back, where it was phonehome that closed it.
        reinstated_until_ms: Option<u64>,
    },
    /// AWS has taken the request, and is closing it.
    UnderWay,
    /// The organization has no such account.
    Gone,
    /// AWS was not asked: something is in the way.
    Hindered(Vec<Hindrance>),
    /// AWS was not asked: it would refuse now.
    Waits(Wait),
    /// AWS was asked and refused, or nobody heard its answer.
    Refused(NotClosed),
    /// AWS was not asked: somebody else does something with this account at the same moment.
    Contended,
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Looks at all of an account: at every Region that is enabled in it.
    pub async fn premises(&self, account: &AccountId, home: &Region, left: LeftData) -> Premises {
        let regions = match self.members.regions(&StackId::new(account, home)).await {
            Ok(regions) => regions,
            Err(error) => return Premises { regions: Err(error) },
        };
        let seen = regions.into_iter().map(async |region| {
            let seen = self.region(account, &region, left).await;
            (region, seen)
        });
        let seen: BTreeMap<Region, RegionSeen> =
            stream::iter(seen).buffer_unordered(REGIONS_AT_ONCE).collect().await;
        Premises { regions: Ok(seen) }
    }

    async fn region(&self, account: &AccountId, region: &Region, left: LeftData) -> RegionSeen {
        let stack = StackId::new(account, region);
        let inventory = match self.members.open(&StackSpec::bare(&stack, ""), None).await {
            Ok(opened) => opened.observe(&LOOKED_AT).await,
            Err(error) => Err(error),
        };
        RegionSeen { inventory, retained: self.retained(&stack, left).await }
    }

    /// Whether it may be closed, by what is stored now and by what was seen.
    async fn cleared(
        &self,
        seen: &OrganizationAccount,
        premises: &Premises,
    ) -> Result<Result<Cleared, Vec<Hindrance>>, CannotClose> {
        let account = &seen.id;
        let record = self.table.get(&decommissioned_key(account)).await?;
        let is_decommissioned = record.is_some_and(|doc| doc.read::<Decommissioned>().is_ok());
        let mut unread = Vec::new();
        let versions = match versions_in_use(&self.table).await {
            Ok(versions) => versions,
            Err(StateError::Table(error)) => return Err(error.into()),
            Err(error) => {
                unread.push(format!("a version of the fleet file that is in use cannot be read ({error})"));
                vec![]
            }
        };
        let bindings = bindings(&self.table).await?;
        if bindings.is_partial() {
            unread.push("which line it is cannot be read (an item of `bindings` or `stacks`)".to_owned());
        }
        let stacks = readable::<StackStatus>(&self.table, Keys::STACKS).await?;
        let of_unread = stacks.unreadable.iter().filter_map(|it| it.stack());
        let held = stacks.found.iter().map(|(_, status)| status.stack()).chain(of_unread);
        let case = Case {
            account,
            state: &seen.state,
            kept: versions.iter().flat_map(kept).collect(),
            is_decommissioned,
            declared: versions.iter().filter_map(|it| declared(it, seen, &bindings)).collect(),
            stacks: held.filter(|stack| stack.account == *account).map(|stack| stack.region).collect(),
            unread,
            premises,
        };
        Ok(clear(&case))
    }

    /// Closes an account, in the name of `by`, or finds out how far that is. The same again goes on with it.
    ///
    /// AWS is asked once, right after everything was looked at anew.
    ///
    /// # Errors
    /// [`CannotClose`]
    pub async fn close_account(
        &self,
        api: &impl ClosingApi,
        account: &AccountId,
        home: &Region,
        by: &str,
        left: LeftData,
    ) -> Result<CloseProgress, CannotClose> {
        let Some(seen) = api.account(account).await? else { return Ok(CloseProgress::Gone) };
        if seen.state.is_closed() {
            return self.closed(account, seen.state).await;
        }
        let record = self.closing_of(account).await?;
        let is_taken = |closing: &Closing| {
            closing.accepted_at_ms.is_some_and(|at_ms| self.clock.now_ms() < at_ms + SETTLED_MS)
        };
        if seen.state == AccountState::PendingClosure {
            // Whoever asked may have died before this was noted.
            self.note_accepted(account).await?;
            return Ok(CloseProgress::UnderWay);
        }
        if record.as_ref().is_some_and(is_taken) {
            return Ok(CloseProgress::UnderWay);
        }
        let premises = self.premises(account, home, left).await;
        if let Err(hindrances) = self.cleared(&seen, &premises).await? {
            return Ok(CloseProgress::Hindered(hindrances));
        }
        let records = self.records().await?;
        if let Err(wait) = may_ask(&records, &api.accounts().await?, self.clock.now_ms()) {
            return Ok(CloseProgress::Waits(wait));
        }
        if !self.note_asked(account, by).await? {
            return Ok(CloseProgress::Contended);
        }
        // What was in the way of nothing a moment ago may be by now: the lists above take a while.
        let premises = self.premises(account, home, left).await;
        let cleared = match self.cleared(&seen, &premises).await? {
            Ok(cleared) => cleared,
            Err(hindrances) => return Ok(CloseProgress::Hindered(hindrances)),
        };
        match api.close(&cleared).await {
            Ok(()) => {
                self.note_accepted(account).await?;
                Ok(CloseProgress::UnderWay)
            }
            Err(NotClosed::AlreadyClosed) => self.closed(account, AccountState::Closed).await,
            Err(refused) => Ok(CloseProgress::Refused(refused)),
        }
    }

    /// Every account that was decommissioned and can be read.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn records(&self) -> Result<Vec<Decommissioned>, TableError> {
        let records = readable::<Decommissioned>(&self.table, DECOMMISSIONED).await?;
        Ok(records.found.into_iter().map(|(_, record)| record).collect())
    }

    async fn closing_of(&self, account: &AccountId) -> Result<Option<Closing>, TableError> {
        let doc = self.table.get(&decommissioned_key(account)).await?;
        let record = doc.map(|doc| doc.read::<Decommissioned>()).transpose()?;
        Ok(record.and_then(|record| record.closing))
    }

    /// Notes that AWS is about to be asked. `false`: somebody else wrote at the same moment.
    async fn note_asked(&self, account: &AccountId, by: &str) -> Result<bool, TableError> {
        let key = decommissioned_key(account);
        let Some(doc) = self.table.get(&key).await? else { return Ok(false) };
        let record: Decommissioned = doc.read()?;
        let asked_at_ms = Some(self.clock.now_ms());
        let closing = Closing { by: by.to_owned(), asked_at_ms, accepted_at_ms: None, closed_at_ms: None };
        let record = Decommissioned { closing: Some(closing), ..record };
        match self.table.write(vec![Write::over(Some(&doc), key, &record)]).await {
            Ok(()) => Ok(true),
            Err(TableError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes that AWS took the request, and tells it.
    async fn note_accepted(&self, account: &AccountId) -> Result<(), TableError> {
        let now_ms = self.clock.now_ms();
        let change = |closing: &Closing| Closing {
            accepted_at_ms: closing.accepted_at_ms.or(Some(now_ms)),
            ..closing.clone()
        };
        self.change_closing(account, change).await
    }

    /// Notes that it is closed, and tells it, where it was phonehome that closed it.
    async fn closed(&self, account: &AccountId, state: AccountState) -> Result<CloseProgress, CannotClose> {
        let now_ms = self.clock.now_ms();
        let change = |closing: &Closing| Closing {
            accepted_at_ms: closing.accepted_at_ms.or(closing.asked_at_ms),
            closed_at_ms: closing.closed_at_ms.or(Some(now_ms)),
            ..closing.clone()
        };
        self.change_closing(account, change).await?;
        let closing = self.closing_of(account).await?;
        let reinstated_until_ms = closing.and_then(|closing| closing.reinstated_until_ms());
        Ok(CloseProgress::Closed { state, reinstated_until_ms })
    }

    /// Changes what is stored of a closing, with the message of it, if there is one and it changes.
    async fn change_closing(
        &self,
        account: &AccountId,
        change: impl Fn(&Closing) -> Closing,
    ) -> Result<(), TableError> {
        let versions = versions_in_use(&self.table).await.ok();
        let fleet = versions.and_then(|versions| versions.into_iter().next()).map(|version| version.fleet);
        let key = decommissioned_key(account);
        on_conflict(ATTEMPTS, async || {
            let Some(doc) = self.table.get(&key).await? else { return Ok(()) };
            let before: Decommissioned = doc.read()?;
            let Some(closing) = before.closing.as_ref() else { return Ok(()) };
            let after = Decommissioned { closing: Some(change(closing)), ..before.clone() };
            if after == before {
                return Ok(());
            }
            let mut writes = vec![Write::over(Some(&doc), key.clone(), &after)];
            let outgoing = fleet.as_ref().and_then(|fleet| told(fleet, &after, self.clock.now_ms()));
            writes.extend(outgoing.map(|outgoing| {
                let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
                Write::put(key, Expect::Absent, &Outboxed::new(outgoing))
            }));
            self.table.write(writes).await
        })
        .await
    }

    /// Notes that an account was decommissioned which never got a stack: it was a line, or was made for one.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn note_decommissioned(
        &self,
        account: &AccountId,
        account_name: &str,
        line: &Line,
    ) -> Result<(), TableError> {
        on_conflict(ATTEMPTS, async || {
            let write = self.decommissioned(account, account_name, line).await?;
            self.table.write(vec![write]).await
        })
        .await
    }

    /// The write that notes it. What is known of its closing stays.
    pub(crate) async fn decommissioned(
        &self,
        account: &AccountId,
        account_name: &str,
        line: &Line,
    ) -> Result<Write, TableError> {
        let key = decommissioned_key(account);
        let doc = self.table.get(&key).await?;
        // One that cannot be read says nothing that this one does not, but for a closing, which AWS knows as well.
        let before = doc.as_ref().and_then(|doc| doc.read::<Decommissioned>().ok());
        let record = Decommissioned {
            account: account.clone(),
            account_name: account_name.to_owned(),
            line: line.clone(),
            at_ms: self.clock.now_ms(),
            closing: before.and_then(|before| before.closing),
        };
        Ok(Write::over(doc.as_ref(), key, &record))
    }
}

/// The accounts that a version never gives away.
fn kept(version: &InForce) -> [AccountId; 2] {
    let organization = &version.fleet.organization;
    [organization.hub_account.clone(), organization.management_account.clone()]
}

/// The line of a version that the account is, or that names it by its id or name and may become it.
fn declared(version: &InForce, account: &OrganizationAccount, bindings: &Bindings) -> Option<(Line, u64)> {
    let fleet = &version.fleet;
    let named = || fleet.named(&account.id, &account.name);
    let member = fleet.member_for(&account.id, bindings).or_else(named)?;
    Some((member.line(), version.number))
}
