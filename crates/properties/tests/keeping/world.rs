//! An organization in memory, as strict as AWS, whose calls are points at which whoever makes them may be stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use phonehome_cloud::table::{Expect, MemoryTable, Write, key};
use phonehome_cloud::{CloudError, WallClock};
use phonehome_fleet::{Contact, ContactType, Line, Properties};
use phonehome_properties::{Keeper, ParentId, PropertiesApi, Round, Subject, Told, Unit};
use phonehome_vending::AccountFactory;
use phonehome_wire::AccountId;

pub(crate) const ROOT: &str = "r-root";
pub(crate) const DAY_MS: u64 = 24 * 60 * 60_000;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) now_ms: u64,
    /// Units by id: parent and name.
    pub(crate) units: BTreeMap<String, (String, String)>,
    pub(crate) parents: BTreeMap<AccountId, String>,
    pub(crate) tags: BTreeMap<AccountId, BTreeMap<String, String>>,
    pub(crate) contacts: BTreeMap<(AccountId, ContactType), Contact>,
    /// Every call that changes something, and `ListParents`.
    pub(crate) calls: Vec<String>,
    /// What a call is answered with instead, by its operation: code, and how often still.
    pub(crate) errors: BTreeMap<&'static str, (&'static str, usize)>,
    /// For how many looks an account that was moved is shown where it was.
    pub(crate) stale_looks: usize,
    /// Accounts that are closed.
    pub(crate) closed: BTreeSet<AccountId>,
    /// Contacts whose name AWS writes otherwise.
    pub(crate) normalises: bool,
    /// What happens just before a call, once.
    pub(crate) before: BTreeMap<&'static str, fn(&mut State)>,
}

/// The organization.
#[derive(Debug, Clone, Default)]
pub(crate) struct World(pub(crate) Arc<Mutex<State>>);

impl WallClock for World {
    fn now_ms(&self) -> u64 {
        1_800_000_000_000 + self.0.lock().unwrap().now_ms
    }
}

fn stop() -> impl Future<Output = ()> + Send {
    let mut stopped = false;
    poll_fn(move |_| if std::mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending })
}

impl State {
    pub(crate) fn has_account(&self, id: &AccountId) -> bool {
        self.parents.contains_key(id)
    }

    /// The path of the unit that an account is in.
    pub(crate) fn path_of(&self, account: &AccountId) -> String {
        let (mut names, mut at) = (vec![], self.parents[account].as_str());
        while let Some((parent, name)) = self.units.get(at) {
            names.insert(0, name.as_str());
            at = parent;
        }
        names.join("/")
    }

    pub(crate) fn make_unit(&mut self, parent: &str, name: &str) -> String {
        let id = format!("ou-{}", self.units.len());
        self.units.insert(id.clone(), (parent.to_owned(), name.to_owned()));
        id
    }
}

impl World {
    pub(crate) fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.0.lock().unwrap())
    }

    async fn call<R>(
        &self,
        operation: &'static str,
        effect: impl FnOnce(&mut State) -> Result<R, &'static str> + Send,
    ) -> Result<R, CloudError> {
        stop().await;
        let answer = self.state(|state| {
            state.now_ms += 50;
            if let Some(happens) = state.before.remove(operation) {
                happens(state);
            }
            match state.errors.get_mut(operation) {
                Some((code, left)) if *left > 0 => {
                    *left -= 1;
                    Err(*code)
                }
                _ => effect(state),
            }
        });
        stop().await;
        answer.map_err(|code| CloudError::service(operation, "x", code, "AWS says no"))
    }
}

impl PropertiesApi for World {
    async fn root(&self) -> Result<ParentId, CloudError> {
        self.call("organizations:ListRoots", |_| Ok(ParentId::new(ROOT))).await
    }

    async fn units_in(&self, parent: &ParentId) -> Result<Vec<Unit>, CloudError> {
        self.call("organizations:ListOrganizationalUnitsForParent", |state| {
            if parent.as_str() != ROOT && !state.units.contains_key(parent.as_str()) {
                return Err("ParentNotFoundException");
            }
            let inside = state.units.iter().filter(|(_, (of, _))| of == parent.as_str());
            Ok(inside.map(|(id, (_, name))| Unit { id: ParentId::new(id), name: name.clone() }).collect())
        })
        .await
    }

