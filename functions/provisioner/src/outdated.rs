//! Accounts whose `infra/member-role.yaml` is older than their plans need: they have one cause, and are told together.

use std::collections::BTreeMap;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words, stable_id};
use phonehome_cloud::table::{Expect, Table, TableError, Write};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_provision::{Members, TEMPLATE_ARRIVES_MS};
use phonehome_runtime::Refusal;
use phonehome_state::{Keys, Outboxed, Outdated, Phase, StackStatus, Unread, readable};
use phonehome_text::agree;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::handler::{Provisioner, table_error};

/// What was told of outdated accounts, while there are any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// The message's.
    incident_id: String,
    /// What tells these accounts and versions from others: their number does not bound the document.
    digest: String,
}

/// The accounts that are outdated for longer than a newer template is on its way, each with its name.
#[derive(Default, PartialEq, Eq)]
struct OutdatedAccounts(BTreeMap<AccountId, (String, Outdated)>);

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Says in one message which accounts are outdated, and that none is any more. It is decided from the stacks alone,
    /// so that whatever was missed, or is gone with its stack, is put right by the next sweep.
    pub(crate) async fn notify_outdated(&self, channel: &str) -> Result<(), Refusal> {
        match self.tell_outdated(channel).await {
            // Somebody else says it, or the next sweep.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(table_error(error)),
        }
    }

    async fn tell_outdated(&self, channel: &str) -> Result<(), TableError> {
        let (table, key, now_ms) = (&self.provision.table, Keys::outdated(), self.provision.clock.now_ms());
        let stacks = readable::<StackStatus>(table, Keys::STACKS).await?;
        let outdated = OutdatedAccounts::of(stacks.found.iter().map(|(_, status)| status), now_ms);
        let doc = table.get(&key).await?;
        // What cannot be read was told by nobody: then it is told once more.
        let told = doc.clone().and_then(|doc| Unread::or::<Told>(doc).ok()).map(|(_, told)| told);
        let digest = outdated.digest();
        let (kind, incident_id) = match &told {
            None if outdated.0.is_empty() => return Ok(()),
            None => (SlackKind::Opened, format!("member-template/{now_ms}")),
            Some(told) if told.digest == digest => return Ok(()),
            // Of a stack that cannot be read it is not known.
            Some(_) if outdated.0.is_empty() && !stacks.unreadable.is_empty() => return Ok(()),
            Some(told) if outdated.0.is_empty() => (SlackKind::Resolved, told.incident_id.clone()),
            Some(told) => (SlackKind::Updated, told.incident_id.clone()),
        };
        let id = format!("{incident_id}/{now_ms}/slack");
        let body = outdated.message(kind).body(channel, kind);
        let outgoing = Outgoing { id, incident_id: incident_id.clone(), at_ms: now_ms, sequence: 0, body };
        let noted = match kind {
            SlackKind::Resolved => Write::delete(key, Expect::unchanged(doc.as_ref())),
            _ => Write::put(key, Expect::unchanged(doc.as_ref()), &Told { incident_id, digest }),
        };
        let message = Keys::outbox(now_ms, &outgoing.id);
        table.write(vec![noted, Write::put(message, Expect::Absent, &Outboxed::new(outgoing))]).await
    }
}

impl OutdatedAccounts {
    fn of<'s>(stacks: impl Iterator<Item = &'s StackStatus>, now_ms: u64) -> Self {
        let mut accounts: BTreeMap<AccountId, (String, Outdated)> = BTreeMap::new();
        for status in stacks.filter(|status| status.phase != Phase::Gone) {
            let lasts = |it: &Outdated| now_ms.saturating_sub(it.since_ms) >= TEMPLATE_ARRIVES_MS;
            let Some(outdated) = status.outdated.filter(lasts) else { continue };
            let entry = || (status.account_name.clone(), outdated);
            let (_, known) = accounts.entry(status.account.clone()).or_insert_with(entry);
            known.needed = known.needed.max(outdated.needed);
            known.there = known.there.min(outdated.there);
        }
        Self(accounts)
    }

    fn digest(&self) -> String {
        let lines = self.0.iter().map(|(id, (_, it))| format!("{id} {} {}", it.needed, it.there));
        let lines: Vec<String> = lines.collect();
        stable_id(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn message(&self, kind: SlackKind) -> SlackMessage {
        if self.0.is_empty() {
            let text = Words::of(":white_check_mark: ").code("infra/member-role.yaml");
            let text = text.text(" is new enough in every account again");
            return SlackMessage::new(text).thread(Some(Words::of("every account has it")));
        }
        let accounts = agree(self.0.len(), "account has", "accounts have");
        let headline = Words::of(format!(":package: {accounts} an older "))
            .code("infra/member-role.yaml")
            .text(" than what is to be done there needs");
        let what = Words::of(
            "What its roles do not allow is withheld, with what comes after it; everything else is done as ever.",
        );
        let lines = self.0.iter().map(|(id, (name, it))| {
            let Outdated { needed, there, .. } = it;
            Words::new().name(name).text(format!(" ({id}) has version {there} and needs {needed}"))
        });
        let advice = Words::of("Update the StackSet ")
            .code("phonehome-member")
            .text(" with the template of the release that the hub has: ")
            .code("aws cloudformation update-stack-set")
            .text("; the runbook has the whole command, and how to see which account was left out.");
        let thread = (kind == SlackKind::Updated).then(|| Words::of(format!("now {accounts} an older one")));
        SlackMessage::new(headline).section(what).list("", lines.collect()).section(advice).thread(thread)
    }
}
