//! Pages: in their order, no more than can be read, each once for whoever tells them apart by their key.

use std::time::Instant;

use phonehome_alerting::{Outgoing, OutgoingBody, subject};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{Doc, Expect, Key, Table, TableError, Write};
use phonehome_cloud::{Page, PageState, Pager};
use phonehome_state::{Keys, Outboxed, PageTurn, Paging, page_turn};

use crate::outbox::{Group, Pending, Refused, claim_stand_in, forget_stand_in, remove, requeue};
use crate::{held_back, latency};

/// Sends pages.
pub(crate) struct Desk<'r, T, P> {
    pub(crate) table: &'r T,
    pub(crate) pager: &'r P,
    pub(crate) metrics: &'r Metrics,
    /// What was paged lately.
    pub(crate) paging: Paging,
    /// As it is stored. `None` while it cannot be read: then nothing is held back.
    pub(crate) stored: Option<Expect>,
    pub(crate) now_ms: u64,
    /// The same moment, to measure from.
    pub(crate) began: Instant,
    /// Another invocation was faster somewhere: the outbox is to be looked at again.
    pub(crate) is_overtaken: bool,
}

impl<'r, T: Table, P: Pager> Desk<'r, T, P> {
    pub(crate) async fn open(table: &'r T, pager: &'r P, metrics: &'r Metrics, now_ms: u64) -> Self {
        let doc = table.get(&Keys::paging()).await;
        let read = doc.map(|doc| (Expect::unchanged(doc.as_ref()), doc.map(|it| it.read())));
        let (paging, stored) = match read {
            Ok((expect, None)) => (Paging::default(), Some(expect)),
            Ok((expect, Some(Ok(paging)))) => (paging, Some(expect)),
            Ok((_, Some(Err(error)))) | Err(error) => {
                tracing::error!(%error, "what was paged lately cannot be read: no page is held back");
                (Paging::default(), None)
            }
        };
        Self { table, pager, metrics, paging, stored, now_ms, began: Instant::now(), is_overtaken: false }
    }

    /// Sends what is due. A page that fails is in no other's way.
    ///
    /// # Errors
    /// The table's first.
    pub(crate) async fn run(&mut self, pages: &[Group]) -> Result<(), TableError> {
        let mut result = self.end_what_was_told(pages).await;
        let mut triggers: Vec<(&Group, usize)> = vec![];
        for group in pages {
            let messages: Vec<Outboxed> = group.iter().map(|it| it.message.clone()).collect();
            match page_turn(&messages, self.now_ms) {
                PageTurn::Wait => {}
                PageTurn::Over { unsent } => result = result.and(self.over(group, unsent).await),
                PageTurn::Send { index } if state(&messages[index].outgoing) == PageState::Ok => {
                    result = result.and(self.send(group, index).await);
                }
                PageTurn::Send { index } => triggers.push((group, index)),
            }
        }
        result.and(self.triggers(triggers).await)
    }

    async fn triggers(&mut self, mut triggers: Vec<(&Group, usize)>) -> Result<(), TableError> {
        triggers.sort_by_key(|(group, index)| !self.paging.tells(&group[*index].message.outgoing.id));
        let ids: Vec<&str> =
            triggers.iter().map(|(group, index)| group[*index].message.outgoing.id.as_str()).collect();
        let ration = self.paging.ration(&ids, self.now_ms);
        let go = if self.stored.is_none() { triggers.len() } else { ration.go };
        let mut result = Ok(());
        if self.stored.is_some() && !ration.tell.is_empty() {
            let held: Vec<&Outgoing> =
                triggers.iter().map(|(group, at)| &group[*at].message.outgoing).collect();
            let held = held.into_iter().filter(|it| ration.tell.contains(&it.id)).collect::<Vec<_>>();
            self.metrics.count("PagesHeldBack", held.len() as u64);
            let sum = held_back::sum(&held, self.now_ms);
            tracing::warn!(id = sum.id, held = held.len(), "pages are held back");
            let mut next = self.paging.clone();
            next.told.insert(sum.id.clone(), ration.tell.clone());
            if let Some(pending) = self.tell(next, sum).await? {
                result = result.and(self.send(&vec![pending], 0).await);
            }
        }
        for (group, index) in triggers.into_iter().take(go) {
            result = result.and(self.send(group, index).await);
        }
        result
    }

    /// Ends what said that pages are held back, when none of those is any more.
    async fn end_what_was_told(&mut self, pages: &[Group]) -> Result<(), TableError> {
        let is_there = |id: &String| pages.iter().flatten().any(|it| it.message.outgoing.id == *id);
        let told = self.paging.told.clone();
        for (id, _) in told.iter().filter(|(_, held)| !held.iter().any(is_there)) {
            let mut next = self.paging.clone();
            next.told.remove(id);
            self.tell(next, held_back::end(id, self.now_ms)).await?;
        }
        Ok(())
    }

    /// Puts a message of the notifier's own into the outbox, with what it is about.
    async fn tell(&mut self, next: Paging, outgoing: Outgoing) -> Result<Option<Pending>, TableError> {
        let message = Outboxed::new(outgoing);
        let key = Keys::outbox(self.now_ms, &message.outgoing.id);
        let write = Write::put(key, Expect::Absent, &message);
        let doc = write.written();
        let told = self.write(vec![write], Some(next)).await?;
        Ok(doc.filter(|_| told).map(|doc| Pending { doc, message }))
    }

