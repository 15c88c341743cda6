//! Accounts of the organization that are not in the fleet file.

use phonehome_cloud::WallClock;
use phonehome_wire::AccountId;
use std::collections::BTreeSet;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::table::{ATTEMPTS, Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_cloud::{Account, Organization, Queue};
use phonehome_fleet::{Bindings, Fleet, Member};
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{Desired, Keys, Outboxed, bindings};
use phonehome_text::agree;
use phonehome_vending::made;
use serde::{Deserialize, Serialize};

use crate::handler::{Provisioner, table_error};

const DAY_MS: u64 = 24 * 60 * 60_000;
/// How many accounts of a day are kept by name; the rest is a number.
const NAMED_MAX: usize = 50;

/// Which accounts were told to be in no fleet file: each once, as long as it is in none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Unlisted {
    /// Their ids.
    #[serde(rename = "told")]
    notified: BTreeSet<AccountId>,
    /// The day of the newest message, in days since the Unix epoch: one message a day, to which the others
    /// of that day are added.
    day: u64,
    /// What it names: ids and names.
    named: Vec<(AccountId, String)>,
    /// How many more it counts.
    more: usize,
}

/// The lines of a fleet file, by what tells that an account is one.
struct Lines {
    pinned: BTreeSet<AccountId>,
    bound: BTreeSet<AccountId>,
    names: BTreeSet<String>,
}

impl Lines {
    fn of(fleet: &Fleet, bindings: &Bindings) -> Self {
        let (by_id, by_name): (Vec<Member>, Vec<Member>) =
            fleet.members().into_iter().partition(|member| member.account_id.is_some());
        Self {
            pinned: by_id.into_iter().filter_map(|member| member.account_id).collect(),
            bound: fleet.bound_members(bindings).into_keys().collect(),
            names: by_name.into_iter().map(|member| member.account_name).collect(),
        }
    }

    fn have(&self, account: &Account) -> bool {
        let is_known = self.pinned.contains(&account.id) || self.bound.contains(&account.id);
        is_known || self.names.contains(&account.name)
    }
}

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Says which of these accounts, if any, are in no fleet file, each once. `all`: these are all there
    /// are. An account that has the name of a line and is not it is another matter; so is one that is a line of what
    /// is rolled out, and whose turn has not come.
    pub(crate) async fn notify_unlisted(
        &self,
        desired: &Desired,
        accounts: &[Account],
        all: bool,
    ) -> Result<(), Refusal> {
        let (table, key) = (&self.provision.table, Keys::unlisted());
        let bindings = bindings(table).await.map_err(table_error)?;
        let fleet = &desired.in_force().fleet;
        let lines = Lines::of(fleet, &bindings);
        let rolled_out = desired.rolling().map(|rolling| Lines::of(&rolling.target.fleet, &bindings));
        let is_line = |account: &Account| {
            let is_in_force = || !desired.has_turned(&account.id) && lines.have(account);
            rolled_out.as_ref().is_some_and(|lines| lines.have(account)) || is_in_force()
        };
        // What was a line is orphaned, or about to be, and told as that.
        let made = made(table).await.map_err(table_error)?;
        let was_line = |account: &Account| {
            bindings.last_line_of(&account.id).is_some() || made.contains_key(&account.id)
        };
        let is_unlisted = |account: &&Account| {
            account.active && !is_special(fleet, account) && !is_line(account) && !was_line(account)
        };
        let unlisted: Vec<&Account> = accounts.iter().filter(is_unlisted).collect();
        let notified = on_conflict(ATTEMPTS, async || {
            let doc = table.get(&key).await?;
            let before: Unlisted = doc.as_ref().map(Doc::read).transpose()?.unwrap_or_default();
            let mut after = before.clone();
            if all {
                after.notified.retain(|id| unlisted.iter().any(|account| account.id == *id));
            }
            let outgoing = after.notify(fleet, &unlisted, self.provision.clock.now_ms());
            if after == before {
                return Ok(());
            }
            let mut writes = vec![Write::over(doc.as_ref(), key.clone(), &after)];
            writes.extend(outgoing.map(|outgoing| {
                let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
                Write::put(key, Expect::Absent, &Outboxed::new(outgoing))
            }));
            table.write(writes).await
        });
        match notified.await {
            // The next sweep says it.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(table_error(error)),
        }
    }
}

/// Whether it is one of the two accounts that phonehome runs in and for.
fn is_special(fleet: &Fleet, account: &Account) -> bool {
    let organization = &fleet.organization;
    [&organization.hub_account, &organization.management_account].contains(&&account.id)
}

impl Unlisted {
    /// Adds the accounts that are new; returns the message of the day with them.
    fn notify(&mut self, fleet: &Fleet, unlisted: &[&Account], at_ms: u64) -> Option<Outgoing> {
        let new: Vec<&&Account> =
            unlisted.iter().filter(|account| !self.notified.contains(&account.id)).collect();
        if new.is_empty() {
            return None;
        }
        let is_first = self.day != at_ms / DAY_MS || self.named.is_empty();
        if is_first {
            *self =
                Self { notified: std::mem::take(&mut self.notified), day: at_ms / DAY_MS, ..Self::default() };
        }
        for account in &new {
            self.notified.insert(account.id.clone());
            if self.named.len() < NAMED_MAX {
                self.named.push((account.id.clone(), account.name.clone()));
            } else {
                self.more += 1;
            }
        }
        let kind = if is_first { SlackKind::Opened } else { SlackKind::Updated };
        let thread = new
            .iter()
            .take(3)
            .map(|account| Words::new().name(&account.name).text(format!(" ({})", account.id)));
        let thread = thread.reduce(|all, one| all.text(", ").then(one)).unwrap_or_default();
        let rest = new.len().saturating_sub(3);
        let thread = if rest > 0 { thread.text(format!(" and {rest} more")) } else { thread };
        let message = self.message().thread((!is_first).then_some(thread));
        let channel = fleet.alert_routes.last().map(|route| route.slack_channel.as_str())?;
        let incident_id = format!("unlisted/{}", self.day);
        let body = message.body(channel, kind);
        Some(Outgoing {
            id: format!("{incident_id}/{at_ms}/{}", new[0].id),
            incident_id,
            at_ms,
            sequence: 0,
            body,
        })
    }

    fn message(&self) -> SlackMessage {
        let accounts = agree(self.named.len() + self.more, "account is", "accounts are");
        let text = Words::of(format!(":grey_question: {accounts} not in the fleet file"));
        let lines = self.named.iter().map(|(id, name)| Words::new().name(name).text(format!(" ({id})")));
        let lines = lines.chain((0..self.more).map(|_| Words::of("…"))).collect();
        let advice = Words::of(
            "They get no network and are not watched. Add each to the fleet file, or leave it: this is said once.",
        );
        SlackMessage::new(text).list("", lines).section(advice)
    }
}
