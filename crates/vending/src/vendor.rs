//! Does what is decided, step by step: each is stored before it is done, and what came of it after.
//!
//! It may die anywhere, and several may be at work at once.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{CloudError, WallClock};
use phonehome_fleet::Line;
use phonehome_wire::AccountId;

use crate::api::VendingApi;
use crate::decide::{AccountFactory, Step, Wanted, World, decide};
use crate::finding::{VendingFinding, findings};
use crate::lines::Lines;
use crate::looked::looked;
use crate::looks::{Looks, NotAnswered};
use crate::order::{ASK_WITHIN_MS, Order, SearchCause, Stop};
use crate::refusal::NotAsked;
use crate::request::{NewAccount, RequestId};
use crate::search::{Candidates, candidates, claim};
use crate::stored::{Stored, change_pace};
use crate::unseen::Unseen;

/// Makes the accounts.
#[derive(Debug)]
pub struct Vendor<A, T, C> {
    api: A,
    table: T,
    clock: C,
    factory: AccountFactory,
    /// The role in each new account; `None`: Organizations' own.
    role_name: Option<String>,
    /// Further tags of each line's new account, by key.
    tags: BTreeMap<Line, BTreeMap<String, String>>,
    /// When an order was last looked after; whoever forgets it looks once more.
    looked_at_ms: BTreeMap<Line, u64>,
}

/// What a round came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// When there is something to do next; milliseconds since the Unix epoch. `None`: nothing.
    pub again_at_ms: Option<u64>,
    /// What could not be asked, for the logs: it is tried again.
    pub troubles: Vec<CloudError>,
    /// All orders as they are after it, by their lines.
    pub orders: BTreeMap<Line, Order>,
    /// What is to be told after it.
    pub findings: Vec<VendingFinding>,
}

impl<A: VendingApi, T: Table, C: WallClock> Vendor<A, T, C> {
    /// One that makes accounts with Organizations' own role and no further tags.
    pub fn new(api: A, table: T, clock: C) -> Self {
        let (factory, looked_at_ms) = (AccountFactory::Phonehome, BTreeMap::new());
        Self { api, table, clock, factory, role_name: None, tags: BTreeMap::new(), looked_at_ms }
    }

    /// The same with this role and these tags.
    #[must_use]
    pub fn with(self, role_name: Option<String>, tags: BTreeMap<Line, BTreeMap<String, String>>) -> Self {
        Self { role_name, tags, ..self }
    }

    /// The same where somebody else makes the accounts.
    #[must_use]
    pub fn for_factory(self, factory: AccountFactory) -> Self {
        Self { factory, ..self }
    }

    /// Reads, decides and does it.
    ///
    /// # Errors
    /// [`TableError`]: of the table. What Organizations does not answer is in [`Round::troubles`].
    pub async fn round(&mut self, wanted: &[Wanted], lines: &Lines) -> Result<Round, TableError> {
        let mut stored = Stored::read(&self.table).await?;
        let (mut round, mut looks, mut unseen) = (Round::default(), Looks::default(), None);
        let decision = decide(&self.world(wanted, lines, &stored));
        round.again_at_ms = decision.again_at_ms;
        for step in decision.steps {
            match self.step(step, &mut stored, &mut looks, lines).await {
                Ok(()) => {}
                Err(Failed::Table(error)) => return Err(error),
                Err(Failed::Unclear(error)) => round.troubles.push(error),
                Err(Failed::Unseen(NotAnswered { look_up, error })) => {
                    unseen = Some(Unseen::of(look_up, &error));
                    round.troubles.push(error);
                }
            }
            // Whatever came of it, something else may be to be done now.
            round.again_at_ms = Some(self.clock.now_ms());
        }
        let pace = stored.pace.looked(&looks.answered, unseen.as_ref(), self.clock.now_ms());
        if pace != stored.pace {
            looked(&self.table, &looks.answered, unseen.as_ref(), self.clock.now_ms()).await?;
            stored.pace = pace;
        }
        round.findings = findings(&self.world(wanted, lines, &stored));
        round.orders = stored.orders;
        Ok(round)
    }

    fn world<'w>(&'w self, wanted: &'w [Wanted], lines: &'w Lines, stored: &'w Stored) -> World<'w> {
        World {
            factory: self.factory,
            wanted,
            lines,
            orders: &stored.orders,
            unreadable: &stored.unreadable,
            pace: &stored.pace,
            looked_at_ms: &self.looked_at_ms,
            now_ms: self.clock.now_ms(),
        }
    }

    async fn step(
        &mut self,
        step: Step,
        stored: &mut Stored,
        looks: &mut Looks,
        lines: &Lines,
    ) -> Result<(), Failed> {
        match step {
            Step::Ask(order) => match self.found_after_all(stored, looks, &order, lines).await? {
                Some(made) => {
                    stored.put(&self.table, made).await?;
                    Ok(())
                }
                None => self.ask(stored, order).await,
            },
            Step::Follow(line, request) => {
                self.looked_at_ms.insert(line.clone(), self.clock.now_ms());
                self.follow(stored, looks, &line, &request).await
            }
            Step::Search(line) => {
                self.looked_at_ms.insert(line.clone(), self.clock.now_ms());
                self.search(stored, looks, &line, lines).await
            }
        }
    }

