//! What is to be done next.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::Line;

use crate::lines::Lines;
use crate::order::{ANSWER_MS, Order, OrderState, SETTLED_MS};
use crate::pace::{IN_PROGRESS_MAX, Pace};
use crate::request::RequestId;

/// How soon after a request its outcome is asked for, in milliseconds: no account is made in less than 3 s.
const FIRST_LOOK_MS: u64 = 3_000;
/// How often it is asked for after that, where no more than three are in the making: more take turns. One that is made is
/// known a second later, on average.
const LOOK_MS: u64 = 2_000;
/// How long after one outcome the next one is asked for: Organizations allows two `DescribeCreateAccountStatus` a second.
const BETWEEN_LOOKS_MS: u64 = 600;
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
    /// The e-mail address that the file gives it now.
    pub email: String,
    /// The account's name.
    pub account_name: String,
    /// When that was permitted; milliseconds since the Unix epoch.
    pub permitted_at_ms: u64,
}

/// Who makes the accounts of an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AccountFactory {
    /// phonehome, by Organizations' `CreateAccount`.
    #[default]
    Phonehome,
    /// AWS Control Tower: phonehome makes none, waits for them and binds them.
    ControlTower,
}

/// Everything that is known.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// Who makes the accounts.
    pub factory: AccountFactory,
    /// The lines that are to get an account, in the file's order.
    pub wanted: &'a [Wanted],
    /// The lines of the file, and which account each of them is.
    pub lines: &'a Lines,
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
    /// Often none. What comes of them is known to the next decision: so there is one [`Step::Follow`], or one [`Step::Ask`],
    /// or the [`Step::Search`]es that share their lists.
    pub steps: Vec<Step>,
    /// Where there are no steps: when there is something to do if nothing happens meanwhile, in milliseconds since the Unix
    /// epoch. `None`: nothing until people do something.
    pub again_at_ms: Option<u64>,
}

/// Decides. What an order asks for has the e-mail address of the order: the file's is for a new one only.
#[must_use]
pub fn decide(world: &World) -> Decision {
    let mut decision = Decision::default();
    looks(world, &mut decision);
    // What comes of a look is waited for: it may take a while, and frees room for another account.
    if !decision.steps.is_empty() || world.factory == AccountFactory::ControlTower {
        return decision;
    }
    // While this many are under way, the end of one is what is waited for.
    if world.orders.values().filter(|order| order.may_be_in_progress()).count() >= IN_PROGRESS_MAX {
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
pub(crate) fn first(world: &World) -> Option<(u64, Order)> {
    let orders = world.orders_by_line();
    let unreadable: BTreeSet<&Line> = world.unreadable.iter().map(|line| world.lines.present(line)).collect();
    let readable = world.wanted.iter().filter(|wanted| !unreadable.contains(&wanted.line));
    let mut first: Option<(u64, Order)> = None;
    for (due_ms, order) in readable.filter_map(|it| ask(world, it, orders.get(&it.line).copied())) {
        if due_ms <= world.now_ms {
            return Some((due_ms, order));
        }
        if first.as_ref().is_none_or(|(earlier_ms, _)| due_ms < *earlier_ms) {
            first = Some((due_ms, order));
        }
    }
    first
}

/// Whatever is due first: one outcome, or all accounts that are to be looked for, which share their lists.
fn looks(world: &World, decision: &mut Decision) {
    let looks: Vec<(u64, Step)> = world.orders.values().filter_map(|order| look(world, order)).collect();
    let Some((first_ms, first)) = looks.iter().min_by_key(|(due_ms, _)| *due_ms) else { return };
    let free_ms = world.looked_at_ms.values().max().map_or(0, |at_ms| at_ms + BETWEEN_LOOKS_MS);
    let first_ms = (*first_ms).max(free_ms);
    decision.next(first_ms.max(world.now_ms));
    if first_ms > world.now_ms {
        return;
    }
    if matches!(first, Step::Follow(..)) {
        decision.steps.push(first.clone());
        return;
    }
    let searches =
        looks.iter().filter(|(due_ms, step)| *due_ms <= world.now_ms && matches!(step, Step::Search(_)));
    decision.steps.extend(searches.map(|(_, step)| step.clone()));
}

/// What is to be found out of an order, and when.
fn look(world: &World, order: &Order) -> Option<(u64, Step)> {
    let looked_ms = world.looked_at_ms.get(&order.line);
    let after =
        |period_ms: u64, first_ms: u64| looked_ms.map_or(first_ms, |at_ms| first_ms.max(at_ms + period_ms));
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
fn ask(world: &World, wanted: &Wanted, order: Option<&Order>) -> Option<(u64, Order)> {
    let now_ms = world.now_ms;
    let Some(order) = order else {
        let Wanted { line, email, account_name, .. } = wanted.clone();
        return (!world.is_another_ones(wanted))
            .then(|| (0, Order::place(line, email, account_name, now_ms).by(wanted.permitted_at_ms)));
    };
    match &order.state {
        OrderState::Waiting { until_ms } => Some((*until_ms, order.again(now_ms))),
        OrderState::Stopped { stop, .. } if order.is_permitted_anew(wanted.permitted_at_ms) => {
            let anew = order.anew(stop, &wanted.email, now_ms).by(wanted.permitted_at_ms);
            let is_free = anew.has_email(&order.email) || !world.is_another_ones(wanted);
            is_free.then_some((0, anew))
        }
        _ => None,
    }
}

impl<'a> World<'a> {
    /// The orders by what their lines are called now.
    pub(crate) fn orders_by_line(&self) -> BTreeMap<&'a Line, &'a Order> {
        self.lines.orders(self.orders)
    }

    /// Whether the e-mail address that the file gives a line is that of another line's order: one of the two is wrong.
    pub(crate) fn is_another_ones(&self, wanted: &Wanted) -> bool {
        let is_own = |order: &Order| *self.lines.present(&order.line) == wanted.line;
        self.orders.values().any(|order| order.has_email(&wanted.email) && !is_own(order))
    }
}
