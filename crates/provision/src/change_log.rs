//! Who did what in an account, as CloudTrail's events said.

use phonehome_cloud::table::{Doc, Table, TableError, Write, on_conflict};
use phonehome_state::{ApiCall, ChangeLog, Keys, set_aside};
use phonehome_wire::StackId;

/// How many are kept for an account and Region: more than a person does between two observations.
const KEPT_MAX: usize = 50;
/// For how long an API call can explain what is found, in seconds: two sweeps, and the time CloudTrail's
/// event may take.
const KEPT_S: u64 = 75 * 60;
const ATTEMPTS_MAX: u32 = 10;
/// How many API calls of an account and Region are noted within [`WINDOW_MS`]: twice what is kept. Of what is
/// beyond only that there was more is noted, so that whoever floods the queue costs reads and no writes.
pub(crate) const NOTED_MAX: u32 = 100;
/// 15 minutes, in milliseconds: the longest delay of a message, and so of the observation that is queued for
/// what was not noted.
pub(crate) const WINDOW_MS: u64 = 15 * 60 * 1000;
/// How much of an API call's texts is kept, in characters, and how many ids.
const TEXT_MAX: usize = 300;
const IDS_MAX: usize = 50;

/// How far apart the clocks of two Lambda environments may be, and how much too early SQS may deliver what it delays by
/// whole seconds, in milliseconds; what that costs is an observation too many.
const CLOCKS_MS: u64 = 2000;

/// Whether an observation that begins later than now is queued already because of somebody's API calls.
///
/// # Errors
/// [`TableError`]
pub async fn is_observation_queued(
    table: &impl Table,
    stack: &StackId,
    now_ms: u64,
) -> Result<bool, TableError> {
    let doc = table.get(&Keys::change_log(stack)).await?;
    Ok(read(doc.as_ref()).0.observation_due_ms > now_ms + CLOCKS_MS)
}

/// Notes that an observation is queued. Call it when it is: an observation too many does no harm, and one
/// that was noted and never queued would.
///
/// # Errors
/// [`TableError`]
pub async fn note_queued_observation(
    table: &impl Table,
    stack: &StackId,
    due_ms: u64,
    now_ms: u64,
) -> Result<(), TableError> {
    let change = |change_log: &mut ChangeLog| {
        let is_news = change_log.observation_due_ms < due_ms;
        change_log.observation_due_ms = change_log.observation_due_ms.max(due_ms);
        is_news
    };
    update(table, stack, now_ms, change).await.map(|_| ())
}

/// What is kept of an API call: it comes from a member account, which may write much into it.
fn bounded(api_call: &ApiCall) -> ApiCall {
    let clip = |text: &String| text.chars().take(TEXT_MAX).collect::<String>();
    ApiCall {
        account: api_call.account.clone(),
        region: api_call.region.clone(),
        event_name: clip(&api_call.event_name),
        who: clip(&api_call.who),
        role: api_call.role.as_ref().map(clip),
        session: api_call.session.as_ref().map(clip),
        when: clip(&api_call.when),
        resource_ids: api_call.resource_ids.iter().take(IDS_MAX).map(clip).collect(),
    }
}

/// Notes an API call, once; phonehome's own are none. Returns whether it is noted: of one account not more
/// than 100 are within 15 minutes.
///
/// # Errors
/// [`TableError`]
pub async fn record_api_call(
    table: &impl Table,
    api_call: &ApiCall,
    now_ms: u64,
) -> Result<bool, TableError> {
    let api_call = &bounded(api_call);
    let change = |change_log: &mut ChangeLog| {
        if now_ms.saturating_sub(change_log.window_since_ms) >= WINDOW_MS {
            (change_log.window_since_ms, change_log.in_window) = (now_ms, 0);
        }
        let is_news = !change_log.api_calls.contains(api_call) && change_log.in_window < NOTED_MAX;
        if is_news {
            change_log.in_window += 1;
            change_log.api_calls.push(api_call.clone());
            let excess = change_log.api_calls.len().saturating_sub(KEPT_MAX);
            change_log.api_calls.drain(..excess);
        }
        is_news
    };
    let change_log = update(table, &api_call.stack(), now_ms, change).await?;
    Ok(change_log.api_calls.contains(api_call) || change_log.in_window < NOTED_MAX)
}

/// The document, and it as it is stored where it cannot be read: what cannot be read explains nothing.
fn read(doc: Option<&Doc>) -> (ChangeLog, Option<&Doc>) {
    match doc.map(|doc| (doc, doc.read::<ChangeLog>())) {
        None => (ChangeLog::default(), None),
        Some((_, Ok(change_log))) => (change_log, None),
        Some((doc, Err(_))) => (ChangeLog::default(), Some(doc)),
    }
}

/// Changes the document, unless `change` says that there is nothing to change; returns it.
async fn update(
    table: &impl Table,
    stack: &StackId,
    now_ms: u64,
    change: impl Fn(&mut ChangeLog) -> bool + Send + Sync,
) -> Result<ChangeLog, TableError> {
    let key = Keys::change_log(stack);
    on_conflict(ATTEMPTS_MAX, async || {
        let doc = table.get(&key).await?;
        let (mut change_log, unread) = read(doc.as_ref());
        if !change(&mut change_log) {
            return Ok(change_log);
        }
        let write = Write::over(doc.as_ref(), key.clone(), &change_log);
        let copy = unread.map(|doc| set_aside(doc, now_ms));
        let writes = [write.expiring(now_ms / 1000 + KEPT_S)].into_iter().chain(copy);
        table.write(writes.collect()).await?;
        Ok(change_log)
    })
    .await
}
