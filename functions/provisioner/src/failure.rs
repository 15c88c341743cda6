//! What AWS could not do with an account, and what is true of the account then.

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words, stable_id};
use phonehome_cloud::table::{Expect, Table, TableError, Write};
use phonehome_cloud::{Organization, Queue};
use phonehome_fleet::Fleet;
use phonehome_provision::Members;
use phonehome_runtime::{Refusal, now_ms};
use phonehome_state::{Keys, Outboxed, bindings};
use serde_json::Value;

use crate::event::Reconcile;
use crate::handler::{Provisioner, later, table_error};

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
    account: Option<String>,
    name: Option<String>,
    /// AWS's code or message: `EMAIL_ALREADY_EXISTS`.
    reason: String,
    /// AWS's id of the request, `car-…`; or when it was requested.
    request: String,
}

impl Failure {
    /// Reads the status in an event of AWS.
    pub(crate) fn read(undone: Undone, status: &Value, account: Option<String>) -> Self {
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

    /// Says what was not done, why, and what is true of the account.
    fn words(&self) -> Words {
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
    fn incident_id(&self) -> String {
        let Self { undone, account, name, request, .. } = self;
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        format!(
            "account-failure/{}",
            stable_id(&[&format!("{undone:?}"), &text(account), &text(name), request])
        )
    }
}

/// AWS's messages may be long.
fn clipped(text: &str) -> String {
    const REASON_MAX: usize = 500;
    text.chars().take(REASON_MAX).chain((text.chars().count() > REASON_MAX).then_some('…')).collect()
}

impl<T: Table, Q: Queue, O: Organization, M: Members> Provisioner<T, Q, O, M> {
    /// Says in Slack what AWS could not do, nobody else would; and has the account observed, if there is
    /// one: the event is a hint, whatever it says.
    pub(crate) async fn failed(&self, failure: &Failure) -> Result<(), Refusal> {
        tracing::error!(?failure, "AWS could not do something with an account");
        self.metrics.count("AccountCreationFailed", 1);
        let fleet = self.fleet().await?;
        let channel = self.channel_of(&fleet, failure.account.as_deref()).await?;
        let message = SlackMessage::new(failure.words()).footer(Words::of("Request ").code(&failure.request));
        let (at_ms, incident_id) = (now_ms(), failure.incident_id());
        let body = message.body(&channel, SlackKind::Opened);
        // The same event twice edits the one message: the notifier knows it by the incident's id.
        let outgoing = Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms, body };
        let key = Keys::outbox(at_ms, &outgoing.id);
        let write = Write::put(key, Expect::Absent, &Outboxed::new(outgoing));
        match self.provision.table.write(vec![write]).await {
            Ok(()) | Err(TableError::Conflict { .. }) => {}
            Err(error) => return Err(table_error(error)),
        }
        match failure.account.clone() {
            Some(account) => self.send(&Reconcile { account, ..Reconcile::default() }, 0).await,
            None => Ok(()),
        }
    }

    /// Where an account is notified of: its own route, or the last one, which takes everything.
    async fn channel_of(&self, fleet: &Fleet, account: Option<&str>) -> Result<String, Refusal> {
        let last = fleet.alert_routes.last().map(|route| route.slack_channel.clone()).unwrap_or_default();
        let Some(id) = account else { return Ok(last) };
        let bindings = bindings(&self.provision.table).await.map_err(table_error)?;
        let member = match fleet.member_for(id, &bindings) {
            Some(member) => Some(member),
            None => {
                let account = self.organization.account(id).await.map_err(later)?;
                account.and_then(|account| fleet.named(id, &account.name))
            }
        };
        Ok(member.map_or(last, |it| fleet.route_for(&it.environment, &it.domain).slack_channel.clone()))
    }
}
