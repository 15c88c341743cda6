//! Opens the cases that ask for support plans, and follows them: each is stored before it is opened.

use std::fmt;

use phonehome_cloud::table::{Doc, Key, Table, TableError, Write, key};
use phonehome_cloud::{Class, CloudError, WallClock};

use crate::subject::Subject;
use crate::support::{Case, HELD_MS, SupportApi, SupportBook, SupportStep, decide_support};

/// Partition of what was asked of AWS Support.
pub const SUPPORT: &str = "properties/support";

fn book_key() -> Key {
    key(SUPPORT, "current")
}

/// What people are told of support plans, once each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupportTold {
    /// A case was opened.
    Opened(Case),
    /// It is resolved.
    Resolved(Case),
    /// A person has to ask in its place.
    AskYourself(Case, WhyAsk),
    /// The role may not ask: AWS's message.
    Denied(String),
}

/// Why a person has to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyAsk {
    /// The Support API is for Business Support+ and what is above it, in the management account.
    NoApi,
    /// AWS did not take the case: its message.
    Refused(String),
    /// It was opened several times and is not there.
    NotFound,
}

/// The writes that tell something, in the same transaction as what it is about.
pub type TellSupport<'a> = &'a (dyn Fn(&SupportTold, u64) -> Vec<Write> + Send + Sync);

/// Has the accounts' support plans asked for.
#[derive(Debug)]
pub struct Supporter<A, T, C> {
    api: A,
    table: T,
    clock: C,
}

/// What is stored, and where it came from.
struct Stored {
    book: SupportBook,
    doc: Option<Doc>,
}

impl<A: SupportApi, T: Table, C: WallClock> Supporter<A, T, C> {
    /// One that asks by `api`.
    pub fn new(api: A, table: T, clock: C) -> Self {
        Self { api, table, clock }
    }

    /// Does what is to be done next. Returns when there is something to do, in milliseconds since the Unix epoch; `None`:
    /// nothing until something else is declared. Where nothing is declared nothing is read.
    ///
    /// # Errors
    /// Of the table, or of AWS: it is tried again.
    pub async fn round(
        &self,
        subjects: &[Subject],
        tell: TellSupport<'_>,
    ) -> Result<Option<u64>, SupportError> {
        if subjects.iter().all(|subject| subject.properties.support_plan.is_none()) {
            return Ok(None);
        }
        let doc = self.table.get(&book_key()).await?;
        let book = doc.as_ref().map(Doc::read).transpose()?.unwrap_or_default();
        let mut stored = Stored { book, doc };
        match decide_support(subjects, &stored.book, self.clock.now_ms()) {
            SupportStep::Wait(until_ms) => return Ok(until_ms),
            SupportStep::Open(case) => {
                stored.book.case = Some(case.clone());
                self.open(stored, case, tell).await?;
            }
            SupportStep::Find(case) => self.find(stored, case, tell).await?,
            SupportStep::Follow(case, id) => self.follow(stored, case, &id, tell).await?,
        }
        Ok(Some(self.clock.now_ms()))
    }

    /// Opens a case, once that is stored.
    async fn open(&self, mut stored: Stored, case: Case, tell: TellSupport<'_>) -> Result<(), SupportError> {
        if !self.put(&mut stored, None, tell).await? {
            return Ok(());
        }
        let told = match self.api.open(&case.subject, &case.body()).await {
            Ok(id) => {
                let case = Case { id: Some(id), looked_at_ms: self.clock.now_ms(), ..case };
                stored.book.case = Some(case.clone());
                stored.book.held_until_ms = None;
                SupportTold::Opened(case)
            }
            Err(error) => return self.not_opened(stored, case, error, tell).await,
        };
        self.put(&mut stored, Some(told), tell).await.map(drop)
    }

    async fn not_opened(
        &self,
        mut stored: Stored,
        case: Case,
        error: CloudError,
        tell: TellSupport<'_>,
    ) -> Result<(), SupportError> {
        let said = error.cause.to_string();
        let why = match (error.code(), error.class()) {
            (Some("SubscriptionRequiredException"), _) => WhyAsk::NoApi,
            // So many cases a day: it is looked for, and opened again.
            (Some("CaseCreationLimitExceeded"), _) => return Err(error.into()),
            (_, Class::Denied) => {
                let is_told = stored.book.held_until_ms.is_some();
                stored.book.case = None;
                stored.book.held_until_ms = Some(self.clock.now_ms() + HELD_MS);
                let told = (!is_told).then_some(SupportTold::Denied(said));
                return self.put(&mut stored, told, tell).await.map(drop);
            }
            (_, Class::Invalid) => WhyAsk::Refused(said),
            // It may be there.
            _ => return Err(error.into()),
        };
        stored.book.closed(&case);
        self.put(&mut stored, Some(SupportTold::AskYourself(case, why)), tell).await.map(drop)
    }

