//! What people are told of an account that is closed: who did it, when, and until when it can be undone.

use jiff::Timestamp;
use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_closing::{Closing, Decommissioned};
use phonehome_fleet::Fleet;

/// The message of an account whose closing AWS has taken, in the channel that heard of the account; once it is closed the
/// same message says so. `None` while AWS has taken nothing.
pub(crate) fn told(fleet: &Fleet, record: &Decommissioned, now_ms: u64) -> Option<Outgoing> {
    let Decommissioned { account, account_name, line, closing, .. } = record;
    let closing = closing.as_ref()?;
    let (domain, environment) = line.as_str().split_once('/')?;
    let (kind, what) = match closing {
        Closing { accepted_at_ms: None, .. } => return None,
        Closing { closed_at_ms: None, .. } => (SlackKind::Opened, "is being closed"),
        Closing { closed_at_ms: Some(_), .. } => (SlackKind::Resolved, "is closed"),
    };
    let text =
        Words::of(":door: ").name(account_name).text(format!(" ({account}), which was {line}, {what}"));
    let asked = closing.asked_at_ms.map(day_and_time).unwrap_or_default();
    let who = Words::of("Asked for by ").code(&closing.by).text(format!(" at {asked}."));
    let until = closing.reinstated_until_ms().map(day_and_time).unwrap_or_default();
    let back = Words::of(format!(
        "AWS Support can bring it back until {until}, at the request of who owns the organization; then it is gone with \
         everything in it. Its e-mail address is never free again."
    ));
    let thread = (kind == SlackKind::Resolved).then(|| Words::of("it is closed"));
    let message = SlackMessage::new(text).section(who).section(back).thread(thread);
    let channel = &fleet.route_for(environment, domain).slack_channel;
    let incident_id = format!("closing/{account}/{}", closing.accepted_at_ms?);
    Some(Outgoing {
        id: format!("{incident_id}/{now_ms}/slack"),
        body: message.body(channel, kind),
        incident_id,
        at_ms: now_ms,
        sequence: 0,
    })
}

/// `2026-11-27 09:12 UTC`
fn day_and_time(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}
