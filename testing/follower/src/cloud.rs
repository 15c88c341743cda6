//! The accounts and Regions at an endpoint on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::{join_all, try_join_all};
use phonehome_accounts::{AwsOrganization, opted_in_regions};
use phonehome_aws::{Session, sdk};
use phonehome_cloud::Organization as _;
use phonehome_cloud::endpoint::{self, CLOUD_VARIABLE, ENDPOINT_VARIABLE};
use phonehome_lab::Inventories;
use phonehome_network::Inventory;
use phonehome_wire::{AccountId, Region, StackId};
use tokio::time::Instant;

use crate::changes::{Changes, Counts};
use crate::view::View;

/// Where Organizations answers, and any account may ask for its Regions.
const HOME: &str = "us-east-1";
/// An attempt that is not answered by then is given up: a second counts here.
const ATTEMPT: Duration = Duration::from_secs(5);
const BACKOFF: Duration = Duration::from_millis(50);
/// How long accounts and Regions that were found are taken for all there are.
const FOUND_FOR: Duration = Duration::from_secs(10);

/// Which accounts are followed.
#[derive(Debug, Clone)]
pub enum Followed {
    /// These.
    Accounts(Vec<AccountId>),
    /// All that this account, which owns it, sees in its organization.
    Organization(AccountId),
    /// All that the endpoint says have changed. Only a local cloud says so.
    WhatChanges,
}

/// A cloud on this machine.
#[derive(Debug)]
pub struct Cloud {
    endpoint: String,
    followed: Followed,
    /// All that an account can use where it is empty.
    regions: Vec<Region>,
    changes: Changes,
    /// The newest counts that an observation has come after.
    seen: Counts,
    known: Inventories,
    views: BTreeMap<StackId, View>,
    found: Option<(Instant, BTreeSet<StackId>)>,
}

/// What a look has come to.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What is other than it was known.
    pub(crate) changed: Inventories,
    /// What could not be observed, for people; it will be tried again.
    pub(crate) problems: Vec<String>,
    /// Whether the endpoint says itself what has changed.
    pub(crate) is_told: bool,
}

impl Cloud {
    /// The cloud at an endpoint.
    ///
    /// # Errors
    /// When the endpoint, or that of one service in the environment, is anywhere but on this machine.
    pub fn at(endpoint: &str, followed: Followed, regions: Vec<Region>) -> Result<Self> {
        let mut variables = endpoint::environment();
        variables.insert(CLOUD_VARIABLE.to_owned(), "local".to_owned());
        variables.insert(ENDPOINT_VARIABLE.to_owned(), endpoint.to_owned());
        endpoint::Cloud::from_variables(&variables)?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            followed,
            regions,
            changes: Changes::of(endpoint)?,
            seen: Counts::new(),
            known: Inventories::new(),
            views: BTreeMap::new(),
            found: None,
        })
    }

    /// Observes what may have changed since the last look, all of it at once.
    ///
    /// # Errors
    /// When nothing answers at the endpoint, or there is nothing to follow.
    pub(crate) async fn look(&mut self) -> Result<Look> {
        // Asked before anything is observed: what changes meanwhile counts at the next look.
        let counts = self.changes.counts().await.context(self.endpoint.clone())?;
        let is_told = counts.is_some();
        let due = match &counts {
            Some(counts) => self.told(counts),
            None => self.find().await?,
        };
        for stack in &due {
            if !self.views.contains_key(stack) {
                let session = self.session(&stack.account, &stack.region).await?;
                self.views.insert(stack.clone(), View::new(stack.clone(), session));
            }
        }
        let views = self.views.iter_mut().filter(|(stack, _)| due.contains(*stack));
        let observed = join_all(views.map(async |(stack, view)| (stack.clone(), view.observe().await))).await;
        let mut look = Look { is_told, ..Look::default() };
        for (stack, inventory) in observed {
            match inventory {
                Ok(inventory) => {
                    let count = counts.as_ref().and_then(|counts| counts.get(&stack));
                    self.seen.extend(count.map(|count| (stack.clone(), *count)));
                    if self.known.get(&stack) != Some(&inventory) {
                        self.known.insert(stack.clone(), inventory.clone());
                        look.changed.insert(stack, inventory);
                    }
                }
                Err(error) => look.problems.push(format!("{stack}: {error:#}")),
            }
        }
        Ok(look)
    }

    /// What the endpoint says has changed, of that which is followed.
    fn told(&self, counts: &Counts) -> BTreeSet<StackId> {
        let is_followed = |stack: &StackId| {
            let is_region = self.regions.is_empty() || self.regions.contains(&stack.region);
            let is_account = match &self.followed {
                Followed::Accounts(accounts) => accounts.contains(&stack.account),
                Followed::Organization(_) | Followed::WhatChanges => true,
            };
            is_region && is_account
        };
        let due = counts.iter().filter(|(stack, count)| self.seen.get(*stack) != Some(*count));
        due.map(|(stack, _)| stack).filter(|stack| is_followed(stack)).cloned().collect()
    }

    /// Everything that is followed.
    async fn find(&mut self) -> Result<BTreeSet<StackId>> {
        if let Some((_, found)) = self.found.as_ref().filter(|(at, _)| at.elapsed() < FOUND_FOR) {
            return Ok(found.clone());
        }
        let accounts = match &self.followed {
            Followed::Accounts(accounts) => accounts.clone(),
            Followed::Organization(management) => {
                let session = self.session(management, &HOME.parse()?).await?;
                let accounts = AwsOrganization::new(&session).accounts().await?;
                accounts.into_iter().filter(|it| it.active).map(|it| it.id).collect()
            }
            Followed::WhatChanges => anyhow::bail!(
                "{} does not say what has changed: name accounts with --account, or the organization's owner with \
                 --management-account",
                self.endpoint
            ),
        };
        let stacks = try_join_all(accounts.iter().map(|account| self.stacks(account))).await?;
        let found: BTreeSet<StackId> = stacks.into_iter().flatten().collect();
        self.found = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    async fn stacks(&self, account: &AccountId) -> Result<Vec<StackId>> {
        let regions = match self.regions.is_empty() {
            true => opted_in_regions(&self.session(account, &HOME.parse()?).await?).await?,
            false => self.regions.clone(),
        };
        Ok(regions.iter().map(|region| StackId::new(account, region)).collect())
    }

    async fn session(&self, account: &AccountId, region: &Region) -> Result<Session> {
        let session = sdk::in_local_cloud(&self.endpoint, account, region).await?;
        Ok(session.with_pace(ATTEMPT, BACKOFF))
    }
}

impl Look {
    /// One that was in vain.
    pub(crate) fn failed(error: anyhow::Error) -> Self {
        Self { problems: vec![format!("{error:#}")], ..Self::default() }
    }

    /// How large what has changed is, for people.
    pub(crate) fn names(&self) -> String {
        let name =
            |(stack, inventory): (&StackId, &Inventory)| format!("{stack} ({} VPCs)", inventory.vpcs.len());
        self.changed.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}