    /// Before an order is asked for with another address: the account that has the first one, should it be there by now.
    async fn found_after_all(
        &self,
        stored: &Stored,
        looks: &mut Looks,
        order: &Order,
        lines: &Lines,
    ) -> Result<Option<Order>, NotAnswered> {
        let Some(before) = stored.orders.get(&order.line).filter(|it| !it.has_email(&order.email)) else {
            return Ok(None);
        };
        let with_its = looks.with_email(&self.api, before).await?;
        Ok(self
            .claimed(stored, looks, before, &with_its, lines)
            .await?
            .filter(|after| after.account().is_some()))
    }

    /// Asks for an account, once that is stored.
    async fn ask(&mut self, stored: &mut Stored, order: Order) -> Result<(), Failed> {
        let (now_ms, line) = (self.clock.now_ms(), order.line.clone());
        let pace = stored.pace.asked(now_ms);
        if !stored.put_with_pace(&self.table, order.clone(), pace).await? {
            return Ok(());
        }
        if self.clock.now_ms() >= now_ms + ASK_WITHIN_MS {
            return Ok(());
        }
        let account = NewAccount {
            tags: self
                .tags
                .get(&line)
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            line,
            email: order.email.clone(),
            account_name: order.account_name.clone(),
            role_name: self.role_name.clone(),
        };
        let answer = self.api.create(&account).await;
        let now_ms = self.clock.now_ms();
        match answer {
            Ok(request) => {
                stored.put(&self.table, order.taken(&request, now_ms)).await?;
                if stored.pace.held.is_some() {
                    change_pace(&self.table, |pace| pace.taken()).await?;
                }
            }
            Err(NotAsked::Held(hold)) => {
                stored.put(&self.table, order.not_begun(now_ms)).await?;
                change_pace(&self.table, |pace| pace.refused(hold.clone(), now_ms)).await?;
            }
            Err(NotAsked::Refused(said)) => {
                stored.put(&self.table, order.stopped(Stop::Refused(said), now_ms)).await?;
            }
            Err(NotAsked::Unclear(error)) => return Err(Failed::Unclear(error)),
        }
        Ok(())
    }

    /// Asks what became of an order's request.
    async fn follow(
        &mut self,
        stored: &mut Stored,
        looks: &mut Looks,
        line: &Line,
        id: &RequestId,
    ) -> Result<(), Failed> {
        let request = looks.request(&self.api, id).await?;
        let (now_ms, Some(order)) = (self.clock.now_ms(), stored.orders.get(line)) else { return Ok(()) };
        let after = match request {
            Some(request) => order.heard(&request.outcome, now_ms),
            None => order.searching(SearchCause::Unheard, now_ms),
        };
        if after != *order {
            stored.put(&self.table, after).await?;
        }
        Ok(())
    }

    /// Looks for an order's account.
    async fn search(
        &mut self,
        stored: &mut Stored,
        looks: &mut Looks,
        line: &Line,
        lines: &Lines,
    ) -> Result<(), Failed> {
        let Some(order) = stored.orders.get(line).cloned() else { return Ok(()) };
        let began_ms = *looks.began_ms.get_or_insert_with(|| self.clock.now_ms());
        let candidates = candidates(&order, looks.requests(&self.api).await?);
        let found = match candidates {
            Candidates::UnderWay => return Ok(()),
            Candidates::Accounts(accounts) => self.claimed(stored, looks, &order, &accounts, lines).await?,
        };
        let found = match found {
            Some(found) => Some(found),
            None => {
                let with_its = looks.with_email(&self.api, &order).await?;
                self.claimed(stored, looks, &order, &with_its, lines).await?
            }
        };
        let after = found.unwrap_or_else(|| order.not_found(began_ms));
        if after != order {
            stored.put(&self.table, after).await?;
        }
        Ok(())
    }

    /// The order with the first of these accounts that is its own, or that it may not have.
    async fn claimed(
        &self,
        stored: &Stored,
        looks: &mut Looks,
        order: &Order,
        accounts: &[AccountId],
        lines: &Lines,
    ) -> Result<Option<Order>, NotAnswered> {
        for id in accounts {
            let Some(account) = looks.account(&self.api, id).await? else { continue };
            match claim(order, &account, &stored.orders, lines) {
                None => {}
                Some(Ok(account)) => return Ok(Some(order.made(account, self.clock.now_ms()))),
                Some(Err(stop)) => return Ok(Some(order.stopped(stop, self.clock.now_ms()))),
            }
        }
        Ok(None)
    }
}

/// Whose fault it is that a step could not be done.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Table(#[from] TableError),
    /// Nobody knows whether an account was begun.
    #[error(transparent)]
    Unclear(CloudError),
    #[error("{}", .0.error)]
    Unseen(NotAnswered),
}

impl From<NotAnswered> for Failed {
    fn from(not: NotAnswered) -> Self {
        Self::Unseen(not)
    }
}
