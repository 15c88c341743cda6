//! Which member of the fleet an account is: by its id, once it was met.

use phonehome_cloud::WallClock;
use phonehome_wire::StackId;
use std::collections::BTreeSet;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::table::{Expect, Key, MayConflict, Table, TableError, Write, on_conflict};
use phonehome_cloud::{Account, Organization, Queue};
use phonehome_fleet::{
    Binding, Bindings, Finding, Fleet, Identification, IdentifiedLine, LineState, Member, Roster,
};
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{Desired, Keys, NotifiedFinding, Outboxed, bindings, keep};
use phonehome_vending::{Lines, Orders};

use crate::handler::{Provisioner, later, table_error};

/// How often it is decided anew when somebody else binds at the same moment.
const ATTEMPTS_MAX: u32 = 10;

/// Why an attempt to bind an account came to nothing.
enum Unbound {
    /// Somebody else bound something at the same moment.
    Contended,
    Refused(Refusal),
}

impl From<Refusal> for Unbound {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl MayConflict for Unbound {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Contended)
    }
}

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// The member that an active account is. One that was never met before is bound now; that takes an
    /// observation of the whole organization, as another account may have its name. `None`: it is none, or
    /// nobody can say which, which is reported.
    pub(crate) async fn member(
        &self,
        desired: &Desired,
        account: &Account,
    ) -> Result<Option<Member>, Refusal> {
        let member = on_conflict(ATTEMPTS_MAX, async || self.try_member(desired, account).await).await;
        member.map_err(|unbound| match unbound {
            Unbound::Contended => Refusal::Later(format!(
                "{ATTEMPTS_MAX} attempts to bind account {} met other changes",
                account.id
            )),
            Unbound::Refused(refusal) => refusal,
        })
    }

    async fn try_member(&self, desired: &Desired, account: &Account) -> Result<Option<Member>, Unbound> {
        let (table, id) = (&self.provision.table, &account.id);
        let (fleet, has_turned) = (desired.of(id).fleet, desired.has_turned(id));
        if let Some(member) = self.met(fleet, account).await? {
            return Ok(Some(member));
        }
        let bindings = bindings(table).await.map_err(table_error)?;
        let is_met = fleet.member_for(id, &bindings).is_some();
        let roster = match (is_met, fleet.named(id, &account.name).is_some() || bindings.has_stack(id)) {
            (true, _) => Roster::from([(account.id.clone(), account.name.clone())]),
            (false, true) => self.roster().await?,
            (false, false) => return Ok(None),
        };
        let identify = fleet.identify(&bindings, &roster);
        self.notify_of(fleet, identify.about(id)).await?;
        let Some(identified) = identify.of(id) else { return Ok(None) };
        if !self.names(fleet, &bindings).await?.may_bind(identified, &roster) {
            // It is looked at again once its order says whose it is.
            tracing::info!(
                account = id.as_str(),
                name = account.name,
                "an account of this line or name is being made"
            );
            return Ok(None);
        }
        if has_turned {
            // Under the name that its line has in the file in force it is found by both.
            return Ok(Some(identified.member.clone()));
        }
        let now_ms = self.provision.clock.now_ms();
        match keep(table, identified, &roster, now_ms).await.map_err(table_error)? {
            true => Ok(Some(identified.member.clone())),
            false => Err(Unbound::Contended),
        }
    }

    /// The member that an account is, where that is stored under its line and nothing is to be told of it: by far the
    /// most frequent case, and two documents, however large the fleet is. What concerns other accounts as well the
    /// sweep tells.
    async fn met(&self, fleet: &Fleet, account: &Account) -> Result<Option<Member>, Refusal> {
        let bound = async |key: Key| -> Result<Option<Binding>, Refusal> {
            let doc = self.provision.table.get(&key).await.map_err(table_error)?;
            Ok(doc.and_then(|doc| doc.read().ok()))
        };
        let Some(of_account) = bound(Keys::bound_account(&account.id)).await? else { return Ok(None) };
        let of_line = bound(Keys::binding(&of_account.line)).await?;
        let member = fleet.members().into_iter().find(|it| it.line() == of_account.line);
        let is_as_declared = |member: &Member| match &member.account_id {
            Some(pinned) => *pinned == account.id,
            None => member.account_name == account.name,
        };
        let is_its = of_line.is_some_and(|it| it.account == account.id);
        Ok(member.filter(|member| is_its && is_as_declared(member)))
    }

    /// Binds every line of the file to the account that was found for it, and tells what people have to put
    /// right. `roster` was observed before this is called: whoever is bound meanwhile is in it.
    pub(crate) async fn bind_all(&self, desired: &Desired, roster: &Roster) -> Result<(), Refusal> {
        let (table, fleet) = (&self.provision.table, &desired.in_force().fleet);
        let bindings = bindings(table).await.map_err(table_error)?;
        let identify = fleet.identify(&bindings, roster);
        self.forget_notified(&identify).await?;
        self.notify_of(fleet, identify.findings.iter()).await?;
        let names = self.names(fleet, &bindings).await?;
        for identified in identify.lines.iter().filter(|it| names.may_bind(it, roster)) {
            // Where somebody else is faster, the observation of the account decides.
            keep(table, identified, roster, self.provision.clock.now_ms()).await.map_err(table_error)?;
        }
        if let Some(rolling) = desired.rolling() {
            self.bind_new(&rolling.target.fleet, roster).await?;
        }
        // One that is no line any more, and never got a stack, is nothing.
        let members: Vec<_> = desired.fleets().map(|fleet| fleet.bound_members(&bindings)).collect();
        for account in bindings.accounts() {
            let is_line = members.iter().any(|members| members.contains_key(account));
            if !is_line && !bindings.has_stack(account) {
                self.provision.free(account).await.map_err(table_error)?;
            }
        }
        Ok(())
    }

    /// Binds the lines of what is rolled out that are no account yet, so that their turn can come. A line that is one
    /// stays stored under the name that it has in the file in force: the roll-out may be taken back. What people have
    /// to put right is told when the file is in force.
    async fn bind_new(&self, target: &Fleet, roster: &Roster) -> Result<(), Refusal> {
        let table = &self.provision.table;
        let bindings = bindings(table).await.map_err(table_error)?;
        let names = self.names(target, &bindings).await?;
        for identified in &target.identify(&bindings, roster).lines {
            let LineState::Found { .. } = &identified.state else { continue };
            if !names.may_bind(identified, roster) {
                continue;
            }
            // Where somebody else is faster, the next sweep decides.
            keep(table, identified, roster, self.provision.clock.now_ms()).await.map_err(table_error)?;
        }
        Ok(())
    }

    /// Whether an account that is no line of its version is one of what is rolled out: it is bound, so that its turn
    /// can come, and left alone until then. Of one that is to adopt a VPC the addresses are noted, so that nobody gets
    /// them meanwhile.
    pub(crate) async fn awaits_turn(&self, desired: &Desired, account: &Account) -> Result<bool, Refusal> {
        let Some(target) = desired.awaited_by(&account.id) else { return Ok(false) };
        let (table, id, fleet) = (&self.provision.table, &account.id, &target.fleet);
        if fleet.member_for(id, &bindings(table).await.map_err(table_error)?).is_none() {
            if fleet.named(id, &account.name).is_none() {
                return Ok(false);
            }
            self.bind_new(fleet, &self.roster().await?).await?;
        }
        let Some(member) = fleet.member_for(id, &bindings(table).await.map_err(table_error)?) else {
            return Ok(false);
        };
        if let Some(adoption) = &member.adopt {
            let stack = StackId::new(id, &adoption.region);
            self.provision.note_addresses(&stack, &member.account_name).await.map_err(table_error)?;
        }
        Ok(true)
    }

    /// Which lines may become accounts by their names, as far as accounts are being made.
    async fn names(&self, fleet: &Fleet, bindings: &Bindings) -> Result<Names, Refusal> {
        let orders = Orders::read(&self.provision.table).await.map_err(table_error)?;
        Ok(Names { orders, lines: Lines::of(fleet, bindings) })
    }

    async fn roster(&self) -> Result<Roster, Refusal> {
        let accounts = self.organization.accounts().await.map_err(later)?;
        Ok(accounts.into_iter().filter(|it| it.active).map(|it| (it.id, it.name)).collect())
    }

    /// Says in Slack what was not said before.
    async fn notify_of<'a>(
        &self,
        fleet: &Fleet,
        findings: impl Iterator<Item = &'a Finding>,
    ) -> Result<(), Refusal> {
        for finding in findings {
            let text = finding.to_string();
            tracing::warn!(accounts = ?finding.accounts(), text, "who is who");
            let key = finding.key();
            let notified = Write::put(
                Keys::notified(&key),
                Expect::Absent,
                &NotifiedFinding { text, notified_at_ms: self.provision.clock.now_ms() },
            );
            let outgoing = message(fleet, finding, self.provision.clock.now_ms());
            let sent = Keys::outbox(outgoing.at_ms, &outgoing.id);
            let sent = Write::put(sent, Expect::Absent, &Outboxed::new(outgoing));
            match self.provision.table.write(vec![notified, sent]).await {
                Ok(()) => self.metrics.count("IdentityFinding", 1),
                Err(TableError::Conflict { .. }) => {}
                Err(error) => return Err(table_error(error)),
            }
        }
        Ok(())
    }

    /// What is put right is reported again, should it come back.
    async fn forget_notified(&self, identify: &Identification) -> Result<(), Refusal> {
        let current: BTreeSet<String> = identify.findings.iter().map(Finding::key).collect();
        let notified = self.provision.table.query(Keys::TOLD).await.map_err(table_error)?;
        for doc in notified.into_iter().filter(|doc| !current.contains(&doc.key.sort)) {
            let write = Write::delete(doc.key.clone(), Expect::unchanged(Some(&doc)));
            match self.provision.table.write(vec![write]).await {
                Ok(()) | Err(TableError::Conflict { .. }) => {}
                Err(error) => return Err(table_error(error)),
            }
        }
        Ok(())
    }
}

/// The accounts that are being made, which are bound by their orders and not by their names.
struct Names {
    orders: Orders,
    lines: Lines,
}

impl Names {
    /// Whether a line may be stored as the account that was identified for it.
    fn may_bind(&self, identified: &IdentifiedLine, roster: &Roster) -> bool {
        let LineState::Found { account } = &identified.state else { return true };
        let Some(name) = roster.get(account) else { return true };
        self.orders.may_bind_by_name(&identified.member.line(), (account, name), &self.lines, roster)
    }
}

/// To whoever hears of the line.
fn message(fleet: &Fleet, finding: &Finding, at_ms: u64) -> Outgoing {
    let member = finding.member();
    let channel = &fleet.route_for(&member.environment, &member.domain).slack_channel;
    let text = Words::of(":warning: ").text(finding.to_string());
    let body = SlackMessage::new(text).body(channel, SlackKind::Opened);
    let incident_id = format!("identity/{}", finding.key());
    Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms, sequence: 0, body }
}
