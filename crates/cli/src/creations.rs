//! The lines that are no account, and the accounts that are made for them with permission.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::Table;
use phonehome_fleet::{Fleet, Line};
use phonehome_planner::{NewNetwork, new_networks};
use phonehome_state::{PermittedAccount, readable};
use phonehome_vending::{ORDERS, Order, Vacancies, Vacancy, order_key};

use crate::output::Failure;
use crate::who::Who;

/// For which lines an account is permitted, and since when; milliseconds since the Unix epoch.
pub(crate) type Permitted = BTreeMap<Line, u64>;

/// The permissions of a version by their lines.
pub(crate) fn permitted(accounts: &[PermittedAccount]) -> Permitted {
    accounts.iter().map(|it| (it.line.clone(), it.at_ms)).collect()
}

/// What is known of the accounts that are made: the orders, and the lines of those that cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) orders: BTreeMap<Line, Order>,
    pub(crate) unreadable: BTreeSet<Line>,
}

impl Orders {
    pub(crate) async fn read(table: &impl Table) -> Result<Self, Failure> {
        let read = readable::<Order>(table, ORDERS).await.map_err(Failure::other)?;
        let mut orders = Self::default();
        let named =
            |sort: &str| sort.split_once('/').map(|(domain, environment)| Line::new(domain, environment));
        orders.unreadable.extend(read.unreadable.iter().filter_map(|it| named(&it.doc.key.sort)));
        for (doc, order) in read.found {
            match order_key(&order.line) == doc.key {
                true => drop(orders.orders.insert(order.line.clone(), order)),
                false => orders.unreadable.extend(named(&doc.key.sort)),
            }
        }
        Ok(orders)
    }
}

/// The lines of a fleet file that are no account.
#[derive(Debug, Default)]
pub(crate) struct Creations {
    /// In the file's order.
    vacancies: Vec<Vacancy>,
    /// The networks that an account of each environment will have.
    networks: BTreeMap<String, Vec<NewNetwork>>,
}

impl Creations {
    pub(crate) fn of(fleet: &Fleet, who: &Who, orders: &Orders, permitted: &Permitted) -> Self {
        let (bindings, accounts) = (&who.bindings, who.accounts.as_slice());
        let Orders { orders, unreadable } = orders;
        let vacancies = Vacancies { fleet, bindings, accounts, orders, unreadable, permitted }.all();
        let networks =
            |it: &Vacancy| (it.member.environment.clone(), new_networks(fleet, &it.member.environment));
        Self { networks: vacancies.iter().map(networks).collect(), vacancies }
    }

    /// The same of these lines alone.
    pub(crate) fn only(self, is_wanted: impl Fn(&Vacancy) -> bool) -> Self {
        Self { vacancies: self.vacancies.into_iter().filter(|it| is_wanted(it)).collect(), ..self }
    }

    /// The lines for which an account is made once that is permitted, in the file's order.
    pub(crate) fn to_permit(&self) -> Vec<&Vacancy> {
        self.vacancies.iter().filter(|it| it.needs_permission()).collect()
    }

    /// All lines that are no account, in the file's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Vacancy> {
        self.vacancies.iter()
    }

    /// Whether it is told of a line what becomes of it.
    pub(crate) fn has(&self, line: &Line) -> bool {
        self.any(line, |_| true)
    }

    /// Whether a line is no account, and this is so of it.
    pub(crate) fn any(&self, line: &Line, is_so: impl Fn(&Vacancy) -> bool) -> bool {
        self.vacancies.iter().any(|it| it.line() == *line && is_so(it))
    }

    /// What is permitted with the plan, for its hash: a line of text for each account that there is to permit.
    pub(crate) fn terms(&self) -> Vec<String> {
        let term = |it: &&Vacancy| {
            let networks = self.networks_of(it);
            serde_json::json!(["create account", it.line(), it.account_name, it.email, networks]).to_string()
        };
        let mut terms: Vec<String> = self.to_permit().iter().map(term).collect();
        terms.sort();
        terms
    }

    /// The accounts that there are to permit, those with networks alike together, in the file's order.
    fn classes(&self) -> Vec<(&[NewNetwork], Vec<&Vacancy>)> {
        let mut classes: Vec<(&[NewNetwork], Vec<&Vacancy>)> = Vec::new();
        for it in self.to_permit() {
            let networks = self.networks_of(it);
            match classes.iter_mut().find(|(its, _)| *its == networks) {
                Some((_, members)) => members.push(it),
                None => classes.push((networks, vec![it])),
            }
        }
        classes
    }

    /// The lines for which there is nothing to permit, those of which the same is told together, in the file's order.
    fn others(&self) -> Vec<(String, Vec<&Vacancy>)> {
        let others = self.vacancies.iter().filter(|it| !it.needs_permission());
        alike(others)
    }

    fn networks_of(&self, it: &Vacancy) -> &[NewNetwork] {
        self.networks.get(&it.member.environment).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Lines of which the same is told, together.
fn alike<'v>(vacancies: impl Iterator<Item = &'v Vacancy>) -> Vec<(String, Vec<&'v Vacancy>)> {
    let mut alike: Vec<(String, Vec<&Vacancy>)> = Vec::new();
    for it in vacancies {
        let text = it.to_string();
        match alike.iter_mut().find(|(told, _)| *told == text) {
            Some((_, members)) => members.push(it),
            None => alike.push((text, vec![it])),
        }
    }
    alike
}

#[cfg(test)]
mod tests;
