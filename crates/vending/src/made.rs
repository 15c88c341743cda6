//! Which accounts were made, and for which lines.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Table, TableError};
use phonehome_fleet::Line;
use phonehome_wire::AccountId;

use crate::order::{Order, OrderState};
use crate::stored::ORDERS;

/// The line that each account was made for, as far as orders can be read.
///
/// # Errors
/// [`TableError`]
pub async fn made(table: &impl Table) -> Result<BTreeMap<AccountId, Line>, TableError> {
    let orders = table.query(ORDERS).await?.into_iter().filter_map(|doc| doc.read::<Order>().ok());
    let made = orders.filter_map(|order| match order.state {
        OrderState::Made { account, .. } => Some((account, order.line)),
        _ => None,
    });
    Ok(made.collect())
}
