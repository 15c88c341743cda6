//! What people expect to hear of a stack besides drift, each once: that its network is ready, that it
//! failed and works again, that phonehome's role lost a right, that changes wait for permission.

use phonehome_executor::StepError;
use std::collections::BTreeSet;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::{Class, CloudError};
use phonehome_executor::StepOutcome;
use phonehome_fleet::Nat;
use phonehome_network::{Address, Tagged as _};
use phonehome_planner::{Plan, StackSpec};
use phonehome_state::Phase;
use phonehome_text::agree;

use crate::observed::{Observed, ask, message_of, place};
use crate::progress::StackProgress;
use crate::provision::Job;
use phonehome_state::{Notice, Notified, Ready, Withheld};

/// How long what a message says is wrong is remembered, in characters.
const ABOUT_MAX: usize = 500;

/// The id of what is reported of a stack from now on.
pub(crate) fn incident(job: &Job<'_>, about: &str, at_ms: u64) -> String {
    format!("{about}/{}/{at_ms}", job.stack())
}

/// What is to be reported of an observation.
pub(crate) fn notify(notified: &mut Notified, observed: &Observed<'_>) -> Vec<Outgoing> {
    let outgoing = [
        is_back(observed),
        failed(notified, observed.job, &observed.found.progress, observed.now_ms),
        denied(notified, observed),
        ready(notified, observed),
        withheld(notified, observed),
    ];
    outgoing.into_iter().flatten().collect()
}

/// An account that was closed, and is no more.
fn is_back(observed: &Observed<'_>) -> Option<Outgoing> {
    let was_gone = observed.before.phase == Phase::Gone;
    let text = Words::of(":information_source: ").then(place(observed.job));
    let text = text.text(" is an active account again: its network is looked after as before.");
    let id = incident(observed.job, "back", observed.now_ms);
    was_gone.then(|| observed.message(&id, SlackKind::Opened, &SlackMessage::new(text)))
}

/// That the network is ready; the same message says so of its way out, when that is.
fn ready(notified: &mut Notified, observed: &Observed<'_>) -> Option<Outgoing> {
    let spec = observed.spec?;
    let (network, egress) = (observed.after.network_ready, observed.after.egress_ready);
    let (kind, thread) = match notified.ready {
        None if network => (SlackKind::Opened, None),
        Some(Ready { egress: false }) if network && egress && spec.nat != Nat::None => {
            (SlackKind::Updated, Some(Words::of("the way out works")))
        }
        _ => return None,
    };
    notified.ready = Some(Ready { egress });
    let headline =
        Words::of(":white_check_mark: The network of ").then(place(observed.job)).text(" is ready");
    let message = SlackMessage::new(headline).section(addresses(observed, spec)).section(ask(observed.job));
    let id = incident(observed.job, "network", observed.after.first_seen_ms);
    let message = message.thread(thread).joining(observed.account_message);
    Some(observed.message(&id, kind, &message))
}

/// Its range, its subnets by zone, and the public addresses that its traffic leaves with.
fn addresses(observed: &Observed<'_>, spec: &StackSpec) -> Words {
    let vpc = observed.after.vpc_id.as_deref().unwrap_or_default();
    let mut words = Words::new().markup("*Addresses* ").code(spec.cidr.to_string()).text(" ").code(vpc);
    for zone in &spec.zones {
        words = words.markup("\n• ").name(&zone.az_id).text(": private ").code(zone.private.to_string());
        words = words.text(", public ").code(zone.public.to_string());
    }
    let ips = public_addresses(observed);
    let way_out = match (spec.nat, observed.after.egress_ready) {
        (Nat::None, _) => Words::of("none is declared"),
        (_, false) => Words::of("on its way; this message says when it works"),
        (_, true) if ips.is_empty() => Words::of("works"),
        (_, true) => {
            ips.iter().fold(Words::of("works; its public addresses:"), |all, ip| all.text(" ").code(ip))
        }
    };
    words.markup("\n*Way out* ").then(way_out)
}

