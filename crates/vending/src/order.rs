//! What is known of the account that a line is to get: the order, of which there is one for each line.
//!
//! It is stored before Organizations is asked for the first time, and with it the e-mail address, which is never worked
//! out again. AWS has no two accounts with one address, so whatever is lost and asked again, a line gets one account.

use phonehome_fleet::Line;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::failure::FailureReason;
use crate::request::{Outcome, Request, RequestId};

/// For how long an answer of Organizations' is waited for, in milliseconds, before it counts as lost and the account is
/// looked for. Longer than a call with its retries may take.
pub const ANSWER_MS: u64 = 60_000;

/// How soon after an order says that Organizations is being asked the call must begin, in milliseconds: who was stopped
/// for longer makes none, for somebody else may have taken the order over meanwhile.
pub const ASK_WITHIN_MS: u64 = 10_000;

/// How long Organizations' lists may lack what was just made, in milliseconds. Its pages name no number ("eventually
/// consistent"); a request that was on its way for a minute is included.
pub const SETTLED_MS: u64 = 5 * 60_000;

/// How often an account is asked for before people have to look. What was surely not begun does not count.
pub const ASKS_MAX: u32 = 8;

/// How long an account is not asked for again after AWS failed to make it, in milliseconds, times the number of
/// requests.
const AGAIN_MS: u64 = 60_000;

/// The account that a line is to get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The line, as it was called when the order was placed.
    pub line: Line,
    /// The e-mail address of the account's root user.
    pub email: String,
    /// The account's name in the request.
    pub account_name: String,
    /// When it was placed; milliseconds since the Unix epoch.
    pub placed_at_ms: u64,
    /// How often Organizations was asked for it and may have begun.
    pub asks: u32,
    /// When that was permitted by which it was placed; milliseconds since the Unix epoch. By the clock of whoever
    /// published, which may be ahead of this one's.
    #[serde(default)]
    pub permitted_at_ms: u64,
    /// How far it is.
    pub state: OrderState,
}

/// How far an order is. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Organizations is being asked, or was and nobody heard the answer.
    Asking {
        /// Since when.
        since_ms: u64,
    },
    /// Nothing of it is under way at Organizations. It is asked again.
    Waiting {
        /// When, at the earliest.
        until_ms: u64,
    },
    /// Organizations makes the account.
    Creating {
        /// Its request.
        request: RequestId,
        /// Since when.
        since_ms: u64,
    },
    /// The account may be there: it is looked for.
    Searching {
        /// Why.
        cause: SearchCause,
        /// Since when.
        since_ms: u64,
    },
    /// The account is there.
    Made {
        /// Its 12-digit id.
        account: AccountId,
        /// Since when.
        at_ms: u64,
    },
    /// It is not asked for again until people have put something right and permitted it anew.
    Stopped {
        /// Why.
        stop: Stop,
        /// Since when.
        at_ms: u64,
    },
}

/// Why an account is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchCause {
    /// An answer was lost, or the request is not known to Organizations.
    Unheard,
    /// An account has the e-mail address.
    EmailExists,
    /// A request with the same e-mail address is under way.
    Concurrent,
    /// AWS failed, maybe after it had made the account.
    Failed,
}

/// Why an order is stopped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Organizations could not make the account.
    Failed(FailureReason),
    /// Organizations does not take the request: AWS's message.
    Refused(String),
    /// An account outside the organization, or one that was closed, has the e-mail address.
    EmailTaken,
    /// The organization's account with the e-mail address is closed, or being closed.
    Closed(AccountId),
    /// The organization's account with the e-mail address is another line, or was made for one.
    OtherLine {
        /// The account.
        account: AccountId,
        /// That line.
        line: Line,
    },
    /// [`ASKS_MAX`] requests, and no account.
    TooOften,
}

impl Stop {
    /// Whether it is certain that no account is or will be made for the line with this e-mail address, so that another
    /// address may take its place.
    #[must_use]
    pub fn frees_email(&self) -> bool {
        match self {
            Self::Failed(reason) => {
                matches!(reason, FailureReason::InvalidEmail | FailureReason::GovcloudAccountAlreadyExists)
            }
            Self::Refused(_) | Self::EmailTaken | Self::Closed(_) | Self::OtherLine { .. } => true,
            Self::TooOften => false,
        }
    }

    /// Whether nothing but another address makes it go on: asked for with the same one, it would stop again.
    #[must_use]
    pub fn needs_other_email(&self) -> bool {
        self.frees_email() && !matches!(self, Self::Refused(_))
    }
}

impl Order {
    /// A new order, for which Organizations is asked now. By which permission says [`Order::by`].
    pub fn place(line: Line, email: String, account_name: String, now_ms: u64) -> Self {
        let state = OrderState::Asking { since_ms: now_ms };
        Self { line, email, account_name, placed_at_ms: now_ms, asks: 1, permitted_at_ms: 0, state }
    }

    /// The same, placed by what was permitted at this time; milliseconds since the Unix epoch.
    #[must_use]
    pub fn by(self, permitted_at_ms: u64) -> Self {
        Self { permitted_at_ms, ..self }
    }

    /// Whether it stopped, and what was permitted at this time says that it goes on. One permission places it once, however
    /// far the clocks are apart.
    #[must_use]
    pub fn is_permitted_anew(&self, permitted_at_ms: u64) -> bool {
        self.stopped_at_ms().is_some_and(|stopped_at_ms| permitted_at_ms > stopped_at_ms)
            && permitted_at_ms != self.permitted_at_ms
    }

    /// When it stopped; milliseconds since the Unix epoch.
    #[must_use]
    pub fn stopped_at_ms(&self) -> Option<u64> {
        match self.state {
            OrderState::Stopped { at_ms, .. } => Some(at_ms),
            _ => None,
        }
    }

