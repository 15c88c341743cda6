//! Drift: a stack that was as declared, and no longer is, though nothing else was declared. It is told
//! with what was done about it, and by whom when CloudTrail says so.

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_aws::executor::StepOutcome;
use phonehome_aws::table::{Doc, Table, TableError};
use phonehome_aws::trail::Deed;
use phonehome_network::{Action, Plan, Ref, RefTarget, StackSpec, StackStatus, Step};
use phonehome_state::Keys;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::reconcile::{Job, Provision, Reconciled, now_ms};
use crate::{Deeds, Members};

/// What tells one declared stack from another, whatever its generation. What is known of the peers is a
/// part of it: that one of them came, or has another VPC now, is no drift either.
pub(crate) fn digest(spec: &StackSpec) -> String {
    let mut spec = spec.clone();
    if let Some(probe) = &mut spec.probe {
        probe.generation = 0;
    }
    // The way out is not in the spec's own JSON. The version, as a newer phonehome may want more.
    let body = json!([env!("CARGO_PKG_VERSION"), spec.nat, spec]).to_string();
    Sha256::digest(body).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl<T: Table, M: Members> Provision<T, M> {
    /// What is to be told of what was found: drift, once.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn told(
        &self,
        job: &Job<'_>,
        spec: Option<&StackSpec>,
        before: &StackStatus,
        found: &Reconciled,
    ) -> Result<Vec<Outgoing>, TableError> {
        let (Some(spec), Some(plan)) = (spec, &found.plan) else { return Ok(vec![]) };
        // Not by its phase: a look that failed in between changes that.
        let was_as_declared = before.settled_spec.as_ref() == Some(&digest(spec));
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| is_drift(step, plan, before)).collect();
        if !was_as_declared || steps.is_empty() {
            return Ok(vec![]);
        }
        let doc = self.table.get(&Keys::deeds(job.account, job.region)).await?;
        let deeds = doc.as_ref().map(Doc::read::<Deeds>).transpose()?.unwrap_or_default().deeds;
        let done = |step: &Step| {
            let applied = found.applied.as_ref();
            applied.is_some_and(|applied| {
                let mut outcomes = applied.outcomes.iter();
                outcomes.any(|(it, outcome)| *it == step.address && matches!(outcome, StepOutcome::Done(_)))
            })
        };
        let lines: Vec<Words> = steps.iter().map(|step| line(step, done(step), &deeds)).collect();
        Ok(vec![message(job, lines, before.generation, now_ms())])
    }
}

/// One difference in words: what was found, what was done about it, and who is behind it.
fn line(step: &Step, done: bool, deeds: &[Deed]) -> Words {
    let outcome = if done { "repaired" } else { "not repaired yet" };
    let line = Words::new().code(&step.address.0).text(format!(" {}, {outcome}", step.reason));
    match deeds.iter().rev().find(|deed| explains(deed, step)) {
        Some(deed) => line.text(format!(": {} by {} at {}", deed.event_name, deed.who, deed.when)),
        None => line,
    }
}

/// Whether a step mends something that was as declared. One that was known and waited for permission
/// does not, and neither does the answer to what another account asked for, with its tags and routes.
fn is_drift(step: &Step, plan: &Plan, before: &StackStatus) -> bool {
    let accepted = |id: &String| {
        let accepts =
            |step: &Step| matches!(&step.action, Action::AcceptPeering { peering } if peering == id);
        plan.steps.iter().any(accepts)
    };
    let answers = match &step.action {
        Action::AcceptPeering { .. } => true,
        Action::Tag { resource: Ref::Id(id), .. }
        | Action::CreateRoute { target: RefTarget::Peering(Ref::Id(id)), .. }
        | Action::ReplaceRoute { target: RefTarget::Peering(Ref::Id(id)), .. } => accepted(id),
        _ => false,
    };
    let was_withheld = before.withheld.iter().any(|held| held.starts_with(&format!("{}: ", step.address)));
    !answers && !was_withheld
}

/// Whether a deed is what made this step necessary: it is of the step's kind, and names what the step
/// changes. What the deed itself took away is in no step; then the kind has to do.
fn explains(deed: &Deed, step: &Step) -> bool {
    let address = step.address.0.as_str();
    let kind_fits = match deed.event_name.as_str() {
        "DeleteRoute" | "ReplaceRoute" | "CreateRoute" => {
            address.contains("/default-route") || address.contains("/route/")
        }
        "DisassociateRouteTable" | "ReplaceRouteTableAssociation" | "AssociateRouteTable" => {
            address.starts_with("subnet/") && address.ends_with("/route-table")
        }
        "DeleteNatGateway" => address.starts_with("nat-gateway/") || address.ends_with("/default-route"),
        "DeleteSubnet" => address.starts_with("subnet/"),
        "DeleteRouteTable" => address.starts_with("route-table/"),
        "DetachInternetGateway" | "DeleteInternetGateway" => address.starts_with("internet-gateway"),
        "ReleaseAddress" => address.starts_with("elastic-ip/"),
        "DeleteVpcEndpoints" | "ModifyVpcEndpoint" => address.starts_with("endpoint/"),
        "DeleteFlowLogs" => address.starts_with("flow-log"),
        "DeleteVpcPeeringConnection" => address.starts_with("peering/"),
        "DeleteTags" | "CreateTags" => address.ends_with("/tags"),
        "ModifyVpcAttribute" => address.starts_with("vpc/dns"),
        "ModifySubnetAttribute" => address.ends_with("/public-ip-on-launch"),
        name if name.contains("NetworkAcl") => address.starts_with("network-acl/"),
        name if name.contains("SecurityGroup") => address.starts_with("security-group/"),
        _ => false,
    };
    let about = json!(step).to_string();
    let names_it = deed.resource_ids.iter().any(|id| about.contains(id.as_str()));
    // Whoever deletes a part of something else names that, and it is still there.
    let is_of_a_part =
        ["DeleteRoute", "DeleteTags", "DeleteNetworkAclEntry"].contains(&deed.event_name.as_str());
    let is_removal =
        ["Delete", "Release", "Disassociate", "Detach"].iter().any(|verb| deed.event_name.starts_with(verb));
    kind_fits && (names_it || (is_removal && !is_of_a_part))
}

fn message(job: &Job<'_>, lines: Vec<Words>, generation: u64, at_ms: u64) -> Outgoing {
    let differences = if lines.len() == 1 { "difference" } else { "differences" };
    let headline = Words::of(":wrench: ").name(&job.member.account_name).text(format!(
        " ({}) had drifted from what is declared: {} {differences}",
        job.region,
        lines.len()
    ));
    let incident_id = format!("drift/{}/{}/{generation}", job.account, job.region);
    let channel = &job.fleet.route_for(&job.member.environment, &job.member.domain).slack_channel;
    let body = SlackMessage::new(headline).list("", lines).body(channel, SlackKind::Opened);
    Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms, body }
}

#[cfg(test)]
mod tests;
