//! What AWS could not do with an account, and what is true of the account then.

use phonehome_alerting::{Words, stable_id};
use phonehome_wire::AccountId;
use serde_json::Value;

/// What could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undone {
    /// Organizations: make an account.
    Creation,
    /// Organizations: close one.
    Closure,
    /// Control Tower: make an account, or take one over.
    Enrolment,
    /// Control Tower: bring an account that it looks after up to date. A retry of a failed
    /// [`Undone::Enrolment`] is one too.
    Update,
}

/// What AWS could not do with an account. The texts are AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    undone: Undone,
    /// The account's 12-digit id, if there is an account.
    pub(crate) account: Option<AccountId>,
    name: Option<String>,
    /// AWS's code or message: `EMAIL_ALREADY_EXISTS`.
    reason: String,
    /// AWS's id of the request, `car-…`; or when it was requested.
    pub(crate) request: String,
}

impl Failure {
    /// Reads the status in an event of AWS.
    pub(crate) fn read(undone: Undone, status: &Value, account: Option<AccountId>) -> Self {
        let first = |places: [&str; 2]| {
            let mut texts = places.iter().filter_map(|place| status.pointer(place)?.as_str());
            texts.find(|text| !text.is_empty()).map(str::to_owned)
        };
        // Organizations masks the name.
        let name =
            first(["/account/accountName", "/accountName"]).filter(|name| !name.trim_matches('*').is_empty());
        Self {
            undone,
            account,
            name,
            reason: first(["/message", "/failureReason"]).unwrap_or_else(|| "no reason given".to_owned()),
            request: first(["/id", "/requestedTimestamp"]).unwrap_or_else(|| "unknown".to_owned()),
        }
    }

    /// Whether Organizations was asked for an account, and made none.
    pub(crate) fn is_creation(&self) -> bool {
        self.undone == Undone::Creation
    }

    /// Says what was not done, why, and what is true of the account.
    pub(crate) fn words(&self) -> Words {
        let (who, verb) = match self.undone {
            Undone::Creation => ("AWS could not create ", "an account"),
            Undone::Closure => ("AWS could not close ", "an account"),
            Undone::Enrolment => ("Control Tower could not create ", "an account"),
            Undone::Update => ("Control Tower could not update ", "an account"),
        };
        let what = match (&self.name, &self.account) {
            (Some(name), Some(id)) => Words::new().name(name).text(format!(" ({id})")),
            (Some(name), None) => Words::new().name(name),
            (None, Some(id)) => Words::of(id),
            (None, None) => Words::of(verb),
        };
        let reason = self.reason.trim_end_matches('.');
        let reason = Words::of(": ").text(clipped(reason)).text(". ");
        Words::of(":warning: ").text(who).then(what).then(reason).text(self.what_is_true())
    }

    fn what_is_true(&self) -> &'static str {
        match (self.undone, &self.account) {
            (Undone::Update, Some(_)) => "Its network is as before.",
            (Undone::Closure, Some(_)) => "It is open, and its network is as before.",
            (Undone::Update | Undone::Closure, None) => "AWS names no account id; no network was changed.",
            (Undone::Creation | Undone::Enrolment, Some(_)) => {
                "There is an account all the same: if the fleet file has it, it gets its network."
            }
            (Undone::Creation | Undone::Enrolment, None) => "Nothing was provisioned.",
        }
    }

    /// The same for the same event, however often it comes.
    pub(crate) fn incident_id(&self) -> String {
        let Self { undone, account, name, request, .. } = self;
        let (account, name) = (account.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default());
        format!("account-failure/{}", stable_id(&[&format!("{undone:?}"), account, name, request]))
    }
}

/// AWS's messages may be long.
fn clipped(text: &str) -> String {
    const REASON_MAX: usize = 500;
    text.chars().take(REASON_MAX).chain((text.chars().count() > REASON_MAX).then_some('…')).collect()
}
