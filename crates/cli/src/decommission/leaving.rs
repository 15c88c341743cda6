//! An account that is given up.

use phonehome_accounts::AwsOrganization;
use phonehome_aws::{DynamoTable, Session, sdk};
use phonehome_closing::{Decommissioned, Hindrance, decommissioned_key, look};
use phonehome_cloud::table::{Doc, Table as _};
use phonehome_cloud::{Account, Organization as _, SystemClock};
use phonehome_fleet::{Fleet, Line};
use phonehome_planner::{Decommission, render};
use phonehome_provision::{AwsMembers, COOLDOWN_MS, LeftData, Provision, StackProgress};
use phonehome_state::{Keys, StackStatus, Unread, bindings, readable};
use phonehome_vending::made;
use phonehome_wire::{AccountId, Region};

use crate::output::Failure;
use crate::targets::Access;

/// An account that no version in use has as a line.
pub(super) struct Leaving {
    pub(super) session: Session,
    pub(super) table: DynamoTable,
    /// What is in force.
    pub(super) fleet: Fleet,
    pub(super) id: AccountId,
    pub(super) name: String,
    /// The line that it was; `None` where nobody knows.
    pub(super) line: Option<Line>,
    pub(super) stacks: Vec<StackStatus>,
    /// It is closed, or has left the organization.
    is_gone: bool,
    /// That it was given up is recorded already.
    is_recorded: bool,
}

/// What becomes, or became, of one stack.
pub(super) struct StackOutcome {
    pub(super) region: Region,
    pub(super) block: String,
    pub(super) done: bool,
    pub(super) message: String,
}

impl Leaving {
    /// `closes`: also one whose network is gone already, for its account may still be there.
    pub(super) async fn read(id: &AccountId, closes: bool, table: &str) -> Result<Self, Failure> {
        let session = sdk::connect().await.map_err(Failure::other)?;
        let table = DynamoTable::new(&session, table);
        let desired = phonehome_state::desired(&table).await.map_err(Failure::other)?;
        let account = AwsOrganization::new(&session).account(id).await.map_err(Failure::other)?;
        let is_gone = !account.as_ref().is_some_and(|account| account.active);
        let bindings = bindings(&table).await.map_err(Failure::other)?;
        let mut members = desired.fleets().filter_map(|fleet| fleet.member_for(id, &bindings));
        if let Some(member) = members.next().filter(|_| !is_gone) {
            return Err(Failure::input(format!(
                "{} ({id}) is in the published fleet file, so its stack would be made again: take it out and \
                 publish the file first",
                member.account_name
            )));
        }
        let stacks = stacks(&table, id).await?;
        let record = table.get(&decommissioned_key(id)).await.map_err(Failure::other)?;
        let record = record.as_ref().map(Doc::read::<Decommissioned>).transpose().map_err(Failure::other)?;
        let made = made(&table).await.map_err(Failure::other)?;
        let line = bindings.last_line_of(id).or_else(|| made.get(id)).cloned();
        match &record {
            _ if !stacks.is_empty() || line.is_some() => {}
            Some(_) if closes => {}
            Some(_) => {
                return Err(Failure::input(format!(
                    "account {id} is decommissioned already; with --close-account it is closed"
                )));
            }
            None => {
                return Err(Failure::input(format!(
                    "account {id} has no stack, and is no line's; `phonehome status` lists all"
                )));
            }
        }
        let name = name(account, stacks.first(), record.as_ref()).unwrap_or_else(|| id.to_string());
        let is_recorded = record.is_some();
        let line = line.or(record.map(|record| record.line));
        let fleet = desired.in_force().fleet.clone();
        Ok(Self { session, table, fleet, id: id.clone(), name, line, stacks, is_gone, is_recorded })
    }

    pub(super) fn provision(&self, access: Access) -> Provision<DynamoTable, AwsMembers> {
        let members = AwsMembers::new(self.session.clone(), access.role(&self.fleet.organization));
        Provision { table: self.table.clone(), members, cooldown_ms: COOLDOWN_MS, clock: SystemClock }
    }