    async fn over(&mut self, group: &Group, unsent: bool) -> Result<(), TableError> {
        if self.write(group.iter().map(delete).collect(), None).await? && unsent {
            let id = group.first().map(|it| &it.message.outgoing.id);
            tracing::info!(id, "over before it was paged: neither the page nor its end is sent");
            self.metrics.count("PagesWithdrawn", 1);
        }
        Ok(())
    }

    /// Claims a message, so that nobody else has it, takes away what it overtakes, and sends it.
    async fn send(&mut self, group: &Group, index: usize) -> Result<(), TableError> {
        let Some(Pending { doc, message }) = group.get(index) else { return Ok(()) };
        let claimed = message.clone().claimed(self.now_ms);
        let claim = Write::over(Some(doc), doc.key.clone(), &claimed);
        let doc = claim.written().unwrap_or_else(|| doc.clone());
        let page = page(&claimed.outgoing);
        let counts = (page.state == PageState::Alarm).then(|| self.paging.with_sent(self.now_ms));
        let mut writes: Vec<Write> = group[..index].iter().map(delete).collect();
        writes.push(claim);
        if !self.write(writes, counts).await? {
            return Ok(());
        }
        let pending = Pending { doc, message: claimed };
        match self.pager.page(&page).await {
            Ok(()) => {
                let accepted_ms = self.now_ms + u64::try_from(self.began.elapsed().as_millis()).unwrap_or(0);
                self.metrics.count("Paged", 1);
                let removed = remove(self.table, &pending).await;
                if let Some(incident) = latency::opened(&pending.message.outgoing) {
                    latency::measure(self.table, self.metrics, incident, accepted_ms).await;
                }
                removed
            }
            Err(error) => {
                let (id, reason) = (&pending.message.outgoing.id, error.to_string());
                tracing::warn!(id, reason, in_doubt = error.in_doubt, "not paged, kept in the outbox");
                let refused = Refused { reason, holds: &[], for_good: false, is_certain: !error.in_doubt };
                requeue(self.table, std::slice::from_ref(&pending), self.now_ms, &refused).await
            }
        }
    }

    /// Pages for a page that cannot be read, once a day: it may have been worth getting up for.
    pub(crate) async fn stand_in(&mut self, unreadable: &Key) -> Result<(), TableError> {
        if self.stored.is_some() && self.paging.room(self.now_ms) == 0 {
            return Ok(());
        }
        if !claim_stand_in(self.table, unreadable, self.now_ms).await? {
            return Ok(());
        }
        self.write(vec![], Some(self.paging.with_sent(self.now_ms))).await?;
        let text = format!(
            "A page is stored in a form that this version of phonehome cannot read, so nobody knows what it says: \
             item {}/{} of the table. Look at `phonehome status`; the runbook says what to do with the item.",
            unreadable.partition, unreadable.sort
        );
        let page = Page {
            key: format!("unreadable/{}", unreadable.sort),
            state: PageState::Alarm,
            subject: subject("phonehome: a page cannot be read", false),
            text,
            at_ms: self.now_ms,
        };
        match self.pager.page(&page).await {
            Ok(()) => {
                self.metrics.count("Paged", 1);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(sort = unreadable.sort, %error, "nobody was paged for a page that cannot be read");
                forget_stand_in(self.table, unreadable).await
            }
        }
    }

    /// Writes, with what was paged lately; `false` when another invocation was faster.
    async fn write(&mut self, mut writes: Vec<Write>, paging: Option<Paging>) -> Result<bool, TableError> {
        let paging = self.stored.zip(paging);
        if let Some((expect, next)) = &paging {
            writes.push(Write::put(Keys::paging(), *expect, next));
        }
        if writes.is_empty() {
            return Ok(true);
        }
        match self.table.write(writes).await {
            Ok(()) => {
                if let Some((expect, next)) = paging {
                    (self.stored, self.paging) = (Some(expect.after_write()), next);
                }
                Ok(true)
            }
            Err(TableError::Conflict { .. }) => {
                self.is_overtaken = true;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn delete(pending: &Pending) -> Write {
    let Doc { key, .. } = &pending.doc;
    Write::delete(key.clone(), Expect::unchanged(Some(&pending.doc)))
}

fn state(outgoing: &Outgoing) -> PageState {
    match outgoing.body {
        OutgoingBody::Page { resolved: true, .. } => PageState::Ok,
        OutgoingBody::Page { .. } | OutgoingBody::Slack { .. } => PageState::Alarm,
    }
}

/// As SNS gets it. The subject of an earlier version says less than services read.
fn page(outgoing: &Outgoing) -> Page {
    let (subject, text) = match &outgoing.body {
        OutgoingBody::Page { subject, text, title: Some(_), .. } => (subject.clone(), text.clone()),
        OutgoingBody::Page { subject: old, text, resolved, .. } => (subject(old, *resolved), text.clone()),
        OutgoingBody::Slack { text, .. } => (String::new(), text.to_string()),
    };
    let key = outgoing.page_key().to_owned();
    Page { key, state: state(outgoing), subject, text, at_ms: outgoing.at_ms }
}
