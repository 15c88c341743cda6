//! Orders and pace in the table.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::{ATTEMPTS, Doc, Key, Table, TableError, Write, key, on_conflict};
use phonehome_fleet::{Line, Roster};
use phonehome_wire::AccountId;

use crate::lines::Lines;
use crate::order::Order;
use crate::pace::{Held, Pace};

/// Partition of the orders, each under its line.
pub const ORDERS: &str = "vending";

/// All orders, for who does not make accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// Those that can be read, by their lines.
    pub orders: BTreeMap<Line, Order>,
    /// The lines of the others.
    pub unreadable: BTreeSet<Line>,
}

impl Orders {
    /// Reads them: one partition.
    ///
    /// # Errors
    /// [`TableError`]: of the table. What cannot be read is in [`Orders::unreadable`].
    pub async fn read(table: &impl Table) -> Result<Self, TableError> {
        let Docs { orders, unreadable, .. } = Docs::read(table).await?;
        Ok(Self { orders, unreadable })
    }

    /// Whether a line may become an account because of the account's name. Not while an account of that name, or for that
    /// line, is being made: which one it is says its order alone. Once the order says so, whoever was made for a line is no
    /// other one's by its name, and the line takes no other account while its own is active.
    #[must_use]
    pub fn may_bind_by_name(
        &self,
        line: &Line,
        account: (&AccountId, &str),
        lines: &Lines,
        active: &Roster,
    ) -> bool {
        let unreadable = self.unreadable.iter().any(|it| lines.are_one(it, line));
        !unreadable && self.orders.values().all(|order| leaves(order, line, account, lines, active))
    }
}

/// Whether an order has nothing against it that a line becomes an account by the account's name.
fn leaves(
    order: &Order,
    line: &Line,
    (id, name): (&AccountId, &str),
    lines: &Lines,
    active: &Roster,
) -> bool {
    let is_its_line = lines.are_one(&order.line, line);
    match order.account() {
        Some(made) if made == id => is_its_line,
        Some(made) => !(is_its_line && active.contains_key(made)),
        None => !order.is_open() || !(is_its_line || order.account_name == name),
    }
}

/// The documents of the orders.
#[derive(Debug, Default)]
struct Docs {
    orders: BTreeMap<Line, Order>,
    unreadable: BTreeSet<Line>,
    docs: BTreeMap<Line, Doc>,
}

impl Docs {
    async fn read(table: &impl Table) -> Result<Self, TableError> {
        let mut read = Self::default();
        for doc in table.query(ORDERS).await? {
            match doc.read::<Order>() {
                Ok(order) if order_key(&order.line) == doc.key => {
                    read.docs.insert(order.line.clone(), doc);
                    read.orders.insert(order.line.clone(), order);
                }
                _ => {
                    let (domain, environment) = doc.key.sort.split_once('/').unwrap_or((&doc.key.sort, ""));
                    read.unreadable.insert(Line::new(domain, environment));
                }
            }
        }
        Ok(read)
    }
}

/// What is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) pace: Pace,
    pub(crate) orders: BTreeMap<Line, Order>,
    /// The lines of orders that cannot be read.
    pub(crate) unreadable: BTreeSet<Line>,
    pace_doc: Option<Doc>,
    order_docs: BTreeMap<Line, Doc>,
}

pub(crate) fn pace_key() -> Key {
    key("vending/pace", "current")
}

/// Where a line's order is stored.
#[must_use]
pub fn order_key(line: &Line) -> Key {
    key(ORDERS, line.as_str())
}

impl Stored {
    /// Reads the pace first: whoever places an order after that changes it, and so a decision on orders that are older
    /// is not stored.
    pub(crate) async fn read(table: &impl Table) -> Result<Self, TableError> {
        let pace_doc = table.get(&pace_key()).await?;
        let pace = pace_doc.as_ref().map(Doc::read).transpose()?.unwrap_or_default();
        let Docs { orders, unreadable, docs: order_docs } = Docs::read(table).await?;
        Ok(Self { pace, orders, unreadable, pace_doc, order_docs })
    }

    /// Stores an order, in place of the one that was read, unless somebody has written it meanwhile: the next round sees what.
    pub(crate) async fn put(&mut self, table: &impl Table, order: Order) -> Result<(), TableError> {
        if done(table.write(vec![self.write(&order)]).await)? {
            self.orders.insert(order.line.clone(), order);
        }
        Ok(())
    }

    /// Stores an order together with the pace, if neither was written meanwhile. Returns whether they are stored.
    pub(crate) async fn put_with_pace(
        &mut self,
        table: &impl Table,
        order: Order,
        pace: Pace,
    ) -> Result<bool, TableError> {
        let of_order = self.write(&order);
        let of_pace = Write::over(self.pace_doc.as_ref(), pace_key(), &pace);
        let (order_doc, pace_doc) = (of_order.written(), of_pace.written());
        if !done(table.write(vec![of_order, of_pace]).await)? {
            return Ok(false);
        }
        self.order_docs.extend(order_doc.map(|doc| (order.line.clone(), doc)));
        self.orders.insert(order.line.clone(), order);
        self.pace_doc = pace_doc;
        self.pace = pace;
        Ok(true)
    }

    fn write(&self, order: &Order) -> Write {
        Write::over(self.order_docs.get(&order.line), order_key(&order.line), order)
    }
}

/// Changes the pace, whoever else does at the same moment.
pub(crate) async fn change_pace(
    table: &impl Table,
    change: impl Fn(&Pace) -> Pace,
) -> Result<(), TableError> {
    on_conflict(ATTEMPTS, async || {
        let doc = table.get(&pace_key()).await?;
        let before: Pace = doc.as_ref().map(Doc::read).transpose()?.unwrap_or_default();
        table.write(vec![Write::over(doc.as_ref(), pace_key(), &change(&before))]).await
    })
    .await
}

/// Why nothing is asked for at this time, where the pace can be read.
///
/// # Errors
/// [`TableError`]: of the table.
pub async fn held(table: &impl Table, now_ms: u64) -> Result<Option<Held>, TableError> {
    let pace = table.get(&pace_key()).await?.and_then(|doc| doc.read::<Pace>().ok());
    Ok(pace.and_then(|pace| pace.held).filter(|held| held.lasts(now_ms)))
}

/// Whether the writes were made; not if somebody was faster.
fn done(written: Result<(), TableError>) -> Result<bool, TableError> {
    match written {
        Ok(()) => Ok(true),
        Err(TableError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
