//! What there is to do, by what is stored: a quiet minute is over here, after four reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use phonehome_cloud::table::{Doc, Table};
use phonehome_fleet::{Bindings, Fleet, Line, LineState, Member, Roster};
use phonehome_runtime::Error;
use phonehome_state::{InForce, Keys, LastRead, VendingNote, readable, roll_out};
use phonehome_vending::{AccountFactory, Order, OrderState, Orders};

/// What is stored of the accounts that are to be made.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) in_force: Arc<InForce>,
    /// The lines for which an account was permitted, and when. None while another version is rolled out: an account is
    /// for good, and that version may not declare its line any more.
    pub(crate) permitted: BTreeMap<Line, u64>,
    /// Whether another version is being rolled out.
    pub(crate) waits_for_roll_out: bool,
    pub(crate) orders: Orders,
    /// What was told, by what it is about.
    pub(crate) notes: BTreeMap<String, (Doc, VendingNote)>,
}

impl Look {
    /// # Errors
    /// The table cannot be asked, or the version in force or the roll-out cannot be read: nothing is done then.
    pub(crate) async fn at(table: &impl Table, last_read: &LastRead) -> Result<Self, Error> {
        // The roll-out first: should it end in between, its version is the one in force.
        let waits_for_roll_out = roll_out(table).await?.is_some_and(|(_, it)| !it.is_over());
        let in_force = last_read.in_force(table).await?;
        let permitted = match waits_for_roll_out {
            true => BTreeMap::new(),
            false => permitted(&in_force),
        };
        let orders = Orders::read(table).await?;
        let notes = readable::<VendingNote>(table, Keys::VENDING_NOTES).await?.found.into_iter();
        let notes = notes.map(|(doc, note)| (doc.key.sort.clone(), (doc, note))).collect();
        Ok(Self { in_force, permitted, waits_for_roll_out, orders, notes })
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.in_force.fleet
    }

    pub(crate) fn factory(&self) -> AccountFactory {
        match self.fleet().vending.as_ref().is_some_and(|it| it.control_tower) {
            true => AccountFactory::ControlTower,
            false => AccountFactory::Phonehome,
        }
    }

    /// Whether all that there was to do and to tell is done: no order is open, and no line waits for one.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut orders = self.orders.orders.values();
        let has_none = |line: &Line| !self.orders.orders.contains_key(line);
        orders.all(|order| self.is_over(order))
            && self.orders.unreadable.is_empty()
            && !self.permitted.keys().any(has_none)
            && self.notes.values().all(|(_, note)| note.over)
    }

    /// Whether everything was told of an order: its account is there, and ready or another line.
    pub(crate) fn is_over(&self, order: &Order) -> bool {
        self.notes.get(order.line.as_str()).is_some_and(|(_, note)| note.over)
    }

    /// The permitted lines that are no account yet, and for which Organizations may be asked now or later.
    pub(crate) fn waiting(&self, bindings: &Bindings) -> Vec<Line> {
        let identified = self.fleet().identify(bindings, &Roster::new()).lines.into_iter();
        let vacant = identified.filter(|it| it.state == LineState::Vacant).map(|it| it.member);
        let lines = vacant.filter(|it| it.account_id.is_none()).map(|it| it.line());
        lines
            .filter(|line| self.permitted.get(line).is_some_and(|at_ms| self.may_ask(line, *at_ms)))
            .collect()
    }

    fn may_ask(&self, line: &Line, permitted_at_ms: u64) -> bool {
        let Some(order) = self.orders.orders.get(line) else { return true };
        matches!(order.state, OrderState::Waiting { .. }) || order.is_permitted_anew(permitted_at_ms)
    }

    /// The e-mail address of each line's account; none where accounts are others' to make.
    pub(crate) fn emails(&self) -> BTreeMap<Line, String> {
        let fleet = self.fleet();
        match fleet.vending.as_ref() {
            Some(vending) if vending.control_tower => {
                fleet.members().iter().map(|member| (member.line(), String::new())).collect()
            }
            _ => fleet.vending_emails(),
        }
    }
}

/// Where Control Tower makes the accounts every line waits for one, and nobody has to permit it.
fn permitted(in_force: &InForce) -> BTreeMap<Line, u64> {
    let fleet = &in_force.fleet;
    if fleet.vending.as_ref().is_some_and(|it| it.control_tower) {
        let lines = fleet.members().into_iter();
        return lines.map(|member: Member| (member.line(), in_force.published_at_ms)).collect();
    }
    in_force.accepted.accounts.iter().map(|it| (it.line.clone(), it.at_ms)).collect()
}
