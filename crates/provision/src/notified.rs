//! What has been notified of a stack, so that each thing is reported once.

use std::collections::{BTreeMap, BTreeSet};

use crate::cloudtrail::ApiCall;
use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::CloudError;
use phonehome_network::{Address, Inventory};
use phonehome_planner::{Plan, StackSpec};
use phonehome_state::StackStatus;
use serde::{Deserialize, Serialize};

use crate::drift::Drift;
use crate::progress::Reconciled;
use crate::provision::Job;
use crate::{drift, notices};

/// What has been notified of one account in one Region. It is written together with the status and with the
/// messages, so whatever is in here was told, and once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notified {
    /// What was not as declared at the last observation: what else differs at the next one was changed since.
    pub open: BTreeMap<Address, Open>,
    /// The ids of the stack's resources at the last observation: what somebody has deleted is known by them.
    pub ids: BTreeMap<Address, String>,
    /// The messages about changes by hand that may still be completed, the oldest first.
    pub drifts: Vec<Drift>,
    /// That the network is ready; and whether its way out is said to be, too.
    pub ready: Option<Ready>,
    /// That it failed, until it works again.
    pub failed: Option<Notice>,
    /// That phonehome's role lacks a right that it had, until it has it again.
    pub denied: Option<Notice>,
    /// Which changes wait for permission, until none does.
    pub withheld: Option<Withheld>,
}

/// Something that is not as declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Open {
    /// What was found there, to tell one difference from another; empty for what is only waited for.
    pub found: String,
    /// It was mended: should it differ again, somebody has changed it again.
    pub mended: bool,
    /// It was as declared before, and nobody was told that it is not: there is nothing to do about it yet.
    #[serde(rename = "untold")]
    pub unnotified: bool,
}

/// That the network is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// And its way out.
    pub egress: bool,
}

/// A message that is about something which goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The incident that its message belongs to.
    pub incident_id: String,
    /// What it says is wrong, in short.
    pub about: String,
}

/// The message about changes that wait for permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The incident that the message belongs to.
    pub incident_id: String,
    /// Which changes it has named.
    pub addresses: BTreeSet<Address>,
}

/// What came of an observation, as far as it is reported.
pub(crate) struct Observed<'a> {
    pub(crate) job: &'a Job<'a>,
    pub(crate) spec: Option<&'a StackSpec>,
    /// The status before it.
    pub(crate) before: &'a StackStatus,
    /// And after it.
    pub(crate) after: &'a StackStatus,
    pub(crate) found: &'a Reconciled,
    /// What was seen, when it came to that.
    pub(crate) inventory: Option<&'a Inventory>,
    /// Why nothing could be seen.
    pub(crate) refused: Option<&'a CloudError>,
    /// When was looked; milliseconds since the Unix epoch.
    pub(crate) seen_ms: u64,
    /// Now.
    pub(crate) now_ms: u64,
    /// Who changed something lately.
    pub(crate) change_log: &'a [ApiCall],
}

impl Observed<'_> {
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.found.plan.as_ref()
    }

    /// Whether the same was declared when the stack was last found as declared. Not by its phase: an
    /// observation that failed in between changes that.
    pub(crate) fn was_as_declared(&self) -> bool {
        let digest = self.spec.map(drift::digest);
        digest.is_some() && self.before.converged_spec == digest
    }

    /// A message in the channel that hears of this account.
    pub(crate) fn message(&self, incident_id: &str, kind: SlackKind, message: &SlackMessage) -> Outgoing {
        message_of(self.job, incident_id, self.now_ms, kind, message)
    }
}

/// What is to be reported of an observation, and what has been reported then. `told` is `None` for a stack
/// that an older version looked after: what is so already is no news.
pub(crate) fn notify(notified: Option<Notified>, observed: &Observed<'_>) -> (Notified, Vec<Outgoing>) {
    let mut notified = notified.unwrap_or_else(|| of_old(observed));
    let mut outgoing = drift::notify(&mut notified, observed);
    outgoing.extend(notices::notify(&mut notified, observed));
    (notified, outgoing)
}

fn of_old(observed: &Observed<'_>) -> Notified {
    let ready = observed.before.network_ready.then_some(Ready { egress: observed.before.egress_ready });
    let was_withheld = !observed.before.withheld.is_empty();
    let held =
        observed.plan().filter(|_| was_withheld).map(|plan| plan.withheld.as_slice()).unwrap_or_default();
    let open = held.iter().map(|it| (it.address.clone(), Open::default())).collect();
    let addresses: BTreeSet<Address> = held.iter().map(|it| it.address.clone()).collect();
    let withheld = (!addresses.is_empty()).then(|| Withheld {
        incident_id: notices::incident(observed.job, "withheld", observed.now_ms),
        addresses,
    });
    Notified { open, ready, withheld, ..Notified::default() }
}

/// A message about an account, in the channel that hears of it. The same incident's message is edited.
pub(crate) fn message_of(
    job: &Job<'_>,
    incident_id: &str,
    at_ms: u64,
    kind: SlackKind,
    message: &SlackMessage,
) -> Outgoing {
    let channel = &job.fleet.route_for(&job.member.environment, &job.member.domain).slack_channel;
    let body = message.body(channel, kind);
    Outgoing { id: format!("{incident_id}/{at_ms}/slack"), incident_id: incident_id.to_owned(), at_ms, body }
}

/// `shop-dev (444455556666) in us-east-1`
pub(crate) fn place(job: &Job<'_>) -> Words {
    let name = Words::new().name(&job.member.account_name);
    name.text(format!(" ({}) in {}", job.account, job.region))
}

/// Whom to ask about the account.
pub(crate) fn ask(job: &Job<'_>) -> Words {
    let owner = phonehome_alerting::Owner {
        team: job.member.owner.clone(),
        channel: job.member.owner_channel.clone(),
    };
    Words::new().markup("*Ask* ").text(owner.to_string()).text(" about ").name(&job.member.account_name)
}
