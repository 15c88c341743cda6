//! The probes' code that this provisioner came with: it is kept in the table, and people are told when the version in
//! force names other code.

use std::time::Duration;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{ATTEMPTS, Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_cloud::{Organization, Queue};
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{
    Desired, Keys, NewestProbes, Outboxed, ProbeRelease, newest_probes, remove_unused_probes,
};
use serde::{Deserialize, Serialize};

use crate::handler::{Provisioner, table_error};

/// For how long code is stored at most: less than the function has. What is left is stored the next time.
const STORE_TIME: Duration = Duration::from_secs(50);

/// Which newest code people were told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// Of which message's incident.
    incident_id: String,
    /// Its hash.
    code_sha256: String,
}

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Keeps the code that this process came with. What goes wrong keeps no account waiting.
    pub(crate) async fn store_probes(&self) {
        let Some(packages) = self.provision.members.packages() else { return };
        let storing = packages.store_own(&self.provision.table, self.provision.clock.now_ms());
        match tokio::time::timeout(STORE_TIME, storing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the probes' code was not stored"),
            Err(_) => tracing::error!("the probes' code was not stored in {} s", STORE_TIME.as_secs()),
        }
    }

    /// Removes code that nobody needs any more, and tells when there is newer code than the accounts have.
    pub(crate) async fn look_after_probes(&self) -> Result<(), Refusal> {
        if self.provision.members.packages().is_none() {
            return Ok(());
        }
        let removed = remove_unused_probes(&self.provision.table, self.provision.clock.now_ms()).await;
        for probes in removed.map_err(table_error)? {
            tracing::info!(code = probes.title(), "the probes' code is needed no more, and was removed");
        }
        self.tell_of_newest(&self.desired().await?).await
    }

    /// Says once of each newest code that the accounts have other code, and when they no longer do.
    async fn tell_of_newest(&self, desired: &Desired) -> Result<(), Refusal> {
        let (table, key) = (&self.provision.table, Keys::told_probes());
        let told = on_conflict(ATTEMPTS, async || {
            let Some(newest) = newest_probes(table).await? else { return Ok(()) };
            let doc = table.get(&key).await?;
            let before: Option<Told> = doc.as_ref().map(Doc::read).transpose()?;
            let at_ms = self.provision.clock.now_ms();
            let Some((after, outgoing)) = tell(before, &newest, desired, at_ms) else { return Ok(()) };
            let sent = Keys::outbox(outgoing.at_ms, &outgoing.id);
            let sent = Write::put(sent, Expect::Absent, &Outboxed::new(outgoing));
            let noted = match after {
                Some(after) => Write::over(doc.as_ref(), key.clone(), &after),
                None => Write::delete(key.clone(), Expect::unchanged(doc.as_ref())),
            };
            table.write(vec![noted, sent]).await
        });
        match told.await {
            // The next sweep says it.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(table_error(error)),
        }
    }
}

/// What is to be told, and what is noted of it; `None` when it was.
fn tell(
    before: Option<Told>,
    newest: &NewestProbes,
    desired: &Desired,
    at_ms: u64,
) -> Option<(Option<Told>, Outgoing)> {
    let in_force = desired.in_force();
    let is_newest =
        |probes: Option<&ProbeRelease>| probes.is_some_and(|it| it.code_sha256 == newest.probes.code_sha256);
    let is_rolled_out = desired.rolling().is_some_and(|it| is_newest(it.target.probes.as_ref()));
    let code_sha256 = newest.probes.code_sha256.clone();
    let (kind, incident_id) = match (is_newest(in_force.probes.as_ref()), before) {
        (true, Some(told)) => (SlackKind::Resolved, told.incident_id),
        // Somebody does what is to be done.
        (false, _) if is_rolled_out => return None,
        (false, Some(told)) if told.code_sha256 != code_sha256 => (SlackKind::Updated, told.incident_id),
        (false, None) => (SlackKind::Opened, format!("probes/{at_ms}")),
        (true, None) | (false, Some(_)) => return None,
    };
    let message = message(in_force.probes.as_ref(), &newest.probes, kind);
    let after = (kind != SlackKind::Resolved).then(|| Told { incident_id: incident_id.clone(), code_sha256 });
    let (id, body) =
        (format!("{incident_id}/{at_ms}"), message.body(in_force.fleet.platform_channel(), kind));
    Some((after, Outgoing { id, incident_id, at_ms, sequence: 0, body }))
}

fn message(in_force: Option<&ProbeRelease>, newest: &ProbeRelease, kind: SlackKind) -> SlackMessage {
    if kind == SlackKind::Resolved {
        let text = Words::of(":white_check_mark: The version in force names the newest code of the probes: ");
        let text = text.text(newest.title());
        return SlackMessage::new(text).thread(Some(Words::of("it is in force")));
    }
    let text = Words::of(":package: The hub came with code for the probes that is not rolled out: ");
    let text = text.text(newest.title());
    let (now, until) = match in_force {
        Some(probes) => (probes.title(), "Until then accounts keep the code that they have."),
        None => (
            "what the hub comes with".to_owned(),
            "Until then each update of the hub changes the probes of all accounts at once.",
        ),
    };
    let advice = Words::of("To roll it out in waves: ")
        .code("phonehome publish")
        .text(" with the fleet file that is in force. ");
    let thread = (kind == SlackKind::Updated).then(|| Words::of("now ").text(newest.title()));
    SlackMessage::new(text)
        .section(Words::of("The version in force names ").text(now))
        .section(advice.text(until))
        .thread(thread)
}
