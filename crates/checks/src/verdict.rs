//! From what a check met to its verdict. Pure.

use std::net::IpAddr;

use phonehome_wire::{Class, Expect, Stage, TEXT_CHARS_MAX, Verdict, clip};

use crate::outcome::{Failure, Met, Outcome};

/// A verdict, and the addresses that it holds for: all that were reached, or all that were silent.
pub(crate) type Judged = (Verdict, Vec<IpAddr>);

/// The one verdict on a check whose host may have several addresses.
///
/// What is known for certain comes first: a failed address fails a connection and one that a packet
/// reached breaks an isolation, even when the probe could not test the rest.
pub(crate) fn judge(met: &[Met], expect: Expect) -> Judged {
    let (mut verdict, addresses) = match expect {
        Expect::Connect => judge_connect(met),
        Expect::Deny => judge_deny(met),
    };
    if let Verdict::Fail { error: text, .. }
    | Verdict::Denied { error: text }
    | Verdict::Inconclusive { reason: text }
    | Verdict::ProbeError { reason: text } = &mut verdict
    {
        clip(text, TEXT_CHARS_MAX);
    }
    (verdict, addresses)
}

/// What must connect.
fn judge_connect(met: &[Met]) -> Judged {
    let failures: Vec<Failure> = met.iter().filter_map(|it| it.outcome.failure()).collect();
    if let Some(first) = failures.iter().min_by_key(|failure| failure.stage) {
        let error = errors(&failures, met.len());
        return (Verdict::Fail { stage: first.stage, class: first.class, error }, vec![]);
    }
    match untested(met) {
        Some(verdict) => (verdict, vec![]),
        None => (Verdict::Ok, reached(met)),
    }
}

/// What must not connect. Whether silence proves anything is for the hub to say.
fn judge_deny(met: &[Met]) -> Judged {
    if let Some(open) = met.iter().find(|it| it.outcome.crossed()) {
        return (opened(&open.outcome), vec![]);
    }
    if let Some(verdict) = untested(met) {
        return (verdict, vec![]);
    }
    let failures: Vec<Failure> = met.iter().filter_map(|it| it.outcome.failure()).collect();
    let error = errors(&failures, met.len());
    // Only where every address was silent, none of them said anything. A name that does not resolve, or a router
    // that says no, keeps a path from being tested; it does not close it.
    let is_silent = |it: &&Met| matches!(it.outcome, Outcome::Silent(_));
    let silent: Vec<IpAddr> = met.iter().filter(is_silent).filter_map(|it| it.address).collect();
    match silent.len() == failures.len() && !silent.is_empty() {
        true => (Verdict::Denied { error }, silent),
        false => (Verdict::Inconclusive { reason: error }, vec![]),
    }
}

fn opened(outcome: &Outcome) -> Verdict {
    let error = match outcome {
        Outcome::Reached(what) => format!("reached {what}"),
        Outcome::Refused(failure) => format!("a packet crossed: {}", failure.error),
        other => {
            format!("something answered: {}", other.failure().map(|it| it.error).unwrap_or_default())
        }
    };
    Verdict::Fail { stage: Stage::Open, class: Class::Open, error }
}

/// What keeps the others from being all there is to say. An address that cannot be tested from here takes
/// nothing from those that can.
fn untested(met: &[Met]) -> Option<Verdict> {
    let error = met.iter().find_map(|it| match &it.outcome {
        Outcome::ProbeError(reason) => Some(Verdict::ProbeError { reason: reason.clone() }),
        _ => None,
    });
    let nothing = || {
        met.iter().find_map(|it| match &it.outcome {
            Outcome::ProvesNothing(reason) => Some(Verdict::Inconclusive { reason: reason.clone() }),
            _ => None,
        })
    };
    let none_testable = || {
        let reasons: Option<Vec<&str>> = met
            .iter()
            .map(|it| match &it.outcome {
                Outcome::NotTestable(reason) => Some(reason.as_str()),
                _ => None,
            })
            .collect();
        let reason = format!("not testable from here: {}", reasons?.join("; "));
        Some(Verdict::Inconclusive { reason })
    };
    error.or_else(nothing).or_else(none_testable)
}

fn errors(failures: &[Failure], total: usize) -> String {
    let errors = failures.iter().map(|it| it.error.as_str()).collect::<Vec<_>>().join("; ");
    match total {
        1 => errors,
        _ => format!("{} of {total} addresses: {errors}", failures.len()),
    }
}

fn reached(met: &[Met]) -> Vec<IpAddr> {
    let is_reached = |it: &&Met| matches!(it.outcome, Outcome::Reached(_));
    met.iter().filter(is_reached).filter_map(|it| it.address).collect()
}

#[cfg(test)]
mod tests;
