//! Tells it: one message for each account, which is edited until the account is ready. Note and message are stored in one
//! transaction, so that each thing is told once, whoever dies, and whoever else tells it at the same moment.

use std::collections::BTreeSet;

use phonehome_alerting::{Outgoing, SlackKind};
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_fleet::Line;
use phonehome_state::{Keys, Outboxed, VendingNote};
use phonehome_vending::Round;

use crate::handler::Vending;
use crate::lazily::OpenVending;
use crate::look::Look;
use crate::message::{channel, message};
use crate::news::News;

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// Tells what was not told, and where all lines were looked at (`is_whole`) what is over. Returns whether some account's network is on its way.
    pub(crate) async fn tell(
        &self,
        look: &Look,
        round: &Round,
        settled: &BTreeSet<Line>,
        is_whole: bool,
    ) -> Result<bool, TableError> {
        let news = self.news(look, round, settled).await?;
        for (about, it) in &news {
            let is_queued = settled.iter().any(|line| line.as_str() == about);
            self.tell_one(look, about, it, is_queued).await?;
        }
        // While another version is rolled out, not everything is looked at.
        if is_whole && !look.waits_for_roll_out {
            let past =
                look.notes.iter().filter(|(about, (_, note))| !note.over && !news.contains_key(*about));
            for (about, _) in past {
                self.tell_one(look, about, &News::Past, false).await?;
            }
        }
        Ok(news.values().any(|it| matches!(it, News::Building { .. })))
    }

    async fn tell_one(
        &self,
        look: &Look,
        about: &str,
        news: &News,
        is_queued: bool,
    ) -> Result<(), TableError> {
        let before = look.notes.get(about);
        let (says, was) = (news.says(), before.map(|(_, note)| note));
        let (doc, queued) = (before.map(|(doc, _)| doc), is_queued || was.is_some_and(|it| it.queued));
        let key = Keys::vending_note(about);
        if let Some(note) = was.filter(|note| note.says == says) {
            if note.queued == queued {
                return Ok(());
            }
            let note = VendingNote { queued, ..note.clone() };
            return told(self.table.write(vec![Write::over(doc, key, &note)]).await);
        }
        let now_ms = self.clock.now_ms();
        let note = VendingNote {
            incident_id: was.map_or_else(|| format!("account/{about}/{now_ms}"), |it| it.incident_id.clone()),
            sequence: was.map_or(1, |it| it.sequence + 1),
            says,
            queued,
            over: news.is_last(),
        };
        let outgoing = outgoing(&note, &channel(look.fleet(), about, news), now_ms, look, news);
        let posted = Keys::outbox(now_ms, &outgoing.id);
        let posted = Write::put(posted, Expect::Absent, &Outboxed::new(outgoing));
        told(self.table.write(vec![noted(doc, &key, news, &note), posted]).await)
    }
}

/// What lasts no longer is told again, should it come back.
fn noted(doc: Option<&Doc>, key: &phonehome_cloud::table::Key, news: &News, note: &VendingNote) -> Write {
    match news {
        News::Past => Write::delete(key.clone(), Expect::unchanged(doc)),
        _ => Write::over(doc, key.clone(), note),
    }
}

fn outgoing(note: &VendingNote, channel: &str, at_ms: u64, look: &Look, news: &News) -> Outgoing {
    let VendingNote { incident_id, sequence, .. } = note.clone();
    let kind = match (sequence, news) {
        (1, _) => SlackKind::Opened,
        (_, News::Past | News::Ready { .. } | News::Elsewhere { .. }) => SlackKind::Resolved,
        _ => SlackKind::Updated,
    };
    let body = message(look.fleet(), news, kind).body(channel, kind);
    Outgoing { id: format!("{incident_id}/{sequence}/slack/{channel}"), incident_id, at_ms, sequence, body }
}

/// Whoever was faster tells it.
fn told(written: Result<(), TableError>) -> Result<(), TableError> {
    match written {
        Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