    async fn parent_of(&self, account: &AccountId) -> Result<ParentId, CloudError> {
        self.call("organizations:ListParents", |state| {
            state.calls.push(format!("look {account}"));
            if state.stale_looks > 0 && state.parents.contains_key(account) {
                state.stale_looks -= 1;
                return Ok(ParentId::new(ROOT));
            }
            state.parents.get(account).map(ParentId::new).ok_or("ChildNotFoundException")
        })
        .await
    }

    async fn create_unit(&self, parent: &ParentId, name: &str) -> Result<(), CloudError> {
        self.call("organizations:CreateOrganizationalUnit", |state| {
            if parent.as_str() != ROOT && !state.units.contains_key(parent.as_str()) {
                return Err("ParentNotFoundException");
            }
            if state.units.values().any(|(of, it)| of == parent.as_str() && it == name) {
                return Err("DuplicateOrganizationalUnitException");
            }
            state.calls.push(format!("create {name}"));
            state.make_unit(parent.as_str(), name);
            Ok(())
        })
        .await
    }

    async fn move_account(
        &self,
        account: &AccountId,
        from: &ParentId,
        to: &ParentId,
    ) -> Result<(), CloudError> {
        self.call("organizations:MoveAccount", |state| {
            let Some(parent) = state.parents.get(account).cloned() else {
                return Err("AccountNotFoundException");
            };
            match (parent == to.as_str(), parent == from.as_str()) {
                (true, _) => return Err("DuplicateAccountException"),
                (_, false) => return Err("SourceParentNotFoundException"),
                _ => {}
            }
            if !state.units.contains_key(to.as_str()) {
                return Err("DestinationParentNotFoundException");
            }
            state.calls.push(format!("move {account}"));
            state.parents.insert(account.clone(), to.as_str().to_owned());
            Ok(())
        })
        .await
    }

    async fn is_active(&self, account: &AccountId) -> Result<bool, CloudError> {
        self.call("organizations:DescribeAccount", |state| Ok(!state.closed.contains(account))).await
    }

    async fn tags(&self, account: &AccountId) -> Result<BTreeMap<String, String>, CloudError> {
        self.call("organizations:ListTagsForResource", |state| {
            if !state.has_account(account) {
                return Err("TargetNotFoundException");
            }
            Ok(state.tags.get(account).cloned().unwrap_or_default())
        })
        .await
    }

    async fn tag(&self, account: &AccountId, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
        self.call("organizations:TagResource", |state| {
            let there = state.tags.entry(account.clone()).or_default();
            let mut after = there.clone();
            after.extend(tags.clone());
            if after.len() > 50 {
                return Err("ConstraintViolationException");
            }
            *there = after;
            state.calls.push(format!("tag {account} {}", tags.keys().cloned().collect::<Vec<_>>().join(",")));
            Ok(())
        })
        .await
    }

    async fn untag(&self, account: &AccountId, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        self.call("organizations:UntagResource", |state| {
            state.tags.entry(account.clone()).or_default().retain(|key, _| !keys.contains(key));
            state
                .calls
                .push(format!("untag {account} {}", keys.iter().cloned().collect::<Vec<_>>().join(",")));
            Ok(())
        })
        .await
    }

    async fn contact(&self, account: &AccountId, which: ContactType) -> Result<Option<Contact>, CloudError> {
        self.call("account:GetAlternateContact", |state| {
            Ok(state.contacts.get(&(account.clone(), which)).cloned())
        })
        .await
    }

    async fn put_contact(
        &self,
        account: &AccountId,
        which: ContactType,
        contact: &Contact,
    ) -> Result<(), CloudError> {
        self.call("account:PutAlternateContact", |state| {
            let mut contact = contact.clone();
            if state.normalises {
                contact.name = contact.name.to_uppercase();
            }
            state.calls.push(format!("put {account} {which}"));
            state.contacts.insert((account.clone(), which), contact);
            Ok(())
        })
        .await
    }
}

/// An organization, a table, and keepers at work in it.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) table: MemoryTable,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) factory: AccountFactory,
}

pub(crate) fn account(number: usize) -> AccountId {
    format!("{:012}", 333_000_000_000_usize + number).parse().unwrap()
}

pub(crate) fn subject(number: usize, vended: bool, properties: Properties) -> Subject {
    Subject { line: Line::new(&format!("d{number}"), "prod"), account: account(number), properties, vended }
}

