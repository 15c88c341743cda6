//! What is to be done next.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::Line;

use crate::order::{ANSWER_MS, Order, OrderState, SETTLED_MS};
use crate::pace::{IN_PROGRESS_MAX, Pace};
use crate::request::RequestId;

/// How soon after a request its outcome is asked for, in milliseconds: no account is made in less than 3 s.
const FIRST_LOOK_MS: u64 = 3_000;
/// How often it is asked for after that. Five at a time are one call a second; Organizations allows two of
/// `DescribeCreateAccountStatus`.
const LOOK_MS: u64 = 5_000;
/// After how long it is asked for less often.
const SLOW_AFTER_MS: u64 = 10 * 60_000;
/// How often then.
const SLOW_LOOK_MS: u64 = 60_000;
/// How often an account is looked for.
const SEARCH_MS: u64 = 30_000;

/// A line that is to get an account: it is none, and that one is made for it was permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The line.
    pub line: Line,
    /// What it was called before (`renamed_from`): an order of that line is its own.
    pub formerly: Vec<Line>,
    /// The e-mail address that the file gives it now.
    pub email: String,
    /// The account's name.
    pub account_name: String,
    /// When that was permitted; milliseconds since the Unix epoch.
    pub permitted_at_ms: u64,
}

impl Wanted {
    /// The order that was placed for it, under whatever name.
    #[must_use]
    pub fn order<'a>(&self, orders: &'a BTreeMap<Line, Order>) -> Option<&'a Order> {
        [&self.line].into_iter().chain(&self.formerly).find_map(|line| orders.get(line))
    }
}

/// Everything that is known.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The lines that are to get an account, in the file's order.
    pub wanted: &'a [Wanted],
    /// All orders, by their lines.
    pub orders: &'a BTreeMap<Line, Order>,
    /// The lines whose orders cannot be read: of them nothing is done.
    pub unreadable: &'a BTreeSet<Line>,
    /// When the next one may be asked for.
    pub pace: &'a Pace,
    /// When the outcome of an order was last asked for, or its account looked for; milliseconds since the Unix epoch.
    pub looked_at_ms: &'a BTreeMap<Line, u64>,
    /// Now; milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask what became of an order's request.
    Follow(Line, RequestId),
    /// Look for an order's account.
    Search(Line),
    /// Store this order and the pace of [`Pace::asked`], if neither has changed, and then ask Organizations.
    Ask(Order),
}

/// What is to be done now, and when to look again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// In this order. At most one asks for an account: the next one is decided on with what became of it.
    pub steps: Vec<Step>,
    /// When there is something to do next if nothing happens meanwhile; milliseconds since the Unix epoch. `None`: there
    /// is nothing to be done until people do something.
    pub again_at_ms: Option<u64>,
}

/// Decides. What an order asks for has the e-mail address of the order: the file's is for a new one only.
#[must_use]
pub fn decide(world: &World) -> Decision {
    let mut decision = Decision::default();
    for order in world.orders.values() {
        let Some((due_ms, step)) = look(world, order) else { continue };
        if due_ms <= world.now_ms {
            decision.steps.push(step);
        }
        decision.next(due_ms.max(world.now_ms));
    }
    // While this many are under way, the end of one is what is waited for.
    if world.orders.values().filter(|order| order.is_under_way()).count() >= IN_PROGRESS_MAX {
        return decision;
    }
    if let Some((due_ms, order)) = first(world) {
        let due_ms = due_ms.max(world.pace.next_ms());
        if due_ms <= world.now_ms {
            decision.steps.push(Step::Ask(order));
        }
        decision.next(due_ms.max(world.now_ms));
    }
    decision
}

impl Decision {
    fn next(&mut self, at_ms: u64) {
        self.again_at_ms = Some(self.again_at_ms.map_or(at_ms, |earlier| earlier.min(at_ms)));
    }
}

/// The first of the file that may be asked for now; else the one that may be first.
fn first(world: &World) -> Option<(u64, Order)> {
    let mut first: Option<(u64, Order)> = None;
    for (due_ms, order) in world.wanted.iter().filter_map(|wanted| ask(world, wanted)) {
        if due_ms <= world.now_ms {
            return Some((due_ms, order));
        }
        if first.as_ref().is_none_or(|(earlier_ms, _)| due_ms < *earlier_ms) {
            first = Some((due_ms, order));
        }
    }
    first
}

/// What is to be found out of an order, and when.
fn look(world: &World, order: &Order) -> Option<(u64, Step)> {
    let looked_ms = world.looked_at_ms.get(&order.line);
    let after = |period_ms: u64, first_ms: u64| looked_ms.map_or(first_ms, |at_ms| first_ms.max(at_ms + period_ms));
    let search = || Step::Search(order.line.clone());
    match &order.state {
        OrderState::Asking { since_ms } => Some((after(SEARCH_MS, since_ms + ANSWER_MS), search())),
        OrderState::Searching { since_ms, .. } => {
            let is_settled = world.now_ms >= since_ms + SETTLED_MS;
            Some((after(if is_settled { SLOW_LOOK_MS } else { SEARCH_MS }, *since_ms), search()))
        }
        OrderState::Creating { request, since_ms } => {
            let is_slow = world.now_ms >= since_ms + SLOW_AFTER_MS;
            let due_ms = after(if is_slow { SLOW_LOOK_MS } else { LOOK_MS }, since_ms + FIRST_LOOK_MS);
            Some((due_ms, Step::Follow(order.line.clone(), request.clone())))
        }
        OrderState::Waiting { .. } | OrderState::Made { .. } | OrderState::Stopped { .. } => None,
    }
}

/// The order for which Organizations is to be asked, and from when on; `None` where there is nothing to ask.
fn ask(world: &World, wanted: &Wanted) -> Option<(u64, Order)> {
    let lines = || [&wanted.line].into_iter().chain(&wanted.formerly);
    if lines().any(|line| world.unreadable.contains(line)) {
        return None;
    }
    let now_ms = world.now_ms;
    match wanted.order(world.orders) {
        None if is_another_ones(world, wanted) => None,
        None => {
            let Wanted { line, email, account_name, .. } = wanted.clone();
            Some((0, Order::place(line, email, account_name, now_ms)))
        }
        Some(order) => match &order.state {
            OrderState::Waiting { until_ms } => Some((*until_ms, order.again(now_ms))),
            OrderState::Stopped { stop, at_ms } if wanted.permitted_at_ms > *at_ms => {
                let anew = order.anew(stop, &wanted.email, now_ms);
                let changes = !anew.has_email(&order.email);
                (!changes || !is_another_ones(world, wanted)).then_some((0, anew))
            }
            _ => None,
        },
    }
}

/// Whether the e-mail address that the file gives a line is that of another line's order: one of the two is wrong.
pub(crate) fn is_another_ones(world: &World, wanted: &Wanted) -> bool {
    let is_own = |order: &Order| order.line == wanted.line || wanted.formerly.contains(&order.line);
    world.orders.values().any(|order| order.has_email(&wanted.email) && !is_own(order))
}
