//! Keeps what accounts bear as declared: those that are being made at once, the others once a day.

use std::collections::BTreeMap;
use std::time::Duration;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words, stable_id};
use phonehome_cloud::table::{Expect, Table, Write};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_fleet::{Bindings, Line};
use phonehome_properties::{Keeper, Memory, Subject, SupportTold, Supporter, Told, subjects};
use phonehome_runtime::Error;
use phonehome_state::{Keys, Outboxed, bindings};
use phonehome_vending::Order;

use crate::handler::Vending;
use crate::lazily::OpenVending;
use crate::look::Look;
use crate::way::Way;

/// How soon again what could not be asked is, in milliseconds.
const LATER_MS: u64 = 10 * 60_000;
/// For how long accounts are looked at before others have their turn: a call that hangs keeps nobody from an account, nor
/// the function until its time limit.
const KEEP: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 20 });
/// For how long AWS Support is waited for.
const ASK: Duration = Duration::from_secs(10);
/// For how long nothing is read where nothing is due, in milliseconds: an account that somebody binds is seen after it.
const QUIET_MS: u64 = 60 * 60_000;

/// What is remembered from one minute to the next. Whoever forgets it reads the table once more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembered {
    keeper: Memory,
    /// The version for which there is nothing to do, and until when; milliseconds since the Unix epoch.
    quiet: Option<(u64, u64)>,
}

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// Looks at the accounts whose turn it is, where there is nothing else to do.
    pub(crate) async fn keep_quietly(&self, look: &Look) -> Result<Option<u64>, Error> {
        let now_ms = self.clock.now_ms();
        let quiet = self.remembered().quiet.filter(|(of, _)| *of == look.in_force.number);
        if quiet.is_some_and(|(_, until_ms)| now_ms < until_ms) {
            return Ok(None);
        }
        let bindings = bindings(&self.table).await?;
        let again_ms = self.keep(look, &bindings, &look.orders.orders).await?;
        let until_ms = again_ms.unwrap_or(now_ms + QUIET_MS).min(now_ms + QUIET_MS);
        self.remembered().quiet = Some((look.in_force.number, until_ms));
        Ok(again_ms)
    }

    /// Looks at the accounts whose turn it is. Returns when there is something to do next; milliseconds since the Unix
    /// epoch. What AWS does not answer keeps no account from being made.
    pub(crate) async fn keep(
        &self,
        look: &Look,
        bindings: &Bindings,
        orders: &BTreeMap<Line, Order>,
    ) -> Result<Option<u64>, Error> {
        let subjects = subjects(look.fleet(), bindings, orders);
        let way = Way::by(&self.way);
        let memory = self.remembered().keeper.clone();
        let keeper = Keeper::new(&way, self.table.clone(), &self.clock, look.factory());
        let mut keeper = keeper.remembering(memory);
        let channel = look.fleet().platform_channel();
        let tell = |told: &Told, now_ms: u64| outgoing(channel, &told.to_string(), now_ms);
        // Whatever is dropped in the middle goes on from there.
        let round = tokio::time::timeout(KEEP, keeper.round(&subjects, &tell)).await;
        self.remembered().keeper = keeper.into_memory();
        let Ok(round) = round else {
            tracing::warn!("what accounts bear was not all seen in time: it is tried again");
            return Ok(Some(self.clock.now_ms() + LATER_MS));
        };
        let round = round?;
        for trouble in &round.troubles {
            tracing::warn!(%trouble, "what an account bears could not be seen or changed: it is tried again");
        }
        let support_ms = self.ask_for_plans(&way, &subjects, channel).await;
        Ok([round.again_at_ms, support_ms].into_iter().flatten().min())
    }

    async fn ask_for_plans(&self, way: &Way<'_, W>, subjects: &[Subject], channel: &str) -> Option<u64> {
        let supporter = Supporter::new(way, self.table.clone(), &self.clock);
        let tell = |told: &SupportTold, now_ms: u64| outgoing(channel, &told.to_string(), now_ms);
        match tokio::time::timeout(ASK, supporter.round(subjects, &tell)).await {
            Ok(Ok(again_ms)) => return again_ms,
            Ok(Err(trouble)) => {
                tracing::warn!(%trouble, "AWS Support could not be asked: it is tried again");
            }
            Err(_) => tracing::warn!("AWS Support did not answer in time: it is tried again"),
        }
        Some(self.clock.now_ms() + LATER_MS)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A message of its own in the platform team's channel.
fn outgoing(channel: &str, text: &str, at_ms: u64) -> Vec<Write> {
    let incident_id = format!("properties/{at_ms}/{}", stable_id(&[text]));
    let id = format!("{incident_id}/1/slack/{channel}");
    let message = SlackMessage::new(Words::of(":identification_card: ").text(text));
    let body = message.body(channel, SlackKind::Opened);
    let outgoing = Outgoing { id, incident_id, at_ms, sequence: 1, body };
    vec![Write::put(Keys::outbox(at_ms, &outgoing.id), Expect::Absent, &Outboxed::new(outgoing))]
}
