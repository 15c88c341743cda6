//! Accounts whose line left the fleet file: told once, all together, and again each week for as long as there are any.

use std::collections::BTreeMap;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_fleet::{Bindings, Fleet, Orphan, Roster, orphans};
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{Keys, Orphaned, OrphanedSince, Outboxed, bindings, versions_in_use};
use phonehome_text::agree;
use phonehome_vending::made;
use phonehome_wire::AccountId;

use crate::handler::{Provisioner, table_error};

/// How soon it is said again that accounts are orphaned, in milliseconds: 7 days. They cost money each month, and nobody
/// is told otherwise.
const REMINDER_MS: u64 = 7 * 24 * 60 * 60_000;

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// The orphaned accounts. Where a version in use, or who is who, cannot be read nobody knows them: `None`.
    async fn orphans(&self, roster: &Roster) -> Result<Option<Vec<Orphan>>, Refusal> {
        let table = &self.provision.table;
        let bindings: Bindings = bindings(table).await.map_err(table_error)?;
        let Ok(versions) = versions_in_use(table).await else { return Ok(None) };
        if bindings.is_partial() {
            return Ok(None);
        }
        let made = made(table).await.map_err(table_error)?;
        let versions: Vec<&Fleet> = versions.iter().map(|version| &version.fleet).collect();
        Ok(Some(orphans(&versions, &bindings, roster, &made)))
    }

    /// Says which accounts are orphaned, and that none is any more. `roster`: all active accounts there are.
    pub(crate) async fn notify_orphaned(&self, channel: &str, roster: &Roster) -> Result<(), Refusal> {
        let Some(orphans) = self.orphans(roster).await? else { return Ok(()) };
        match self.tell_orphaned(channel, &orphans).await {
            // Somebody else says it, or the next sweep.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(table_error(error)),
        }
    }

    async fn tell_orphaned(&self, channel: &str, orphans: &[Orphan]) -> Result<(), TableError> {
        let (table, key, now_ms) = (&self.provision.table, Keys::orphaned(), self.provision.clock.now_ms());
        let doc = table.get(&key).await?;
        // What cannot be read was told by nobody: then it is told once more.
        let before = doc.as_ref().and_then(|doc| Doc::read::<Orphaned>(doc).ok());
        let accounts = since(before.as_ref(), orphans, now_ms);
        let (kind, incident_id, told_at_ms) = match &before {
            None if accounts.is_empty() => return Ok(()),
            None => (SlackKind::Opened, format!("orphaned/{now_ms}"), now_ms),
            Some(before) if accounts.is_empty() => {
                (SlackKind::Resolved, before.incident_id.clone(), before.told_at_ms)
            }
            // A message of its own: nobody looks at what was said a week ago.
            Some(before) if before.told_at_ms + REMINDER_MS <= now_ms => {
                (SlackKind::Opened, format!("orphaned/{now_ms}"), now_ms)
            }
            Some(before) if before.accounts == accounts => return Ok(()),
            Some(before) => (SlackKind::Updated, before.incident_id.clone(), before.told_at_ms),
        };
        let body = message(orphans, kind).body(channel, kind);
        let id = format!("{incident_id}/{now_ms}/slack");
        let outgoing = Outgoing { id, incident_id: incident_id.clone(), at_ms: now_ms, sequence: 0, body };
        let sent = Keys::outbox(now_ms, &outgoing.id);
        let sent = Write::put(sent, Expect::Absent, &Outboxed::new(outgoing));
        let known = match kind {
            SlackKind::Resolved => Write::delete(key, Expect::unchanged(doc.as_ref())),
            _ => Write::over(doc.as_ref(), key, &Orphaned { accounts, incident_id, told_at_ms }),
        };
        table.write(vec![known, sent]).await
    }
}

/// Since when each of them is orphaned: since it was first found so.
fn since(before: Option<&Orphaned>, orphans: &[Orphan], now_ms: u64) -> BTreeMap<AccountId, OrphanedSince> {
    let known = |account: &AccountId| before?.accounts.get(account).cloned();
    let since = |it: &Orphan| known(&it.account).unwrap_or(OrphanedSince { since_ms: now_ms });
    orphans.iter().map(|it| (it.account.clone(), since(it))).collect()
}

fn message(orphans: &[Orphan], kind: SlackKind) -> SlackMessage {
    if orphans.is_empty() {
        let text = Words::of(":white_check_mark: no account is orphaned any more");
        return SlackMessage::new(text).thread(Some(Words::of("none is orphaned any more")));
    }
    let accounts = agree(orphans.len(), "account is", "accounts are");
    let headline =
        Words::of(format!(":label: {accounts} orphaned: no line of the fleet file is theirs any more"));
    let what = Words::of(
        "They are kept, with their networks, and cost what they cost. Nothing there is repaired or watched any more, and \
         nobody is told when it breaks.",
    );
    let lines = orphans.iter().map(|Orphan { account, account_name, line }| {
        Words::new().name(account_name).text(format!(" ({account}) was {line}"))
    });
    let advice = Words::of("Declare the line again, or give the account up: ")
        .code("phonehome decommission ID")
        .text(" shows what is there and what it comes to; with ")
        .code("--close-account")
        .text(" the account is closed as well. ")
        .code("phonehome status")
        .text(" shows since when each is orphaned, and what it costs. This is said again each week.");
    let thread = (kind == SlackKind::Updated).then(|| Words::of(format!("now {accounts} orphaned")));
    SlackMessage::new(headline).section(what).list("", lines.collect()).section(advice).thread(thread)
}