/// Of the NAT gateways. AWS gives a regional one its own, which no description of it shows.
fn public_addresses(observed: &Observed<'_>) -> BTreeSet<String> {
    let Some(seen) = observed.inventory else { return BTreeSet::new() };
    let ours = seen.nat_gateways.iter().filter(|nat| nat.address().is_some());
    let used: BTreeSet<&String> = ours.flat_map(|nat| &nat.allocation_ids).collect();
    let ips = seen.elastic_ips.iter().filter(|ip| used.contains(&ip.allocation_id));
    ips.map(|ip| ip.public_ip.clone()).collect()
}

/// That it failed, once until it works again; and that it does.
pub(crate) fn failed(
    notified: &mut Notified,
    job: &Job<'_>,
    progress: &StackProgress,
    now_ms: u64,
) -> Option<Outgoing> {
    match (progress, notified.failed.clone()) {
        (StackProgress::Converged, Some(notice)) => {
            notified.failed = None;
            let text = Words::of(":white_check_mark: Works again: ").then(place(job));
            Some(over(job, &notice, text, now_ms))
        }
        (StackProgress::Failed(reason), known) => {
            let about = clipped(reason);
            if known.as_ref().is_some_and(|known| known.about == about) {
                return None;
            }
            let kind = if known.is_some() { SlackKind::Updated } else { SlackKind::Opened };
            let incident_id =
                known.map_or_else(|| incident(job, "failed", now_ms), |known| known.incident_id);
            let headline = Words::of(":x: ").then(place(job)).text(" failed: ").text(&about);
            let advice = Words::of(
                "Trying again does not mend this. Its network stays as it is until then; the next sweep looks again.",
            );
            let message = SlackMessage::new(headline).section(advice).section(ask(job));
            let outgoing = message_of(job, &incident_id, now_ms, kind, &message);
            notified.failed = Some(Notice { incident_id, about });
            Some(outgoing)
        }
        _ => None,
    }
}

/// The end of something that was reported.
fn over(job: &Job<'_>, notice: &Notice, text: Words, now_ms: u64) -> Outgoing {
    let was = Words::new().markup("*Was* ").text(&notice.about);
    let message = SlackMessage::new(text).section(was).thread(Some(Words::of("works again")));
    message_of(job, &notice.incident_id, now_ms, SlackKind::Resolved, &message)
}

/// That phonehome's role lacks a right in an account whose network was ready: it had it then.
fn denied(notified: &mut Notified, observed: &Observed<'_>) -> Option<Outgoing> {
    let denial = denial(observed);
    match (denial, notified.denied.clone()) {
        (Some(denial), None) if notified.ready.is_some() => {
            let incident_id = incident(observed.job, "denied", observed.now_ms);
            let role = &observed.job.fleet.organization.member_role;
            let headline = Words::of(":no_entry: ")
                .then(place(observed.job))
                .text(": the role ")
                .code(role)
                .text(" may no longer call ")
                .code(&denial.action)
                .text(". It could before");
            let says = Words::new().markup("*AWS says* ").text(&denial.says);
            let advice = Words::of(
                "What that call is needed for is neither looked at nor repaired until then; nothing is taken away. \
                 See whether the StackSet of infra/member-role.yaml still covers the account with its newest \
                 version, and whether a service control policy or a permissions boundary denies the call.",
            );
            let message =
                SlackMessage::new(headline).section(says).section(advice).section(ask(observed.job));
            let outgoing = observed.message(&incident_id, SlackKind::Opened, &message);
            let about = clipped(&format!("{role} may not call {}", denial.action));
            notified.denied = Some(Notice { incident_id, about });
            Some(outgoing)
        }
        (None, Some(notice)) if observed.plan().is_some() => {
            notified.denied = None;
            let text = Words::of(":white_check_mark: Allowed again: ").then(place(observed.job));
            Some(over(observed.job, &notice, text, observed.now_ms))
        }
        _ => None,
    }
}