    /// Whether its line may still get an account by it which it is not yet.
    #[must_use]
    pub fn may_bring_an_account(&self) -> bool {
        match &self.state {
            OrderState::Waiting { .. } => self.asks > 0,
            OrderState::Stopped { stop, .. } => !stop.frees_email(),
            _ => true,
        }
    }

    /// The account, once it is there.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        match &self.state {
            OrderState::Made { account, .. } => Some(account),
            _ => None,
        }
    }

    /// Whether it is known neither that the account is there nor that it is not.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.state {
            OrderState::Asking { .. } | OrderState::Creating { .. } | OrderState::Searching { .. } => true,
            OrderState::Waiting { .. } | OrderState::Made { .. } | OrderState::Stopped { .. } => false,
        }
    }

    /// Whether Organizations may be making the account at this moment: it is one of those that may be made at a time.
    #[must_use]
    pub fn may_be_in_progress(&self) -> bool {
        let is_over = |cause| matches!(cause, SearchCause::EmailExists | SearchCause::Failed);
        match self.state {
            OrderState::Searching { cause, .. } => !is_over(cause),
            _ => self.is_open(),
        }
    }

    /// Whether this is its e-mail address. AWS tells no two apart by large and small letters.
    #[must_use]
    pub fn has_email(&self, email: &str) -> bool {
        self.email.eq_ignore_ascii_case(email)
    }

    /// The same, asked for once more, with the same e-mail address.
    #[must_use]
    pub fn again(&self, now_ms: u64) -> Self {
        Self { asks: self.asks + 1, ..self.at(OrderState::Asking { since_ms: now_ms }) }
    }

    /// The same, permitted anew after it was stopped: with `email` where its own one is certainly nobody's of this
    /// line, and else with its own.
    #[must_use]
    pub fn anew(&self, stop: &Stop, email: &str, now_ms: u64) -> Self {
        // A refusal says nothing of a request before it that nobody heard of.
        let is_free = stop.frees_email() && (self.asks <= 1 || !matches!(stop, Stop::Refused(_)));
        let email = if is_free { email } else { &self.email };
        let state = OrderState::Asking { since_ms: now_ms };
        Self { asks: 1, email: email.to_owned(), placed_at_ms: now_ms, state, ..self.clone() }
    }

    /// After Organizations took the request.
    #[must_use]
    pub fn taken(&self, request: &Request, now_ms: u64) -> Self {
        let id = request.id.clone();
        self.at(OrderState::Creating { request: id, since_ms: now_ms }).heard(&request.outcome, now_ms)
    }

    /// After Organizations did surely not begin.
    #[must_use]
    pub fn not_begun(&self, until_ms: u64) -> Self {
        Self { asks: self.asks.saturating_sub(1), ..self.at(OrderState::Waiting { until_ms }) }
    }

    /// After Organizations said what became of its own request.
    #[must_use]
    pub fn heard(&self, outcome: &Outcome, now_ms: u64) -> Self {
        match outcome {
            Outcome::InProgress => self.clone(),
            Outcome::Succeeded(account) => self.made(account.clone(), now_ms),
            Outcome::Failed(reason) => match reason {
                FailureReason::EmailAlreadyExists => self.searching(SearchCause::EmailExists, now_ms),
                FailureReason::ConcurrentAccountModification => {
                    self.searching(SearchCause::Concurrent, now_ms)
                }
                FailureReason::InternalFailure => self.searching(SearchCause::Failed, now_ms),
                other => self.stopped(Stop::Failed(other.clone()), now_ms),
            },
        }
    }

    /// The account is to be looked for.
    #[must_use]
    pub fn searching(&self, cause: SearchCause, now_ms: u64) -> Self {
        self.at(OrderState::Searching { cause, since_ms: now_ms })
    }

    /// The account is there.
    #[must_use]
    pub fn made(&self, account: AccountId, now_ms: u64) -> Self {
        self.at(OrderState::Made { account, at_ms: now_ms })
    }

    /// It goes on when people say so.
    #[must_use]
    pub fn stopped(&self, stop: Stop, now_ms: u64) -> Self {
        self.at(OrderState::Stopped { stop, at_ms: now_ms })
    }

    /// After the account was looked for, in lists that were read after `now_ms`, and is not there.
    #[must_use]
    pub fn not_found(&self, now_ms: u64) -> Self {
        let (cause, since_ms) = match self.state {
            OrderState::Asking { since_ms } => (SearchCause::Unheard, since_ms),
            OrderState::Searching { cause, since_ms } => (cause, since_ms),
            _ => return self.clone(),
        };
        match cause {
            // Somebody has the address, or will have it: of these the lists may know nothing yet.
            SearchCause::EmailExists | SearchCause::Concurrent if now_ms < since_ms + SETTLED_MS => {
                self.clone()
            }
            SearchCause::EmailExists => self.stopped(Stop::EmailTaken, now_ms),
            SearchCause::Failed if self.asks >= ASKS_MAX => {
                self.stopped(Stop::Failed(FailureReason::InternalFailure), now_ms)
            }
            _ if self.asks >= ASKS_MAX => self.stopped(Stop::TooOften, now_ms),
            SearchCause::Unheard => self.at(OrderState::Waiting { until_ms: now_ms }),
            SearchCause::Concurrent | SearchCause::Failed => {
                self.at(OrderState::Waiting { until_ms: now_ms + AGAIN_MS * u64::from(self.asks) })
            }
        }
    }

    fn at(&self, state: OrderState) -> Self {
        Self { state, ..self.clone() }
    }
}
