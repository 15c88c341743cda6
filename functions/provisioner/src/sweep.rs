//! A sweep: every account is observed.
//!
//! Organizations lists 20 accounts a call and few calls a second, so a sweep of a large organization takes longer
//! than a function has. It goes in steps: where it is is stored after each ([`Sweep`]), under the condition that
//! nobody else went on with it, and the next step is a message in the queue. Whatever dies, the message comes
//! again, or the next sweep's, and goes on from there.

use std::time::Duration;

use phonehome_cloud::table::{ATTEMPTS, Doc, Expect, Table, TableError, Write};
use phonehome_cloud::{Account, Class, CloudError, Message, Organization, Queue, WallClock};
use phonehome_fleet::Roster;
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{Keys, ListedAccount, ListedPart, Sweep, SweepStage, set_aside};
use phonehome_wire::AccountId;
use serde_json::json;
use tokio::time::Instant;

use crate::event::{BY_SWEEP, Reconcile};
use crate::handler::{Provisioner, later, table_error};
use crate::waiting::Waiting;

/// For how long a step goes on: a third of what the function has, so that the last call in it, and whatever is
/// handled beside it, ends in time.
const STEP_TIME: Duration = Duration::from_secs(20);
/// After which time without a move nobody is at work on a sweep: the function's time limit, and clocks that are
/// 5 s off to either side.
const DEAD_MS: u64 = 70_000;
/// After which time what was listed is listed anew, and a listing that does not end is given up: an hour.
const LISTING_MS: u64 = 60 * 60_000;

/// Pages of accounts that are listed before they are stored: 1,000 accounts, some 80 KB.
const PAGES_OF_A_PART: usize = 50;
/// ListAccounts allows 12 calls at once and 8 a second after that, to all callers of the organization together.
/// Of that a sweep takes 8 at once, and 5 a second.
const PAGES_AT_ONCE: u32 = 8;
const PAGE_EVERY: Duration = Duration::from_millis(200);
/// How long a sweep waits when Organizations is asked too often, or does not answer; seconds.
const LISTING_PAUSE_S: u32 = 30;

/// Accounts that are queued before that is stored: 10 calls. Whoever dies in between queues so many twice.
const QUEUED_AT_ONCE: usize = 100;

/// A sweep as it is stored.
struct Held {
    sweep: Sweep,
    doc: Option<Doc>,
}

