//! What reports are judged by, from the table.

use phonehome_alerting::{Incident, Silence};
use phonehome_cloud::table::{Doc, SCHEMA_WRITTEN, Table, TableError};
use phonehome_fleet::Binding;
use phonehome_state::{Keys, PublishedFleet, StackStatus, came_into_force, history, readable};
use serde::Serialize;
use serde_json::json;

use crate::{Document, Line};

/// What the reports of this time were judged by, as far as the table still knows, and what was told then.
///
/// The versions of the fleet file that were in force have the times at which they were published; stacks and who is who are as they are
/// now; of the silences those that are there. Who published and what was accepted is left out.
///
/// # Errors
/// [`TableError`]. An item that cannot be read is left out.
pub async fn documents(table: &impl Table, from_ms: u64, to_ms: u64) -> Result<Vec<Line>, TableError> {
    let mut lines = Vec::new();
    let mut put = |document: Document| {
        if document.at_ms <= to_ms {
            lines.push(Line::Document(document));
        }
    };
    fleets(table, from_ms).await?.into_iter().for_each(&mut put);
    let stacks = readable::<StackStatus>(table, Keys::STACKS).await?.found;
    stacks.iter().for_each(|(doc, stack)| put(document(doc, from_ms, stack)));
    let bindings = readable::<Binding>(table, Keys::BINDINGS).await?.found;
    bindings.iter().for_each(|(doc, bound)| put(document(doc, from_ms.max(bound.bound_at_ms), bound)));
    let silences = readable::<Silence>(table, Keys::SILENCES).await?.found;
    silences.iter().for_each(|(doc, silence)| put(document(doc, from_ms.max(silence.set_at_ms), silence)));
    for partition in [Keys::RESOLVED, Keys::INCIDENTS] {
        for (_, incident) in readable::<Incident>(table, partition).await?.found {
            let is_over = !incident.is_open() && incident.updated_at_ms < from_ms;
            if incident.opened_at_ms <= to_ms && !is_over {
                lines.push(Line::Told(Box::new(incident)));
            }
        }
    }
    Ok(lines)
}

fn document(doc: &Doc, at_ms: u64, value: &impl Serialize) -> Document {
    let (partition, sort) = (doc.key.partition.clone(), doc.key.sort.clone());
    Document { at_ms, partition, sort, schema: SCHEMA_WRITTEN, body: json!(value) }
}

/// The version in force at that time, and those that were published later.
async fn fleets(table: &impl Table, from_ms: u64) -> Result<Vec<Document>, TableError> {
    let (mut versions, _) = history(table).await?;
    let in_force = came_into_force(table).await?;
    // One from before versions were kept has no number.
    versions.retain(|it| it.number == 0 || in_force.contains(&it.number));
    versions.sort_by_key(|it| (it.published_at_ms, it.number));
    let is_before = |it: &&PublishedFleet| it.published_at_ms <= from_ms;
    let first = versions.iter().filter(is_before).count().saturating_sub(1);
    let key = Keys::fleet();
    let published = versions.into_iter().skip(first).map(|version| {
        let at_ms = version.published_at_ms.max(from_ms);
        let known = PublishedFleet {
            text: version.text,
            number: version.number,
            published_at_ms: version.published_at_ms,
            ..PublishedFleet::default()
        };
        let (partition, sort) = (key.partition.clone(), key.sort.clone());
        Document { at_ms, partition, sort, schema: SCHEMA_WRITTEN, body: json!(known) }
    });
    Ok(published.collect())
}
