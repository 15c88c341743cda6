//! Drift: a stack that was as declared, and no longer is, though nothing else was declared. It is told
//! with what was done about it, and by whom when CloudTrail says so.
//!
//! Every change is reported once. What differs at an observation and did not at the one before was changed in
//! between, and so was what differs again though it was mended. CloudTrail's event may come minutes later:
//! then the message that is there is completed.

mod attribution;
mod line;

use std::collections::BTreeMap;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_network::{Address, Inventory};
use phonehome_planner::{Action, Change, Plan, Ref, RefTarget, Step};
use phonehome_state::{Drift, Line, Notified, Open, Phase, Repair, findings};
use phonehome_text::count;

use crate::observed::{Observed, ask};
use attribution::{assign, is_named_by_news};

/// How many differences of one message are remembered, of how many messages: DynamoDB takes 400 KB.
const LINES_MAX: usize = 10;
const DRIFTS_MAX: usize = 20;
/// For how long a message is completed, in milliseconds: CloudTrail's events are kept as long.
const COMPLETED_MS: u64 = 75 * 60_000;
/// For how long one is that says of something that it is not repaired, in milliseconds: a week.
const REPAIRED_MS: u64 = 7 * 24 * 60 * 60_000;

/// What is to be reported of changes by hand.
pub(crate) fn notify(notified: &mut Notified, observed: &Observed<'_>) -> Vec<Outgoing> {
    let mut drifts = std::mem::take(&mut notified.drifts);
    let before = drifts.clone();
    if let Some(plan) = observed.plan() {
        let lines = news(notified, &drifts, observed, plan);
        for line in drifts.iter_mut().flat_map(|drift| &mut drift.lines) {
            line::note_repair(line, plan, observed.found.applied.as_ref());
        }
        if !lines.is_empty() {
            drifts.push(drift(lines, observed));
        }
        remember(notified, observed, plan);
    }
    assign(&mut drifts, observed.change_log);
    let changed = drifts.iter().enumerate().filter(|(at, drift)| before.get(*at) != Some(drift));
    let outgoing = changed.map(|(at, drift)| message(drift, before.get(at), observed)).collect();
    let oldest_ms = |drift: &Drift| {
        let is_repaired = drift.lines.iter().all(|line| line.repair == Repair::Repaired);
        observed.now_ms.saturating_sub(if is_repaired { COMPLETED_MS } else { REPAIRED_MS })
    };
    drifts.retain(|drift| drift.seen_ms >= oldest_ms(drift));
    drifts.drain(..drifts.len().saturating_sub(DRIFTS_MAX));
    notified.drifts = drifts;
    outgoing
}

/// What differs and did not when last looked, or differs again.
fn news(notified: &Notified, drifts: &[Drift], observed: &Observed<'_>, plan: &Plan) -> Vec<Line> {
    let was_as_declared = observed.was_as_declared();
    let steps = plan.steps.iter().filter_map(|step| {
        let line = line::of_step(step, observed.found.applied.as_ref(), &notified.ids);
        let named = || is_named_by_news(&line, observed.change_log, drifts);
        let is_new = match notified.open.get(&step.address) {
            None => true,
            // AWS could not make what phonehome began to make.
            Some(Open { mended: true, .. }) => !matches!(step.change, Change::Replace(_)),
            Some(Open { unnotified: true, .. }) => true,
            Some(Open { found, .. }) => !found.is_empty() && *found != line::found(step) && named(),
        };
        // With a new declaration everything differs: only what somebody is known to have changed is drift.
        let is_own = || was_as_declared && !follows_way_out(step, observed.inventory);
        let is_drift = !is_answer(step, plan) && is_new && (is_own() || named());
        is_drift.then_some(line)
    });
    let held =
        plan.withheld.iter().filter(|held| was_as_declared && !notified.open.contains_key(&held.address));
    let held = held.map(|held| line::of_withheld(held, &notified.ids));
    steps.chain(held).collect()
}