struct Denial {
    /// `ec2:DescribeNatGateways`
    action: String,
    says: String,
}

fn denial(observed: &Observed<'_>) -> Option<Denial> {
    let is_denied = |error: &&CloudError| matches!(error.class(), Class::Denied | Class::AccountNotReady);
    let outcomes = observed.found.applied.iter().flat_map(|applied| &applied.outcomes);
    let mut failed = outcomes.filter_map(|(_, outcome)| match outcome {
        StepOutcome::Waiting(error) | StepOutcome::Failed(StepError::Cloud(error)) => Some(error),
        _ => None,
    });
    if let Some(error) = observed.refused.filter(is_denied).or_else(|| failed.find(is_denied)) {
        let says = clipped(&error.cause.to_string());
        return Some(Denial { action: error.operation.to_owned(), says });
    }
    let kinds = observed.spec?.kinds();
    let unseen = observed.inventory?.unseen.iter().find(|kind| kinds.contains(kind))?;
    let says = format!("its answer shows no {}", unseen.plural());
    Some(Denial { action: unseen.operation().to_owned(), says })
}

/// Which changes wait for permission; not what has it and waits until the version is in force. Those that somebody's
/// change by hand made necessary are told with the drift.
fn withheld(notified: &mut Notified, observed: &Observed<'_>) -> Option<Outgoing> {
    // For a newer template nobody's permission is needed, and all accounts are told of together.
    let waits = observed.plan()?.withheld_otherwise().filter(|it| it.needed_template().is_none());
    let by_hand: BTreeSet<&Address> =
        notified.drifts.iter().flat_map(|drift| &drift.lines).map(|line| &line.address).collect();
    let now: BTreeSet<Address> =
        waits.map(|it| it.address.clone()).filter(|address| !by_hand.contains(address)).collect();
    let known = notified.withheld.as_ref().map(|it| it.addresses.clone()).unwrap_or_default();
    let new = now.difference(&known).count();
    let is_over = now.is_empty() && !known.is_empty();
    if new == 0 && !is_over {
        return None;
    }
    let known_id = notified.withheld.as_ref().map(|it| it.incident_id.clone());
    let kind = match (&known_id, is_over) {
        (_, true) => SlackKind::Resolved,
        (None, false) => SlackKind::Opened,
        (Some(_), false) => SlackKind::Updated,
    };
    let incident_id = known_id.unwrap_or_else(|| incident(observed.job, "withheld", observed.now_ms));
    let thread = (kind != SlackKind::Opened).then(|| match is_over {
        true => Words::of("nothing waits for permission any more"),
        false => Words::of(format!("{new} more")),
    });
    let message = withheld_message(observed, &now).thread(thread);
    let outgoing = observed.message(&incident_id, kind, &message);
    notified.withheld = (!is_over).then_some(Withheld { incident_id, addresses: now });
    Some(outgoing)
}

fn withheld_message(observed: &Observed<'_>, addresses: &BTreeSet<Address>) -> SlackMessage {
    if addresses.is_empty() {
        let text =
            Words::of(":white_check_mark: Nothing waits for permission any more: ").then(place(observed.job));
        return SlackMessage::new(text);
    }
    let changes = agree(addresses.len(), "change waits", "changes wait");
    let text =
        Words::of(":raised_hand: ").then(place(observed.job)).text(format!(": {changes} for permission"));
    let held = observed.plan().into_iter().flat_map(Plan::withheld_otherwise);
    let held = held.filter(|it| addresses.contains(&it.address));
    let lines = held
        .map(|it| Words::new().code(it.address.to_string()).text(format!(" {}: {}", it.what(), it.reason)))
        .collect();
    let advice =
        Words::of("What would be done: ").code(format!("phonehome plan --account {}", observed.job.account));
    SlackMessage::new(text).list("", lines).section(advice).section(ask(observed.job))
}

fn clipped(text: &str) -> String {
    text.chars().take(ABOUT_MAX).collect()
}
