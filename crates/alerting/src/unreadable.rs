//! What can be said of an incident that cannot be read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::MemberKey;

/// An open incident whose document is not of the shape that this version knows: written by a newer one,
/// or by hand. It is left as it is, for somebody to mend or to delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableIncident {
    /// Its id.
    pub id: String,
    /// What could be read of it all the same; `None` when that says too little.
    pub salvaged: Option<Salvaged>,
}

/// As much of an incident as says what it has told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salvaged {
    /// When it was last written; milliseconds since the Unix epoch.
    pub updated_at_ms: u64,
    /// Whether on-call was paged for it.
    pub paged: bool,
    /// What it is about.
    pub members: BTreeSet<MemberKey>,
}

impl UnreadableIncident {
    /// What can be said of the incident of this id with this document.
    #[must_use]
    pub fn of(id: &str, body: &str) -> Self {
        let salvaged = serde_json::from_str(body).ok().and_then(|body: Value| salvage(&body));
        Self { id: id.to_owned(), salvaged }
    }
}

/// Members that cannot be read are left out: of them nothing is known to be reported.
fn salvage(body: &Value) -> Option<Salvaged> {
    let member = |member: &Value| {
        let probe = serde_json::from_value(member.get("probe")?.clone()).ok()?;
        let symptom = serde_json::from_value(member.clone()).ok()?;
        Some(MemberKey { probe, symptom })
    };
    Some(Salvaged {
        updated_at_ms: body.get("updated_at_ms")?.as_u64()?,
        paged: body.get("paged")?.as_bool()?,
        members: body.get("members")?.as_array()?.iter().filter_map(member).collect(),
    })
}