/// Notes what is not as declared now, and what there is.
fn remember(notified: &mut Notified, observed: &Observed<'_>, plan: &Plan) {
    let was_as_declared = observed.was_as_declared();
    let idle = |address: &Address| {
        let unnotified = notified.open.get(address).map_or(was_as_declared, |known| known.unnotified);
        (address.clone(), Open { unnotified, ..Open::default() })
    };
    let waited_for = plan.waits.iter().map(|wait| &wait.address);
    let mut open: BTreeMap<Address, Open> = waited_for.chain(&plan.postponed).map(idle).collect();
    open.extend(plan.withheld.iter().map(|held| (held.address.clone(), Open::default())));
    for step in &plan.steps {
        let mended = line::is_done(&step.address, observed.found.applied.as_ref());
        open.insert(step.address.clone(), Open { found: line::found(step), mended, unnotified: false });
    }
    // Of what could not be seen nothing new is known.
    if !plan.unseen.is_empty() || observed.spec.is_some_and(|spec| spec.probe.is_none()) {
        for (address, known) in &notified.open {
            open.entry(address.clone()).or_insert_with(|| known.clone());
        }
    }
    notified.open = open;
    if let Some(inventory) = observed.inventory {
        notified.ids = ids(inventory);
    }
}

fn ids(seen: &Inventory) -> BTreeMap<Address, String> {
    seen.tagged().filter_map(|it| Some((it.address()?, it.id().to_owned()))).collect()
}

/// Whether a step only answers what another account asked for, with its tags and routes.
fn is_answer(step: &Step, plan: &Plan) -> bool {
    let accepted = |id: &String| {
        let accepts =
            |step: &Step| matches!(&step.action, Action::AcceptPeering { peering } if peering == id);
        plan.steps.iter().any(accepts)
    };
    match &step.action {
        Action::AcceptPeering { .. } => true,
        Action::Tag { resource: Ref::Id(id), .. }
        | Action::CreateRoute { target: RefTarget::Peering(Ref::Id(id)), .. }
        | Action::ReplaceRoute { target: RefTarget::Peering(Ref::Id(id)), .. } => accepted(id),
        _ => false,
    }
}

/// Whether a step only tells a probe the public addresses of its zone's way out. That they are other is drift
/// of the way out, which has a line of its own.
fn follows_way_out(step: &Step, seen: Option<&Inventory>) -> bool {
    let Action::UpdateSchedule { name, input, .. } = &step.action else { return false };
    let schedule = seen.and_then(|seen| seen.schedules.iter().find(|schedule| schedule.name == *name));
    let before = schedule.and_then(|schedule| schedule.input.as_ref());
    before.is_some_and(|before| phonehome_planner::follows_way_out(before, input))
}

fn drift(mut lines: Vec<Line>, observed: &Observed<'_>) -> Drift {
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    let (account, region) = (observed.job.account, observed.job.region);
    let incident_id = format!("drift/{account}/{region}/{}", observed.after.generation);
    let mut drift = Drift { incident_id, seen_ms: observed.seen_ms, lines, more, joins: None };
    let findings = findings(&observed.job.stack(), &observed.job.member.account_name, &drift);
    // Whoever is told of an incident already reads there why it is. Where it is told is decided once: what comes later
    // is added there, also when the incident is long over.
    let before = observed.before;
    let declared_ms = (before.phase == Phase::Ready).then_some(before.updated_at_ms);
    let channel = observed.job.channel();
    let told = observed.suspected.explained_by(&findings, channel, declared_ms, observed.now_ms);
    drift.joins = told.map(str::to_owned);
    drift
}

/// The message, or what the one that is there becomes.
fn message(drift: &Drift, before: Option<&Drift>, observed: &Observed<'_>) -> Outgoing {
    let differences = count(drift.lines.len() + drift.more, "difference");
    let headline = Words::of(":wrench: ")
        .name(&observed.job.member.account_name)
        .text(format!(" ({}) had drifted from what is declared: {differences}", observed.job.region));
    let mut lines: Vec<Words> = drift.lines.iter().map(line::words).collect();
    lines.extend((0..drift.more).map(|_| Words::of("…")));
    let message = SlackMessage::new(headline).list("", lines).section(ask(observed.job));
    let message = message.joining(drift.joins.as_deref());
    let Some(before) = before else {
        return observed.message(&drift.incident_id, SlackKind::Opened, &message);
    };
    let changes = drift.lines.iter().zip(&before.lines).filter_map(|(now, before)| line::change(now, before));
    let changes = changes.reduce(|all, change| all.text("; ").then(change));
    observed.message(&drift.incident_id, SlackKind::Updated, &message.thread(changes))
}

#[cfg(test)]
mod tests;