/// Where a step of a sweep ends.
enum Moved {
    /// It goes on.
    On(Held),
    /// Somebody else goes on with it.
    Taken,
    /// It goes on in so many seconds.
    In(u32),
}

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Queues every account that is a line of a fleet file in use, and every one that has a stack. An
    /// event can be missed; this cannot. `continues`: the sweep with this number goes on; otherwise one begins,
    /// or the one that is under way is gone on with if nobody is at work on it.
    pub(crate) async fn sweep(&self, continues: Option<u64>) -> Result<(), Refusal> {
        let Some(mut held) = self.taken(continues).await? else { return Ok(()) };
        let until = Instant::now() + STEP_TIME;
        loop {
            let number = held.sweep.number;
            let moved = match held.sweep.stage.clone() {
                SweepStage::Listing { next, parts } => self.list(held, next, parts, until).await?,
                SweepStage::Identifying { parts } => self.identify(held, parts).await?,
                SweepStage::Queueing { after } => self.queue_accounts(held, after, until).await?,
                SweepStage::Finished => return Ok(()),
            };
            held = match moved {
                Moved::On(held) => held,
                Moved::Taken => return Ok(()),
                Moved::In(delay_s) => return self.go_on(number, delay_s).await,
            };
            // Also where the next one begins.
            if Instant::now() >= until && !held.sweep.is_finished() {
                return self.go_on(held.sweep.number, 0).await;
            }
        }
    }

    /// The sweep that is this invocation's to go on with, if any.
    async fn taken(&self, continues: Option<u64>) -> Result<Option<Held>, Refusal> {
        for _ in 0..ATTEMPTS {
            let doc = self.provision.table.get(&Keys::sweep()).await.map_err(table_error)?;
            let (now_ms, mut copy) = (self.provision.clock.now_ms(), None);
            let stored = match doc.as_ref().map(Doc::read::<Sweep>) {
                Some(Err(error)) => {
                    tracing::error!(%error, "how far the sweep was is not known: it begins anew");
                    copy = doc.as_ref().map(|doc| set_aside(doc, now_ms));
                    None
                }
                read => read.transpose().map_err(table_error)?,
            };
            let running = stored.as_ref().filter(|sweep| !sweep.is_finished());
            let (next, is_ours) = match (running, continues) {
                (Some(sweep), Some(number)) if sweep.number == number => (sweep.clone(), true),
                // It is over, or another one's.
                (_, Some(_)) => return Ok(None),
                (Some(sweep), None) => {
                    let is_dead = sweep.moved_at_ms.saturating_add(DEAD_MS) < now_ms;
                    if !is_dead && sweep.again {
                        return Ok(None);
                    }
                    (Sweep { again: true, ..sweep.clone() }, is_dead)
                }
                (None, None) => (Sweep::after(stored.as_ref(), now_ms), true),
            };
            // Whoever only asks for another one makes nobody think that this one gets on.
            let moved_at_ms = if is_ours { now_ms } else { next.moved_at_ms };
            let next = Sweep { moved_at_ms, ..next };
            match self.stored(doc.as_ref(), next, copy.into_iter().collect()).await? {
                Some(held) if is_ours => return Ok(Some(held)),
                Some(_) => return Ok(None),
                None => {}
            }
        }
        Err(Refusal::Later(format!("{ATTEMPTS} attempts to begin a sweep met others")))
    }

    /// Lists accounts, as many as are stored at once.
    async fn list(
        &self,
        held: Held,
        mut next: Option<String>,
        parts: u32,
        until: Instant,
    ) -> Result<Moved, Refusal> {
        if parts > 0 && self.is_old(&held.sweep) {
            return self.list_anew(held, true).await;
        }
        let (number, began, mut accounts) = (held.sweep.number, Instant::now(), Vec::new());
        for page in 0..PAGES_OF_A_PART {
            tokio::time::sleep_until(may_be_asked_for(began, page)).await;
            let listed = match self.organization.page(next.as_deref()).await {
                Ok(listed) => listed,
                Err(error) => return self.not_listed(held, next.is_some(), error).await,
            };
            accounts.extend(listed.accounts.into_iter().map(listed_account));
            next = listed.next;
            if next.is_none() || Instant::now() >= until {
                break;
            }
        }
        let key = Keys::swept_accounts(parts);
        let before = self.provision.table.get(&key).await.map_err(table_error)?;
        let part = ListedPart { sweep: number, accounts };
        let part = Write::put(key, Expect::unchanged(before.as_ref()), &part);
        let parts = parts + 1;
        let stage = match next {
            Some(_) => SweepStage::Listing { next, parts },
            None => SweepStage::Identifying { parts },
        };
        self.moved(held, |sweep, now_ms| sweep.at(stage.clone(), now_ms), vec![part]).await
    }

    /// What becomes of a sweep when Organizations does not list. `goes_on`: it was asked for a further page.
    async fn not_listed(&self, held: Held, goes_on: bool, error: CloudError) -> Result<Moved, Refusal> {
        match error.class() {
            _ if self.is_old(&held.sweep) => Err(later(error)),
            Class::Throttled | Class::Transient => {
                tracing::warn!(%error, "the sweep waits for Organizations");
                Ok(Moved::In(LISTING_PAUSE_S))
            }
            // With what a page is asked for is good for a while only.
            Class::Invalid if goes_on => self.list_anew(held, false).await,
            _ => Err(later(error)),
        }
    }

    /// Whether what it has listed is too old to say who is who now.
    fn is_old(&self, sweep: &Sweep) -> bool {
        self.provision.clock.now_ms().saturating_sub(sweep.listing_since_ms) > LISTING_MS
    }

    /// Lists from the first page on. `is_old`: because of its age; otherwise it counts as the same listing, which is
    /// given up when that does not end.
    async fn list_anew(&self, held: Held, is_old: bool) -> Result<Moved, Refusal> {
        let next = |sweep: Sweep, now_ms| {
            let listing_since_ms = if is_old { now_ms } else { sweep.listing_since_ms };
            Sweep { listing_since_ms, ..sweep.at(SweepStage::Listing { next: None, parts: 0 }, now_ms) }
        };
        self.moved(held, next, vec![]).await
    }

    /// Finds out who is who, and tells of accounts that are in no fleet file.
    async fn identify(&self, held: Held, parts: u32) -> Result<Moved, Refusal> {
        if self.is_old(&held.sweep) {
            return self.list_anew(held, true).await;
        }
        let Some(accounts) = self.listed(held.sweep.number, parts).await? else {
            return self.list_anew(held, false).await;
        };
        let desired = self.desired().await?;
        self.notify_unlisted(&desired, &accounts, true).await?;
        self.notify_outdated(desired.in_force().fleet.platform_channel()).await?;
        let active = accounts.into_iter().filter(|it| it.active);
        let roster: Roster = active.map(|it| (it.id, it.name)).collect();
        self.bind_all(&desired, &roster).await?;
        self.notify_orphaned(desired.in_force().fleet.platform_channel(), &roster).await?;
        self.end_left(&desired).await?;
        let behind = self.is_behind(&held.sweep).await?;
        let stage = SweepStage::Queueing { after: None };
        let next = |sweep: Sweep, now_ms| Sweep { behind, ..sweep.at(stage.clone(), now_ms) };
        self.moved(held, next, vec![]).await
    }

    /// Whether accounts still wait in the queue from the sweep before: as many messages are in it as there are
    /// accounts that were not observed since.
    async fn is_behind(&self, sweep: &Sweep) -> Result<bool, Refusal> {
        let waiting = Waiting::read(&self.provision.table).await.map_err(table_error)?;
        let late = waiting.late(sweep, self.provision.clock.now_ms());
        Ok(late > 0 && self.queue.waiting().await.map_err(later)? >= late)
    }

    /// The accounts that this sweep has listed; `None`: some of them are not there any more.
    async fn listed(&self, number: u64, parts: u32) -> Result<Option<Vec<Account>>, Refusal> {
        let mut accounts = Vec::new();
        for part in 0..parts {
            let doc = self.provision.table.get(&Keys::swept_accounts(part)).await.map_err(table_error)?;
            let part = doc.as_ref().map(Doc::read::<ListedPart>).and_then(Result::ok);
            let Some(part) = part.filter(|part| part.sweep == number) else { return Ok(None) };
            accounts.extend(part.accounts.into_iter().map(account));
        }
        Ok(Some(accounts))
    }

    /// Queues the accounts after this one, as many as there is time for.
    async fn queue_accounts(
        &self,
        mut held: Held,
        after: Option<AccountId>,
        until: Instant,
    ) -> Result<Moved, Refusal> {
        let waiting = Waiting::read(&self.provision.table).await.map_err(table_error)?;
        let left = waiting.after(after.as_ref());
        let (mut chunks, now_ms) = (left.chunks(QUEUED_AT_ONCE).peekable(), self.provision.clock.now_ms());
        if chunks.peek().is_none() {
            return self.finished(held, (0, 0)).await;
        }
        while let Some(chunk) = chunks.next() {
            let is_late = |account: &AccountId| waiting.is_late(account, &held.sweep, now_ms);
            let is_due = |account: &&AccountId| !(held.sweep.behind && is_late(account));
            let due: Vec<&AccountId> = chunk.iter().filter(is_due).collect();
            let counts = (due.len() as u64, (chunk.len() - due.len()) as u64);
            self.queue.send_all(due.into_iter().map(message).collect()).await.map_err(later)?;
            if chunks.peek().is_none() {
                return self.finished(held, counts).await;
            }
            let stage = SweepStage::Queueing { after: chunk.last().cloned() };
            let moved =
                self.moved(held, |sweep, at_ms| counted(sweep, counts).at(stage.clone(), at_ms), vec![]);
            held = match moved.await? {
                Moved::On(held) if Instant::now() < until => held,
                ended => return Ok(ended),
            };
        }
        Ok(Moved::On(held))
    }

    /// All are queued. Another one begins where somebody asked for it.
    async fn finished(&self, held: Held, counts: (u64, u64)) -> Result<Moved, Refusal> {
        let done = counted(held.sweep.clone(), counts);
        let next = |sweep, now_ms| {
            let sweep = counted(sweep, counts).at(SweepStage::Finished, now_ms);
            if sweep.again { Sweep::after(Some(&sweep), now_ms) } else { sweep }
        };
        let moved = self.moved(held, next, vec![]).await?;
        if let Moved::On(_) = &moved {
            tracing::info!(number = done.number, queued = done.queued, late = done.late, "sweep");
            // Also when it is none: an alarm is raised when nothing comes.
            self.metrics.count("SweepLate", done.late);
            // What goes wrong with it ends no sweep, and the next one looks again.
            if let Err(error) = self.look_after_probes().await {
                tracing::error!(?error, "the probes' code was not looked after");
            }
        }
        Ok(moved)
    }

    /// Stores where the sweep is now, with what goes with it.
    async fn moved(
        &self,
        mut held: Held,
        next: impl Fn(Sweep, u64) -> Sweep,
        also: Vec<Write>,
    ) -> Result<Moved, Refusal> {
        for _ in 0..ATTEMPTS {
            let sweep = next(held.sweep.clone(), self.provision.clock.now_ms());
            if let Some(held) = self.stored(held.doc.as_ref(), sweep, also.clone()).await? {
                return Ok(Moved::On(held));
            }
            // Somebody may only have asked for another one.
            let doc = self.provision.table.get(&Keys::sweep()).await.map_err(table_error)?;
            let Some(sweep) = doc.as_ref().map(Doc::read::<Sweep>).transpose().map_err(table_error)? else {
                return Ok(Moved::Taken);
            };
            if (Sweep { again: held.sweep.again, ..sweep.clone() }) != held.sweep {
                return Ok(Moved::Taken);
            }
            held = Held { sweep, doc };
        }
        Ok(Moved::Taken)
    }

    /// Stores it in place of `before`; `None`: somebody else was faster.
    async fn stored(
        &self,
        before: Option<&Doc>,
        sweep: Sweep,
        also: Vec<Write>,
    ) -> Result<Option<Held>, Refusal> {
        let write = Write::over(before, Keys::sweep(), &sweep);
        let doc = write.written();
        match self.provision.table.write([write].into_iter().chain(also).collect()).await {
            Ok(()) => Ok(Some(Held { sweep, doc })),
            Err(TableError::Conflict { .. }) => Ok(None),
            Err(error) => Err(table_error(error)),
        }
    }

    /// The next step is a message of its own.
    async fn go_on(&self, number: u64, delay_s: u32) -> Result<(), Refusal> {
        let body = json!({ "sweep": { "number": number } }).to_string();
        self.queue.send(Message { body, delay_s, attributes: vec![] }).await.map_err(later)
    }
}

/// When a page may be asked for, of those that one call of [`Provisioner::list`] asks for.
fn may_be_asked_for(began: Instant, page: usize) -> Instant {
    let page = u32::try_from(page).unwrap_or(u32::MAX);
    began + PAGE_EVERY * page.saturating_sub(PAGES_AT_ONCE)
}

fn message(account: &AccountId) -> Message {
    let body = json!({ "reconcile": Reconcile::of(account.clone()) }).to_string();
    Message { body, delay_s: 0, attributes: vec![(BY_SWEEP.0.to_owned(), BY_SWEEP.1.to_owned())] }
}

fn counted(sweep: Sweep, (queued, late): (u64, u64)) -> Sweep {
    Sweep { queued: sweep.queued + queued, late: sweep.late + late, ..sweep }
}

fn listed_account(account: Account) -> ListedAccount {
    ListedAccount { id: account.id, name: account.name, active: account.active }
}

/// When it was made matters to nobody who reads this.
fn account(listed: ListedAccount) -> Account {
    Account { id: listed.id, name: listed.name, active: listed.active, created_at_ms: None }
}
