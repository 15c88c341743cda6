//! Support plans: AWS has no API that changes the plan of a member account, nor one that shows it. The case that asks for
//! it is opened once, and followed until AWS resolves it; where the Support API is not to be had, a person is asked once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use phonehome_cloud::CloudError;
use phonehome_fleet::SupportPlan;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::subject::Subject;

/// How many accounts one case is about, at most: its text may have 8,000 characters, and an account takes 14.
pub(crate) const ACCOUNTS_MAX: usize = 200;

/// For how long an answer of `CreateCase` is waited for before its case is looked for, in milliseconds.
const ANSWER_MS: u64 = 60_000;

/// How long AWS's list of cases may lack one that was just opened, in milliseconds; its pages name no number.
const SETTLED_MS: u64 = 5 * 60_000;

/// How often a case is looked at, in milliseconds: people answer it.
const FOLLOW_MS: u64 = 60 * 60_000;

/// How often it is opened before a person is asked.
pub(crate) const ASKS_MAX: u32 = 3;

/// What the role may not do is tried again after this, in milliseconds.
pub(crate) const HELD_MS: u64 = 60 * 60_000;

/// A case as AWS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCase {
    /// Its id, `case-123456789012-muen-2026-…`.
    pub id: String,
    /// Whether it is resolved.
    pub is_resolved: bool,
}

/// The calls of AWS Support.
pub trait SupportApi: Send + Sync {
    /// `CreateCase`, about accounts, of the lowest severity. Returns its id. Whoever implements it does not try again.
    ///
    /// # Errors
    /// [`CloudError`]
    fn open(&self, subject: &str, body: &str) -> impl Future<Output = Result<String, CloudError>> + Send;
    /// `DescribeCases`: the one with this subject, resolved or not, that was opened after a time; milliseconds since the
    /// Unix epoch.
    ///
    /// # Errors
    /// [`CloudError`]
    fn find(
        &self,
        subject: &str,
        after_ms: u64,
    ) -> impl Future<Output = Result<Option<ShownCase>, CloudError>> + Send;
    /// `DescribeCases`: the one of an id, resolved or not.
    ///
    /// # Errors
    /// [`CloudError`]
    fn case(&self, id: &str) -> impl Future<Output = Result<Option<ShownCase>, CloudError>> + Send;
}

/// What was asked for. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportBook {
    /// Which plan each account was asked to have last, of AWS or of a person. AWS does not show which it has.
    #[serde(default)]
    pub asked: BTreeMap<AccountId, SupportPlan>,
    /// The case that is under way; there is one at a time.
    #[serde(default)]
    pub case: Option<Case>,
    /// Until when nothing is asked, for the role may not: that was told.
    #[serde(default)]
    pub held_until_ms: Option<u64>,
}

/// A case that asks for a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its subject, by which it is found: no two have the same.
    pub subject: String,
    /// The plan.
    pub plan: SupportPlan,
    /// The accounts that are to have it.
    pub accounts: BTreeSet<AccountId>,
    /// When it was first decided on.
    pub decided_at_ms: u64,
    /// When AWS was asked last.
    pub asked_at_ms: u64,
    /// How often.
    pub asks: u32,
    /// Its id, once AWS said it.
    pub id: Option<String>,
    /// When it was last looked at.
    pub looked_at_ms: u64,
}

impl Case {
    /// What AWS, or a person who asks AWS, is to read.
    #[must_use]
    pub fn body(&self) -> String {
        let accounts: Vec<&str> = self.accounts.iter().map(AccountId::as_str).collect();
        format!(
            "Please change the AWS Support plan of these accounts of our organization to {}: {}.",
            self.plan,
            accounts.join(", ")
        )
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupportStep {
    /// Store this case, and then open it.
    Open(Case),
    /// Look for it, for nobody heard of it.
    Find(Case),
    /// See what became of it.
    Follow(Case, String),
    /// Nothing before this time, in milliseconds since the Unix epoch; `None`: nothing.
    Wait(Option<u64>),
}

/// Decides.
#[must_use]
pub fn decide_support(subjects: &[Subject], book: &SupportBook, now_ms: u64) -> SupportStep {
    if let Some(until_ms) = book.held_until_ms.filter(|until_ms| now_ms < *until_ms) {
        return SupportStep::Wait(Some(until_ms));
    }
    let Some(case) = &book.case else {
        return new_case(subjects, book, now_ms).map_or(SupportStep::Wait(None), SupportStep::Open);
    };
    let looked_ms = case.looked_at_ms;
    let (due_ms, step) = match &case.id {
        Some(id) => (looked_ms + FOLLOW_MS, SupportStep::Follow(case.clone(), id.clone())),
        None => (case.asked_at_ms.max(looked_ms) + ANSWER_MS, SupportStep::Find(case.clone())),
    };
    if due_ms <= now_ms { step } else { SupportStep::Wait(Some(due_ms)) }
}

/// The case for the first plan that accounts are to be asked for.
fn new_case(subjects: &[Subject], book: &SupportBook, now_ms: u64) -> Option<Case> {
    let mut wanted: BTreeMap<SupportPlan, BTreeSet<AccountId>> = BTreeMap::new();
    for subject in subjects {
        let Some(plan) = subject.properties.support_plan.map(|plan| plan.offered(now_ms)) else { continue };
        // Every account has the basic plan.
        let asked = book.asked.get(&subject.account).copied().unwrap_or(SupportPlan::Basic);
        if asked.offered(now_ms) != plan {
            wanted.entry(plan).or_default().insert(subject.account.clone());
        }
    }
    let (plan, accounts) = wanted.pop_first()?;
    let accounts: BTreeSet<AccountId> = accounts.into_iter().take(ACCOUNTS_MAX).collect();
    let first = accounts.first()?;
    let mark = Sha256::digest(format!("{plan} {first} {now_ms}"));
    let mark: String = mark.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let subject = format!("{plan} for {} (phonehome {mark})", phrase(&accounts));
    let (asked_at_ms, looked_at_ms) = (now_ms, now_ms);
    Some(Case {
        subject,
        plan,
        accounts,
        decided_at_ms: now_ms,
        asked_at_ms,
        asks: 1,
        id: None,
        looked_at_ms,
    })
}

fn phrase(accounts: &BTreeSet<AccountId>) -> String {
    match accounts.first() {
        Some(first) if accounts.len() == 1 => format!("account {first}"),
        _ => format!("{} accounts", accounts.len()),
    }
}

impl SupportBook {
    /// After a case is over, or a person asks in its place.
    pub(crate) fn closed(&mut self, case: &Case) {
        self.asked.extend(case.accounts.iter().map(|account| (account.clone(), case.plan)));
        self.case = None;
        self.held_until_ms = None;
    }

    /// After a case was looked for and is not there: it is opened again, but not for ever. `None`: a person has to.
    pub(crate) fn not_found(&mut self, case: &Case, now_ms: u64) -> Option<bool> {
        let looked = Case { looked_at_ms: now_ms, ..case.clone() };
        if now_ms < case.asked_at_ms + SETTLED_MS {
            self.case = Some(looked);
            return Some(false);
        }
        if case.asks >= ASKS_MAX {
            return None;
        }
        self.case = Some(Case { asks: case.asks + 1, asked_at_ms: now_ms, ..looked });
        Some(true)
    }
}
