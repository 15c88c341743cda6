//! From what a check met to its verdict. Pure.

use std::net::{IpAddr, SocketAddr};

use phonehome_wire::{Class, Expect, Stage, Verdict};

/// The longest error or reason in a report, in characters.
pub(crate) const MAX_TEXT: usize = 300;

/// What a check, or one address of it, met; says nothing yet of whether that is good or bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole exchange worked, with what is named here.
    Reached { what: String, addresses: Vec<IpAddr> },
    /// No answer to two SYNs or more: what a path looks like that the network closes.
    Silent { error: String, addresses: Vec<IpAddr> },
    /// The host itself refused or reset the connection: a packet has crossed.
    Refused { error: String },
    /// It failed otherwise: the name did not resolve, a router said no, something answered wrongly.
    Failed { stage: Stage, error: String },
    /// Whatever came of it would say nothing of the network.
    Inconclusive(String),
    /// The probe itself could not test.
    ProbeError(String),
}

impl Outcome {
    pub(crate) fn reached(address: SocketAddr) -> Self {
        Self::Reached { what: address.to_string(), addresses: vec![address.ip()] }
    }

    pub(crate) fn silent(address: SocketAddr, error: impl Into<String>) -> Self {
        Self::Silent { error: error.into(), addresses: vec![address.ip()] }
    }

    pub(crate) fn refused(error: impl Into<String>) -> Self {
        Self::Refused { error: error.into() }
    }

    pub(crate) fn failed(stage: Stage, error: impl Into<String>) -> Self {
        Self::Failed { stage, error: error.into() }
    }

    fn miss(&self) -> Option<(Stage, &str)> {
        match self {
            Self::Silent { error, .. } | Self::Refused { error } => Some((Stage::Connect, error)),
            Self::Failed { stage, error } => Some((*stage, error)),
            Self::Reached { .. } | Self::Inconclusive(_) | Self::ProbeError(_) => None,
        }
    }

    /// Whether a packet has met something at the other end, even if that then refused or answered wrongly.
    fn crossed(&self) -> bool {
        match self {
            Self::Reached { .. } | Self::Refused { .. } => true,
            Self::Failed { stage, .. } => *stage > Stage::Connect,
            Self::Silent { .. } | Self::Inconclusive(_) | Self::ProbeError(_) => false,
        }
    }

    fn what(&self) -> Option<&str> {
        match self {
            Self::Reached { what, .. } => Some(what),
            _ => None,
        }
    }

    /// The addresses that all of it holds for.
    pub(crate) fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Reached { addresses, .. } | Self::Silent { addresses, .. } => addresses,
            _ => &[],
        }
    }
}

/// The one outcome of a check whose host has several addresses.
///
/// What is known for certain comes first: a failed address fails a connection and one that a packet
/// reached breaks an isolation, even when the probe could not test the rest.
pub(crate) fn combine(outcomes: Vec<Outcome>, expect: Expect) -> Outcome {
    match expect {
        Expect::Connect => combine_connect(outcomes),
        Expect::Deny => combine_deny(outcomes),
    }
}

fn combine_connect(outcomes: Vec<Outcome>) -> Outcome {
    let misses: Vec<(Stage, &str)> = outcomes.iter().filter_map(Outcome::miss).collect();
    if let Some(stage) = misses.iter().map(|(stage, _)| *stage).min() {
        return Outcome::Failed { stage, error: errors(&misses, outcomes.len()) };
    }
    untested(&outcomes).unwrap_or_else(|| Outcome::Reached {
        what: outcomes.iter().filter_map(Outcome::what).collect::<Vec<_>>().join(", "),
        addresses: addresses(&outcomes),
    })
}

fn combine_deny(outcomes: Vec<Outcome>) -> Outcome {
    if let Some(open) = outcomes.iter().find(|outcome| outcome.crossed()) {
        return open.clone();
    }
    if let Some(untested) = untested(&outcomes) {
        return untested;
    }
    let misses: Vec<(Stage, &str)> = outcomes.iter().filter_map(Outcome::miss).collect();
    let error = errors(&misses, outcomes.len());
    // Only where every address was silent, none of them said anything.
    match outcomes.iter().all(|outcome| matches!(outcome, Outcome::Silent { .. })) {
        true => Outcome::Silent { error, addresses: addresses(&outcomes) },
        false => {
            let stage = misses.iter().map(|(stage, _)| *stage).min().unwrap_or(Stage::Connect);
            Outcome::Failed { stage, error }
        }
    }
}

/// What keeps the others from being all there is to say.
fn untested(outcomes: &[Outcome]) -> Option<Outcome> {
    let probe_error = outcomes.iter().find(|outcome| matches!(outcome, Outcome::ProbeError(_)));
    let inconclusive = || outcomes.iter().find(|outcome| matches!(outcome, Outcome::Inconclusive(_)));
    probe_error.or_else(inconclusive).cloned()
}

fn errors(misses: &[(Stage, &str)], total: usize) -> String {
    let errors = misses.iter().map(|(_, error)| *error).collect::<Vec<_>>().join("; ");
    match total {
        1 => errors,
        _ => format!("{} of {total} addresses: {errors}", misses.len()),
    }
}

fn addresses(outcomes: &[Outcome]) -> Vec<IpAddr> {
    outcomes.iter().flat_map(Outcome::addresses).copied().collect()
}

/// The verdict on what must connect.
pub(crate) fn judge_connect(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Reached { .. } => Verdict::Ok,
        Outcome::Silent { error, .. } | Outcome::Refused { error } => {
            Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: shorten(&error) }
        }
        Outcome::Failed { stage, error } => {
            Verdict::Fail { stage, class: Class::Other, error: shorten(&error) }
        }
        Outcome::Inconclusive(reason) => Verdict::Inconclusive { reason: shorten(&reason) },
        Outcome::ProbeError(reason) => Verdict::ProbeError { reason: shorten(&reason) },
    }
}

/// The verdict on what must not connect. Whether silence proves anything is for the hub to say.
pub(crate) fn judge_deny(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Reached { what, .. } => open(&format!("reached {what}")),
        Outcome::Refused { error } => open(&format!("a packet crossed: {error}")),
        Outcome::Failed { stage, error } if stage > Stage::Connect => {
            open(&format!("something answered: {error}"))
        }
        Outcome::Silent { error, .. } => Verdict::Denied { error: shorten(&error) },
        // A name that does not resolve, or a router that says no, keeps a path from being tested; it does
        // not close it.
        Outcome::Failed { error: reason, .. } | Outcome::Inconclusive(reason) => {
            Verdict::Inconclusive { reason: shorten(&reason) }
        }
        Outcome::ProbeError(reason) => Verdict::ProbeError { reason: shorten(&reason) },
    }
}

fn open(error: &str) -> Verdict {
    Verdict::Fail { stage: Stage::Open, class: Class::Open, error: shorten(error) }
}

/// At most [`MAX_TEXT`] characters on one line; parts of it come from certificates and peers.
pub(crate) fn shorten(text: &str) -> String {
    let mut clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT + 1).collect();
    if let Some((cut, _)) = clean.char_indices().nth(MAX_TEXT) {
        clean.truncate(cut);
        clean.pop();
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests;
