//! Reports what AWS could not do with an account.

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Expect, Table, TableError, Write};
use phonehome_cloud::{Organization, Queue};
use phonehome_fleet::Fleet;
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{Keys, Outboxed, bindings};
use phonehome_wire::AccountId;

use crate::event::Reconcile;
use crate::failure::Failure;
use crate::handler::{Provisioner, later, table_error};

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Says in Slack what AWS could not do, nobody else would; and has the account observed, if there is
    /// one: the event is a hint, whatever it says.
    pub(crate) async fn failed(&self, failure: &Failure) -> Result<(), Refusal> {
        tracing::error!(?failure, "AWS could not do something with an account");
        self.metrics.count("AccountCreationFailed", 1);
        let fleet = self.fleet().await?;
        // The event says neither whose account it was to be nor whether it is asked for again: the vendor knows.
        if failure.is_creation() && fleet.vending.as_ref().is_some_and(|it| !it.control_tower) {
            return Ok(());
        }
        let channel = self.channel_of(&fleet, failure.account.as_ref()).await?;
        let message = SlackMessage::new(failure.words()).footer(Words::of("Request ").code(&failure.request));
        let (at_ms, incident_id) = (self.provision.clock.now_ms(), failure.incident_id());
        let body = message.body(&channel, SlackKind::Opened);
        // The same event twice edits the one message: the notifier knows it by the incident's id.
        let outgoing = Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms, sequence: 0, body };
        let key = Keys::outbox(at_ms, &outgoing.id);
        let write = Write::put(key, Expect::Absent, &Outboxed::new(outgoing));
        match self.provision.table.write(vec![write]).await {
            Ok(()) | Err(TableError::Conflict { .. }) => {}
            Err(error) => return Err(table_error(error)),
        }
        match failure.account.clone() {
            Some(account) => self.send(&Reconcile::of(account), 0).await,
            None => Ok(()),
        }
    }

    /// Where an account is notified of: its own route, or the last one, which takes everything.
    async fn channel_of(&self, fleet: &Fleet, account: Option<&AccountId>) -> Result<String, Refusal> {
        let last = fleet.alert_routes.last().map(|route| route.slack_channel.clone()).unwrap_or_default();
        let Some(id) = account else { return Ok(last) };
        let bindings = bindings(&self.provision.table).await.map_err(table_error)?;
        let member = match fleet.member_for(id, &bindings) {
            Some(member) => Some(member),
            None => {
                let account = self.organization.account(id).await.map_err(later)?;
                account.and_then(|account| fleet.named(id, &account.name))
            }
        };
        Ok(member.map_or(last, |it| fleet.route_for(&it.environment, &it.domain).slack_channel.clone()))
    }
}
