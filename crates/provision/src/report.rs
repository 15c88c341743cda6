//! What is reported of an observation.

use crate::observed::Observed;
use crate::{drift, notices};
use phonehome_alerting::Outgoing;
use phonehome_network::Address;
use phonehome_planner::Plan;
use phonehome_state::{Notified, Open, Ready, Withheld};
use std::collections::BTreeSet;

/// What is to be reported of an observation, and what has been reported then. `notified` is `None` for a stack
/// that an older version looked after: what is so already is no news.
pub(crate) fn notify(notified: Option<Notified>, observed: &Observed<'_>) -> (Notified, Vec<Outgoing>) {
    let mut notified = notified.unwrap_or_else(|| of_old(observed));
    let mut outgoing = drift::notify(&mut notified, observed);
    outgoing.extend(notices::notify(&mut notified, observed));
    (notified, outgoing)
}

fn of_old(observed: &Observed<'_>) -> Notified {
    let ready = observed.before.network_ready.then_some(Ready { egress: observed.before.egress_ready });
    let was_withheld = !observed.before.withheld.is_empty();
    let held = observed.plan().filter(|_| was_withheld).into_iter().flat_map(Plan::withheld_otherwise);
    let addresses: BTreeSet<Address> = held.map(|it| it.address.clone()).collect();
    let open = addresses.iter().map(|address| (address.clone(), Open::default())).collect();
    let withheld = (!addresses.is_empty()).then(|| Withheld {
        incident_id: notices::incident(observed.job, "withheld", observed.now_ms),
        addresses,
    });
    Notified { open, ready, withheld, ..Notified::default() }
}