    /// A Region of the fleet's, in which the account is asked for its others.
    pub(super) fn home(&self) -> Region {
        self.fleet.regions[0].name.clone()
    }

    /// What would become of each stack. Changes nothing.
    pub(super) async fn preview(&self, mode: Decommission) -> Result<Vec<StackOutcome>, Failure> {
        let provision = self.provision(Access::Observe);
        let mut shown = Vec::new();
        for status in &self.stacks {
            let message = if self.is_gone {
                "the account is closed or has left: only its block is released".to_owned()
            } else {
                let plan = provision.preview_decommission(status, mode).await.map_err(Failure::other)?;
                render::text(&plan)
            };
            shown.push(outcome(status, false, message));
        }
        Ok(shown)
    }

    /// What keeps the account from being closed, but what phonehome takes away before: what is in it, and what could
    /// not be seen of it. `left`: where it is to be closed.
    pub(super) async fn in_the_way(&self, left: Option<LeftData>) -> Vec<String> {
        let Some(left) = left.filter(|_| !self.is_gone) else { return vec![] };
        let premises = self.provision(Access::Observe).premises(&self.id, &self.home(), left).await;
        let goes = |it: &Hindrance| matches!(it, Hindrance::Found { found, .. } if found.ours);
        let has_network = !self.stacks.is_empty();
        let found = look(&self.id, &premises).into_iter().filter(|it| !(has_network && goes(it)));
        found.map(|it| it.to_string()).collect()
    }

    /// Gives all of it up.
    pub(super) async fn carry_out(&self, mode: Decommission) -> Result<Vec<StackOutcome>, Failure> {
        let provision = self.provision(Access::Change);
        let mut done = Vec::new();
        for status in &self.stacks {
            let (stack, days) = (status.stack(), self.fleet.network.quarantine_days);
            let decommissioned = provision.decommission(&stack, mode, self.is_gone, days).await;
            done.push(outcome_of(status, &decommissioned.map_err(Failure::other)?.progress));
        }
        // One that never got a network is given up by this alone.
        if let (true, Some(line)) = (self.stacks.is_empty(), &self.line) {
            if !self.is_recorded {
                provision.note_decommissioned(&self.id, &self.name, line).await.map_err(Failure::other)?;
            }
            provision.free(&self.id).await.map_err(Failure::other)?;
        }
        Ok(done)
    }
}

async fn stacks(table: &DynamoTable, id: &AccountId) -> Result<Vec<StackStatus>, Failure> {
    let stacks = readable::<StackStatus>(table, Keys::STACKS).await.map_err(Failure::other)?;
    let is_its = |unread: &&Unread| unread.stack().is_some_and(|stack| stack.account == *id);
    if let Some(unread) = stacks.unreadable.iter().find(is_its) {
        let (key, problem) = (&unread.doc.key.sort, &unread.problem);
        return Err(Failure::other(format!("the stack {key} is unreadable ({problem}): mend it first")));
    }
    Ok(stacks.found.into_iter().map(|(_, status)| status).filter(|status| status.account == *id).collect())
}

/// What the account is called, by whoever knows it best.
fn name(
    account: Option<Account>,
    stack: Option<&StackStatus>,
    record: Option<&Decommissioned>,
) -> Option<String> {
    let stored = stack.map(|it| &it.account_name).or(record.map(|it| &it.account_name)).cloned();
    account.map(|account| account.name).or(stored)
}

fn outcome(status: &StackStatus, done: bool, message: String) -> StackOutcome {
    StackOutcome { region: status.region.clone(), block: status.cidr.to_string(), done, message }
}

fn outcome_of(status: &StackStatus, progress: &StackProgress) -> StackOutcome {
    match progress {
        StackProgress::Converged => {
            outcome(status, true, "decommissioned; its block is in quarantine".to_owned())
        }
        StackProgress::Later { reason, .. } | StackProgress::Outdated(reason) => {
            outcome(status, false, format!("not gone yet: {reason}. Run the same again in a minute"))
        }
        StackProgress::Failed(reason) => outcome(status, false, format!("not decommissioned: {reason}")),
    }
}
