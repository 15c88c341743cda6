//! What came of an observation, for those who report it.

use crate::digest::digest;
use crate::progress::Reconciled;
use crate::provision::Job;
use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Suspected, Words};
use phonehome_cloud::CloudError;
use phonehome_network::Inventory;
use phonehome_planner::{Plan, StackSpec};
use phonehome_state::ApiCall;
use phonehome_state::StackStatus;

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
    /// Which incidents may have their cause here.
    pub(crate) suspected: &'a Suspected,
    /// The message about the account, while it is being made and told of.
    pub(crate) account_message: Option<&'a str>,
}

impl Observed<'_> {
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.found.plan.as_ref()
    }

    /// Whether the same was declared when the stack was last found as declared. Not by its phase: an
    /// observation that failed in between changes that.
    pub(crate) fn was_as_declared(&self) -> bool {
        let digest = self.spec.map(digest);
        digest.is_some() && self.before.converged_spec == digest
    }

    /// A message in the channel that hears of this account.
    pub(crate) fn message(&self, incident_id: &str, kind: SlackKind, message: &SlackMessage) -> Outgoing {
        message_of(self.job, incident_id, self.now_ms, kind, message)
    }
}

/// A message about an account, in the channel that hears of it. The same incident's message is edited.
pub(crate) fn message_of(
    job: &Job<'_>,
    incident_id: &str,
    at_ms: u64,
    kind: SlackKind,
    message: &SlackMessage,
) -> Outgoing {
    let body = message.body(job.channel(), kind);
    Outgoing {
        id: format!("{incident_id}/{at_ms}/slack"),
        incident_id: incident_id.to_owned(),
        at_ms,
        sequence: 0,
        body,
    }
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
