//! How the checks of a run are run: all once, then what failed in other ways.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phonehome_wire::{ADDRESSES_MAX, Approach, Check, CheckKind, Expect};
use tokio::task::JoinSet;

use crate::attempt::{Attempted, Means, attempt};
use crate::deadline::Deadline;
use crate::dns::Question;
use crate::endpoint::{Endpoint, Exchange};
use crate::outcome::{Met, Outcome};
use crate::resolve::{HostResolver, LOOKUP_SOCKETS, Resolved};
use crate::slots::{NO_TIME, Slots};
use crate::tries;

/// How long what must not connect is waited for once its name is resolved. Linux sends the second SYN after 1 s
/// (RFC 6298), and gets a second for its answer.
const SILENCE: Duration = Duration::from_secs(2);

/// What all checks of one run share.
pub(crate) struct Shared {
    pub(crate) resolver: HostResolver,
    pub(crate) means: Means,
    pub(crate) slots: Slots,
    /// Turns what is only a sample of too many addresses, so that all of them have their turn in the end.
    pub(crate) rotation: usize,
}

/// What a check met.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What kept it from getting to any address, or says what else there is to say.
    pub(crate) early: Vec<Met>,
    pub(crate) resolved: Option<Resolved>,
    /// To how many addresses its name resolves, where they are too many.
    pub(crate) sampled_of: Option<usize>,
    pub(crate) tried: Vec<Tried>,
    /// The records that a lookup found.
    pub(crate) answers: Vec<String>,
    pub(crate) took: Duration,
}

/// The attempts at one address.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) address: SocketAddr,
    exchange: Arc<Exchange>,
    /// At least one.
    pub(crate) made: Vec<Attempted>,
}

impl Found {
    pub(crate) fn early(outcome: Outcome) -> Self {
        Self { early: vec![Met::nowhere(outcome)], ..Self::default() }
    }

    fn bad_input(reason: &str) -> Self {
        Self::early(Outcome::ProbeError(format!("bad input: {reason}")))
    }
}

/// Runs a check, each address of its host once and all at the same time.
pub(crate) async fn first_pass(check: &Check, shared: &Arc<Shared>) -> Found {
    let timeout = Duration::from_millis(check.timeout_ms);
    if let CheckKind::Dns { name, nameserver, record, expected } = &check.kind {
        return match Question::new(name, nameserver.as_deref(), *record, expected) {
            Ok(question) => look_up(&question, timeout, shared).await,
            Err(reason) => Found::bad_input(&reason),
        };
    }
    let mut endpoint = match Endpoint::of(&check.kind) {
        Ok(endpoint) => endpoint,
        Err(reason) => return Found::bad_input(&reason),
    };
    if check.expect == Expect::Deny {
        // A connection is already one too many, whatever would be said over it.
        endpoint.exchange = Exchange::Tcp;
    }
    match shared.resolver.addresses(&endpoint.host, timeout, &shared.slots).await {
        Ok(resolved) => connect(check.expect, timeout, endpoint, resolved, shared).await,
        Err(outcome) => Found::early(outcome),
    }
}

async fn look_up(question: &Question, timeout: Duration, shared: &Shared) -> Found {
    let Some(turn) = shared.slots.turn(LOOKUP_SOCKETS, timeout).await else {
        return Found::early(Outcome::ProbeError(NO_TIME.to_owned()));
    };
    let begun = Instant::now();
    let (outcome, answers) = question.ask(shared.resolver.servers(), Deadline::after(turn.time)).await;
    Found { answers, took: begun.elapsed(), ..Found::early(outcome) }
}

async fn connect(
    expect: Expect,
    timeout: Duration,
    endpoint: Endpoint,
    resolved: Resolved,
    shared: &Arc<Shared>,
) -> Found {
    let mut found = Found::default();
    let mut addresses = resolved.addresses.clone();
    let number = addresses.len();
    if number > ADDRESSES_MAX {
        addresses.rotate_left(shared.rotation % number);
        addresses.truncate(ADDRESSES_MAX);
        found.sampled_of = Some(number);
        if expect == Expect::Deny {
            // One that is open is a breach, however many are not tested. That those tested are silent says nothing
            // of the others.
            let reason =
                format!("{ADDRESSES_MAX} of the {number} addresses of {} were tested", endpoint.host);
            found.early.push(Met::nowhere(Outcome::ProvesNothing(reason)));
        }
    }
    if let (Expect::Deny, Some(note)) = (expect, &resolved.note) {
        // There may be an address that nobody tried.
        found.early.push(Met::nowhere(Outcome::ProvesNothing(note.clone())));
    }
    let exchange = Arc::new(endpoint.exchange);
    let mut attempts = JoinSet::new();
    for ip in addresses {
        let (address, exchange, shared) =
            (SocketAddr::new(ip, endpoint.port), exchange.clone(), shared.clone());
        attempts.spawn(async move {
            let made = vec![first_attempt(address, &exchange, expect, timeout, &shared).await];
            Tried { address, exchange, made }
        });
    }
    found.tried = attempts.join_all().await;
    found.tried.sort_by_key(|tried| tried.address);
    let slowest = found.tried.iter().flat_map(|tried| &tried.made).map(|it| it.attempt.total_us).max();
    found.took = Duration::from_micros(resolved.took_us.unwrap_or_default() + slowest.unwrap_or_default());
    found.resolved = Some(resolved);
    found
}

async fn first_attempt(
    address: SocketAddr,
    exchange: &Exchange,
    expect: Expect,
    timeout: Duration,
    shared: &Shared,
) -> Attempted {
    // However long the resolver took, and however many others wait, silence takes as long as it takes.
    let turn = match expect {
        Expect::Connect => shared.slots.turn(1, timeout).await,
        Expect::Deny => shared.slots.whole_turn(SILENCE).await,
    };
    match turn {
        Some(turn) => attempt(address, exchange, Approach::First, &shared.means, turn.time).await,
        None => Attempted::without_time(address, expect),
    }
}

/// Tries one address again, in each way that tells something.
pub(crate) async fn try_again(check: &Check, tried: &mut Tried, shared: &Shared) {
    let timeout = Duration::from_millis(check.timeout_ms);
    while tried.made.len() < check.tries as usize && shared.slots.has(timeout) {
        let Some(approach) = tries::next(&tried.made) else { return };
        let Some(turn) = shared.slots.whole_turn(timeout).await else { return };
        let made = attempt(tried.address, &tried.exchange, approach, &shared.means, turn.time).await;
        tried.made.push(made);
    }
}

/// Whether an address of a check is worth another attempt.
pub(crate) fn is_worth_another(check: &Check, tried: &Tried) -> bool {
    check.expect == Expect::Connect && check.tries > 1 && tries::next(&tried.made).is_some()
}
