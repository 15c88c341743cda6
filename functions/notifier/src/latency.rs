//! How long people waited for the first word of an incident.

use phonehome_alerting::{Incident, Outgoing};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{Table, TableError};
use phonehome_state::Keys;

/// The incident that a message opens. Of what was opened silently, or became worth a page later, the time since
/// it began says nothing about how soon it was seen.
pub(crate) fn opened(outgoing: &Outgoing) -> Option<&str> {
    (outgoing.sequence == 1).then_some(outgoing.incident_id.as_str())
}

/// Measures from the run that first showed it (`since_ms` of the incident, by the clock of the run) until Slack or
/// SNS accepted the message. The incident is read only now, so that nothing waits for it; one that cannot be
/// read is not measured.
pub(crate) async fn measure(table: &impl Table, metrics: &Metrics, incident: &str, accepted_ms: u64) {
    match since_ms(table, incident).await {
        Ok(Some(since_ms)) => metrics.duration("DetectionLatency", accepted_ms.saturating_sub(since_ms)),
        Ok(None) => tracing::debug!(incident, "not measured: it is not there any more"),
        Err(error) => tracing::warn!(incident, %error, "how long it took to tell is not measured"),
    }
}

/// Open, or over by now.
async fn since_ms(table: &impl Table, incident: &str) -> Result<Option<u64>, TableError> {
    for key in [Keys::incident(incident), Keys::resolved(incident)] {
        if let Some(doc) = table.get(&key).await? {
            return doc.read::<Incident>().map(|incident| Some(incident.since_ms));
        }
    }
    Ok(None)
}
