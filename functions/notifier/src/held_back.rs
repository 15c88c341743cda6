//! What is said of pages that are held back.

use std::collections::BTreeSet;

use phonehome_alerting::{Outgoing, OutgoingBody, subject};
use phonehome_state::PAGES_PER_MINUTE;
use phonehome_text::{count, list};

/// How many pages it names, and accounts.
const NAMED: usize = 30;

/// One page for many that are held back.
pub(crate) fn sum(held: &[&Outgoing], now_ms: u64) -> Outgoing {
    let bodies = || held.iter().map(|it| &it.body);
    let accounts: BTreeSet<&String> = bodies()
        .flat_map(|body| match body {
            OutgoingBody::Page { accounts, .. } => accounts.as_slice(),
            OutgoingBody::Slack { .. } => &[],
        })
        .collect();
    let titles = held.iter().zip(bodies()).filter_map(|(it, body)| match body {
        OutgoingBody::Page { title, subject, .. } => {
            Some(format!("• {} ({})\n", title.as_ref().unwrap_or(subject), it.incident_id))
        }
        OutgoingBody::Slack { .. } => None,
    });
    let titles: String = titles.take(NAMED).collect();
    let more = match held.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("• and {more} more\n"),
    };
    let pages = count(held.len(), "page");
    let title = format!("phonehome: {pages} more held back, of {}", count(accounts.len(), "account"));
    let text = format!(
        "{title}\nThere are at most {PAGES_PER_MINUTE} pages a minute. These follow as there is room, and not at \
         all if they are over before. Slack has all of them.\n\nAccounts: {}\n\n{titles}{more}",
        list(&accounts, NAMED),
    );
    message(&format!("held-back-{now_ms}"), 1, now_ms, title, text)
}

/// The end of what `sum` said: nothing is held back any more.
pub(crate) fn end(sum: &str, now_ms: u64) -> Outgoing {
    let incident = sum.split('/').next().unwrap_or(sum);
    let title = "phonehome: no page is held back any more".to_owned();
    message(incident, 2, now_ms, title.clone(), title)
}

fn message(incident: &str, sequence: u32, at_ms: u64, title: String, text: String) -> Outgoing {
    let resolved = sequence > 1;
    let body = OutgoingBody::Page {
        subject: subject(&title, resolved),
        text,
        resolved,
        title: Some(title),
        accounts: vec![],
        of: None,
        merged_into: None,
    };
    let id = format!("{incident}/{sequence}/page");
    Outgoing { id, incident_id: incident.to_owned(), at_ms, sequence, body }
}