type Work<'a> = Pin<Box<dyn Future<Output = Round> + 'a>>;

impl Run {
    /// With these accounts, all of them in the root.
    pub(crate) fn new(subjects: Vec<Subject>) -> Self {
        let world = World::default();
        for subject in &subjects {
            world.state(|state| drop(state.parents.insert(subject.account.clone(), ROOT.to_owned())));
        }
        let (table, factory) = (MemoryTable::default(), AccountFactory::Phonehome);
        Self { world, table, subjects, factory }
    }

    pub(crate) fn keeper(&self) -> Keeper<World, MemoryTable, World> {
        Keeper::new(self.world.clone(), self.table.clone(), self.world.clone(), self.factory)
    }

    fn work<'a>(&'a self, keeper: &'a mut Keeper<World, MemoryTable, World>) -> Work<'a> {
        Box::pin(async move {
            let tell = |told: &Told, now_ms: u64| {
                let text = told.to_string();
                vec![Write::put(key("outbox", format!("{now_ms:015}/{text}")), Expect::Absent, &text)]
            };
            keeper.round(&self.subjects, &tell).await.unwrap()
        })
    }

    /// One round of a keeper.
    pub(crate) fn round(&self, keeper: &mut Keeper<World, MemoryTable, World>) -> Round {
        let mut work = self.work(keeper);
        loop {
            if let Poll::Ready(round) = poll(&mut work) {
                return round;
            }
        }
    }

    /// A round of a new keeper.
    pub(crate) fn once(&self) -> Round {
        self.round(&mut self.keeper())
    }

    /// The same a day later, as often as needed.
    pub(crate) fn days(&self, days: usize) {
        for _ in 0..days {
            self.pass(DAY_MS);
            self.once();
        }
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.world.state(|state| state.now_ms += ms);
    }

    /// A round whose keeper is gone at the point of this number; `false`: it had ended before.
    pub(crate) fn dies_at(&self, point: usize) -> bool {
        let mut keeper = self.keeper();
        let mut work = self.work(&mut keeper);
        for _ in 0..=point {
            if poll(&mut work).is_ready() {
                return false;
            }
        }
        true
    }

    /// Rounds of two keepers, at once.
    pub(crate) fn two_at_once(&self, first_ahead: usize) {
        let (mut one, mut other) = (self.keeper(), self.keeper());
        let (mut one, mut other) = (self.work(&mut one), self.work(&mut other));
        let (mut one_done, mut other_done) = (false, false);
        for _ in 0..first_ahead {
            one_done = one_done || poll(&mut one).is_ready();
        }
        while !one_done || !other_done {
            other_done = other_done || poll(&mut other).is_ready();
            one_done = one_done || poll(&mut one).is_ready();
        }
    }

    /// Everything that was told, in its order.
    pub(crate) fn told(&self) -> Vec<String> {
        let docs = now(phonehome_cloud::table::Table::query(&self.table, "outbox")).unwrap();
        docs.iter().map(|doc| doc.read::<String>().unwrap()).collect()
    }

    /// The calls that changed something, and how often accounts were looked at, since the last time.
    pub(crate) fn calls(&self) -> (Vec<String>, usize) {
        let calls = self.world.state(|state| std::mem::take(&mut state.calls));
        let (looks, changes): (Vec<String>, Vec<String>) =
            calls.into_iter().partition(|it| it.starts_with("look"));
        (changes, looks.len())
    }

    pub(crate) fn changes(&self) -> Vec<String> {
        self.calls().0
    }

    /// Whether every account bears what is declared.
    pub(crate) fn is_as_declared(&self) -> bool {
        self.world.state(|state| {
            self.subjects.iter().all(|Subject { account, properties, .. }| {
                let tags = state.tags.get(account).cloned().unwrap_or_default();
                let unit = properties.unit.as_ref();
                unit.is_none_or(|unit| unit.to_string() == state.path_of(account))
                    && properties.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
                    && properties.contacts.iter().all(|(which, contact)| {
                        state.contacts.get(&(account.clone(), *which)) == Some(contact)
                    })
            })
        })
    }
}

fn poll(work: &mut Work<'_>) -> Poll<Round> {
    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// What is there at once.
fn now<R>(work: impl Future<Output = R>) -> R {
    let mut work = Box::pin(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the table in memory waits for nobody"),
    }
}
