//! What `lab --watch` shows: the fleet as the probes see it, what goes over its networks, and what is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phonehome_lab::{Amount, Counters};
use phonehome_wire::{CheckResult, Verdict};

use crate::watch::{Place, Watch};
use crate::world::World;
use phonehome_simulation::Posted;

/// How many of Slack's messages are shown, the newest.
const MESSAGES_MAX: usize = 8;
/// The longest a reason may be, in characters.
const REASON_CHARS_MAX: usize = 90;

/// The whole picture, as lines of text. `before` are the counters of the picture before this.
pub(crate) fn view(world: &World, watch: &Watch, now: &Counters, before: &Counters) -> String {
    let mut text = String::new();
    paths(&mut text, watch);
    traffic(&mut text, world, now, before);
    told(&mut text, &world.hub.slack(), world.hub.pages().last().map(|it| it.subject.as_str()));
    text
}

/// A line for each account and zone: how many checks pass, and what fails.
fn paths(text: &mut String, watch: &Watch) {
    for ((account, zone), input) in watch.inputs() {
        let Some(report) = watch.newest.get(&(account.clone(), zone.clone())) else {
            let _ = writeln!(text, "  …  {account:<14} {zone}  {} checks, no report yet", input.checks.len());
            continue;
        };
        let (passed, failed): (Vec<_>, Vec<_>) = report.results.iter().partition(|it| is_as_declared(it));
        let mark = if failed.is_empty() { "✓" } else { "✗" };
        let took = report.duration_ms;
        let _ = writeln!(
            text,
            "  {mark}  {account:<14} {zone}  {} of {} as declared, {took} ms",
            passed.len(),
            report.results.len()
        );
        for result in failed {
            let _ = writeln!(text, "       {}: {}", result.id, reason(&result.verdict));
        }
    }
}

/// What must connect does, and what must not is silent.
fn is_as_declared(result: &CheckResult) -> bool {
    matches!(result.verdict, Verdict::Ok | Verdict::Denied { .. } | Verdict::DenyProven)
}

fn reason(verdict: &Verdict) -> String {
    let text = match verdict {
        Verdict::Ok | Verdict::Denied { .. } | Verdict::DenyProven => String::new(),
        Verdict::Fail { stage, class, error } => format!("{stage:?}, {class:?}: {error}"),
        Verdict::Inconclusive { reason } => format!("inconclusive: {reason}"),
        Verdict::ProbeError { reason } => format!("the probe could not test: {reason}"),
    };
    text.chars().take(REASON_CHARS_MAX).collect()
}

/// A line for each gateway and peering over which something went since the picture before.
fn traffic(text: &mut String, world: &World, now: &Counters, before: &Counters) {
    let names = world.names();
    let kinds = [
        (&now.nat_gateways, &before.nat_gateways),
        (&now.internet_gateways, &before.internet_gateways),
        (&now.peerings, &before.peerings),
        (&now.subnets, &before.subnets),
    ];
    let _ = writeln!(text, "\n  packets since a moment ago (to / from)");
    for (now, before) in kinds {
        for (id, traffic) in now {
            let was = before.get(id).copied().unwrap_or_default();
            let [to, from] = [since(traffic.to, was.to), since(traffic.from, was.from)];
            if to + from > 0 {
                let name = names.get(id).map_or(id.as_str(), String::as_str);
                let _ = writeln!(text, "     {name:<44} {to:>6} / {from}");
            }
        }
    }
}

fn since(now: Amount, before: Amount) -> u64 {
    now.packets.saturating_sub(before.packets)
}

fn told(text: &mut String, messages: &[Posted], page: Option<&str>) {
    let _ = writeln!(text, "\n  Slack");
    let newest = messages.iter().skip(messages.len().saturating_sub(MESSAGES_MAX));
    newest.for_each(|it| {
        let _ = writeln!(text, "     {}  {}", it.channel, it.text);
    });
    let _ = writeln!(text, "  on-call\n     {}", page.unwrap_or("–"));
}

/// What has changed between two pictures of the paths, a line for each path that turned: for where no picture can
/// be drawn over the one before.
pub(crate) fn turned(before: &BTreeMap<Place, BTreeMap<String, bool>>, watch: &Watch) -> Vec<String> {
    let mut lines = vec![];
    for ((account, zone), results) in states(watch) {
        let known = before.get(&(account.clone(), zone.clone()));
        for (check, passes) in results {
            if known.and_then(|it| it.get(&check)).is_none_or(|it| *it != passes) {
                let how = if passes { "as declared" } else { "NOT as declared" };
                lines.push(format!("{account} {zone} {check}: {how}"));
            }
        }
    }
    lines
}

/// Which paths are as declared, by probe.
pub(crate) fn states(watch: &Watch) -> BTreeMap<Place, BTreeMap<String, bool>> {
    let of = |(place, report): (&Place, &phonehome_wire::Report)| {
        let results = report.results.iter().map(|it| (it.id.0.clone(), is_as_declared(it)));
        (place.clone(), results.collect())
    };
    watch.newest.iter().map(of).collect()
}