    async fn find(&self, mut stored: Stored, case: Case, tell: TellSupport<'_>) -> Result<(), SupportError> {
        let now_ms = self.clock.now_ms();
        if let Some(shown) = self.api.find(&case.subject, case.decided_at_ms).await? {
            let case = Case { id: Some(shown.id), looked_at_ms: now_ms, ..case };
            stored.book.case = Some(case.clone());
            return self.put(&mut stored, Some(SupportTold::Opened(case)), tell).await.map(drop);
        }
        match stored.book.not_found(&case, now_ms) {
            Some(false) => self.put(&mut stored, None, tell).await.map(drop),
            Some(true) => {
                let again = stored.book.case.clone().unwrap_or(case);
                self.open(stored, again, tell).await
            }
            None => {
                stored.book.closed(&case);
                let told = SupportTold::AskYourself(case, WhyAsk::NotFound);
                self.put(&mut stored, Some(told), tell).await.map(drop)
            }
        }
    }

    async fn follow(
        &self,
        mut stored: Stored,
        case: Case,
        id: &str,
        tell: TellSupport<'_>,
    ) -> Result<(), SupportError> {
        let shown = self.api.case(id).await?;
        // AWS keeps cases for a year or two: one that is not there any more is over.
        if shown.is_none_or(|shown| shown.is_resolved) {
            stored.book.closed(&case);
            return self.put(&mut stored, Some(SupportTold::Resolved(case)), tell).await.map(drop);
        }
        stored.book.case = Some(Case { looked_at_ms: self.clock.now_ms(), ..case });
        self.put(&mut stored, None, tell).await.map(drop)
    }

    /// Stores the book, with what is told. Returns whether nobody had written it meanwhile.
    async fn put(
        &self,
        stored: &mut Stored,
        told: Option<SupportTold>,
        tell: TellSupport<'_>,
    ) -> Result<bool, SupportError> {
        let book = Write::over(stored.doc.as_ref(), book_key(), &stored.book);
        let written = book.written();
        let told = told.map(|told| tell(&told, self.clock.now_ms())).unwrap_or_default();
        match self.table.write([vec![book], told].concat()).await {
            Ok(()) => {
                stored.doc = written;
                Ok(true)
            }
            Err(TableError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why a round was not done to its end.
#[derive(Debug, thiserror::Error)]
pub enum SupportError {
    /// The table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// AWS.
    #[error(transparent)]
    Aws(#[from] CloudError),
}

impl fmt::Display for SupportTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(case) => write!(
                f,
                "AWS Support was asked for {}, for {}: \"{}\". phonehome follows the case, and AWS may ask whoever has \
                 access to it",
                case.plan,
                accounts(case),
                case.subject
            ),
            Self::Resolved(case) => write!(
                f,
                "AWS Support has resolved \"{}\". Whether the plan is {} now only its console shows, in the account itself",
                case.subject, case.plan
            ),
            Self::AskYourself(case, why) => {
                match why {
                    WhyAsk::NoApi => f.write_str(
                        "the management account has no plan with which phonehome could ask AWS Support (Business Support+ \
                         or more)",
                    )?,
                    WhyAsk::Refused(said) => write!(f, "AWS Support did not take the case ({said})")?,
                    WhyAsk::NotFound => {
                        f.write_str("AWS Support was asked several times, and shows no such case")?;
                    }
                }
                write!(
                    f,
                    ". Ask for it in the Support Center of the management account, under Account and billing: \"{}\" \
                     phonehome does not ask again",
                    case.body()
                )
            }
            Self::Denied(said) => write!(
                f,
                "phonehome may not call support:CreateCase ({said}): deploy infra/management.yaml again with KeepProperties=true. It tries again \
                 every hour"
            ),
        }
    }
}

fn accounts(case: &Case) -> String {
    let named: Vec<String> = case.accounts.iter().take(5).map(ToString::to_string).collect();
    match case.accounts.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
