//! Whatever happens to accounts and their names, who is bound stays it.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Binding, Bindings, Fleet, Line, LineState, Rebinding, Roster, Stored};
use phonehome_wire::AccountId;
use proptest::prelude::*;
use support::{SMALL, fleet};

/// The last one is what the small file pins payments/prod to.
const IDS: [&str; 4] = ["444400000001", "444400000002", "444400000003", "333333333333"];
const NAMES: [&str; 5] = ["shop-dev", "shop-prod", "payments-dev", "payments-prod", "other"];

#[derive(Debug, Clone)]
enum Event {
    Join(usize, usize),
    Rename(usize, usize),
    Swap(usize, usize),
    Close(usize),
    Stack(usize),
    /// An observation of the whole organization, whose result is stored now, or later by somebody slow.
    Look(bool),
    Late,
    Rebind(usize, usize, bool),
}

fn account(index: usize) -> AccountId {
    IDS[index].parse().unwrap()
}

fn event() -> impl Strategy<Value = Event> {
    let (id, name) = (0..IDS.len(), 0..NAMES.len());
    prop_oneof![
        (id.clone(), name.clone()).prop_map(|(id, name)| Event::Join(id, name)),
        (id.clone(), name.clone()).prop_map(|(id, name)| Event::Rename(id, name)),
        (id.clone(), id.clone()).prop_map(|(one, other)| Event::Swap(one, other)),
        id.clone().prop_map(Event::Close),
        id.clone().prop_map(Event::Stack),
        any::<bool>().prop_map(Event::Look),
        any::<bool>().prop_map(Event::Look),
        Just(Event::Late),
        (0..4usize, id, any::<bool>()).prop_map(|(line, id, force)| Event::Rebind(line, id, force)),
    ]
}

/// The two stored views of each binding, changed only as the table allows.
#[derive(Default)]
struct World {
    roster: Roster,
    lines: BTreeMap<Line, AccountId>,
    accounts: BTreeMap<AccountId, Line>,
    stacks: BTreeMap<AccountId, Line>,
    late: Vec<(Line, AccountId)>,
}

impl World {
    fn bindings(&self) -> Bindings {
        let binding = |(line, account): (&Line, &AccountId)| Binding {
            line: line.clone(),
            account: account.clone(),
            account_name: String::new(),
            bound_at_ms: 0,
        };
        Bindings::new(
            self.lines.iter().map(binding),
            self.stacks.iter().map(|(account, line)| (line.clone(), account.clone())),
        )
    }

    /// Both absent, in one transaction.
    fn bind(&mut self, line: &Line, account: &AccountId) {
        if !self.lines.contains_key(line) && !self.accounts.contains_key(account) {
            self.lines.insert(line.clone(), account.clone());
            self.accounts.insert(account.clone(), line.clone());
        }
    }

    /// What is bound already is not written again.
    fn observe(&mut self, fleet: &Fleet, at_once: bool) {
        let is_new = |it: &LineState| !matches!(it, LineState::Bound { stored: Stored::Here, .. });
        let found: Vec<(Line, AccountId)> = fleet
            .identify(&self.bindings(), &self.roster)
            .lines
            .into_iter()
            .filter(|it| is_new(&it.state))
            .filter_map(|it| Some((it.member.line(), it.state.account()?.clone())))
            .collect();
        if at_once {
            found.iter().for_each(|(line, account)| self.bind(line, account));
        } else {
            self.late = found;
        }
    }

    fn happens(&mut self, fleet: &Fleet, event: &Event) {
        let name = |it: &usize| NAMES[*it].to_owned();
        match event {
            Event::Join(id, it) => drop(self.roster.entry(account(*id)).or_insert(name(it))),
            Event::Rename(id, it) => {
                self.roster.entry(account(*id)).and_modify(|old| *old = name(it));
            }
            Event::Swap(one, other) => {
                let (one, other) = (account(*one), account(*other));
                if let (Some(a), Some(b)) = (self.roster.get(&one).cloned(), self.roster.get(&other).cloned())
                {
                    self.roster.insert(one, b);
                    self.roster.insert(other, a);
                }
            }
            Event::Close(id) => {
                self.roster.remove(&account(*id));
                self.stacks.remove(&account(*id));
                if let Some(line) = self.accounts.remove(&account(*id)) {
                    self.lines.remove(&line);
                }
            }
            // Only what is bound gets a stack.
            Event::Stack(id) => {
                if let Some(line) = self.accounts.get(&account(*id)) {
                    self.stacks.insert(account(*id), line.clone());
                }
            }
            Event::Look(at_once) => self.observe(fleet, *at_once),
            Event::Late => {
                for (line, account) in std::mem::take(&mut self.late) {
                    self.bind(&line, &account);
                }
            }
            Event::Rebind(line, id, force) => {
                let line = fleet.members()[*line].line();
                let asked =
                    fleet.rebinding(line.as_str(), &account(*id), &self.bindings(), &self.roster, *force);
                let Ok(Rebinding { replaces, leaves, account, .. }) = asked else { return };
                replaces.iter().for_each(|old| drop(self.accounts.remove(old)));
                leaves.iter().for_each(|old| drop(self.lines.remove(old)));
                self.lines.insert(line.clone(), account.clone());
                self.accounts.insert(account, line);
            }
        }
    }
}

proptest! {
    #[test]
    fn nobody_loses_a_binding_by_what_somebody_else_is_called(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let fleet = fleet(SMALL);
        let mut world = World::default();
        for event in &events {
            let before = (world.lines.clone(), world.bindings());
            let known = fleet.bound_members(&before.1);
            world.happens(&fleet, event);
            prop_assert_eq!(world.lines.len(), world.accounts.len());
            let ids: BTreeSet<&AccountId> = world.lines.values().collect();
            prop_assert_eq!(ids.len(), world.lines.len(), "an account is two lines");
            for (line, account) in &world.lines {
                prop_assert_eq!(&world.accounts[account], line);
            }
            if !matches!(event, Event::Rebind(..) | Event::Close(_)) {
                for (line, account) in &before.0 {
                    prop_assert_eq!(world.lines.get(line), Some(account), "{:?}", event);
                }
                let now = fleet.bound_members(&world.bindings());
                // A line that somebody rebound, and whose new account is closed since, is nobody's: whoever found
                // an account for it earlier may still be faster than the stack that was left behind.
                let is_left_behind = |account: &AccountId| !before.0.values().any(|it| it == account);
                let is_late = matches!(event, Event::Late);
                for (account, member) in known.iter().filter(|it| !(is_late && is_left_behind(it.0))) {
                    prop_assert_eq!(now.get(account), Some(member), "{:?}", event);
                }
            }
        }
    }
}
