//! An account that was made becomes its line, and the provisioner looks at it at once.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::Table;
use phonehome_cloud::{Message, Organization, Queue, WallClock};
use phonehome_fleet::{Bindings, Fleet, Line, LineState, Roster};
use phonehome_runtime::Error;
use phonehome_state::bind;
use phonehome_vending::{Order, OrderState};
use phonehome_wire::AccountId;
use serde_json::json;

use crate::handler::Vending;
use crate::lazily::OpenVending;
use crate::look::Look;

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// Binds what was made, and has it looked at; each as often as it is not known to be done. Returns the lines, as
    /// their orders call them, whose accounts are theirs and were asked to be looked at.
    pub(crate) async fn settle(
        &self,
        look: &Look,
        bindings: &Bindings,
        orders: &BTreeMap<Line, Order>,
    ) -> Result<BTreeSet<Line>, Error> {
        let mut settled = BTreeSet::new();
        for order in orders.values().filter(|order| !look.is_over(order)) {
            let OrderState::Made { account, .. } = &order.state else { continue };
            if !self.is_bound(look.fleet(), bindings, order, account).await? {
                continue;
            }
            if !look.notes.get(order.line.as_str()).is_some_and(|(_, note)| note.queued) {
                let body = json!({ "reconcile": { "account": account } }).to_string();
                self.queue.send(Message { body, ..Message::default() }).await?;
                tracing::info!(line = order.line.as_str(), account = account.as_str(), "made, and bound");
            }
            settled.insert(order.line.clone());
        }
        Ok(settled)
    }

    /// Whether an order's line is its account, now at least: by the order's id alone, and over no other binding.
    async fn is_bound(
        &self,
        fleet: &Fleet,
        bindings: &Bindings,
        order: &Order,
        account: &AccountId,
    ) -> Result<bool, Error> {
        let Some(member) = fleet.member_at(&order.line) else { return Ok(false) };
        let identified = fleet.identify(bindings, &Roster::new()).lines;
        let state = identified.into_iter().find(|it| it.member == member).map(|it| it.state);
        match state {
            Some(LineState::Bound { account: bound, .. }) => return Ok(bound == *account),
            Some(LineState::Vacant) => {}
            // Nobody can say which of several accounts it is.
            _ => return Ok(false),
        }
        let is_pinned_elsewhere = member.account_id.as_ref().is_some_and(|pinned| pinned != account);
        if bindings.is_partial() || bindings.last_line_of(account).is_some() || is_pinned_elsewhere {
            return Ok(false);
        }
        // Where somebody else was faster, the next look says who.
        let now_ms = self.clock.now_ms();
        Ok(bind(&self.table, &member.line(), account, &order.account_name, now_ms).await?)
    }
}
