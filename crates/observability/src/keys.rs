//! The ingest key of one Region.

use phonehome_wire::Region;

use crate::case::Case;
use crate::id::VendorAccountId;
use crate::problem::Problem;
use crate::seen::{IngestKey, Versions};
use crate::setup::{KeyState, Making};
use crate::step::{Look, Step};
use crate::times::SETTLES_MS;

/// What comes of a Region's key.
pub(crate) enum Outcome {
    /// The secret hands out a key that the vendor accepts.
    Fine,
    /// This is done first.
    Do(Step),
    /// Whoever began something may still be at it, until then; milliseconds since the Unix epoch.
    Wait(u64),
    /// People are to know.
    Tell(Problem),
}

/// The name by which a key is asked for: by no other call, at no other time.
fn name(region: &Region, now_ms: u64) -> String {
    format!("phonehome-{region}-{now_ms}")
}

pub(crate) fn decide(
    case: &Case<'_>,
    (region, secret): (&Region, &str),
    bound: VendorAccountId,
    state: &mut KeyState,
) -> Outcome {
    let Some(listed) = &case.seen.keys else { return Outcome::Do(Step::Look(Look::Keys)) };
    let versions = match case.seen.secrets.get(region) {
        None => return Outcome::Do(Step::Look(Look::Secret(region.clone()))),
        Some(None) => {
            let (region, secret) = (region.clone(), secret.to_owned());
            return Outcome::Tell(Problem::SecretMissing { region, secret });
        }
        Some(Some(versions)) => versions,
    };
    let settled_ms = state.asked_at_ms.saturating_add(SETTLES_MS);
    settle(versions, bound, state, case.now_ms >= settled_ms);
    if state.making.is_some() {
        return Outcome::Wait(settled_ms);
    }
    let handed = handed_out(listed, versions);
    if let Some(key) = handed {
        state.hands_out(&key.id, bound);
    }
    // Nobody has its value, and it was asked for by a name of its own. What the secret hands out is never deleted.
    let is_lost =
        |key: &&IngestKey| state.lost.contains(&key.name) && handed.is_none_or(|it| it.id != key.id);
    if let Some(lost) = listed.iter().find(is_lost) {
        return Outcome::Do(Step::DeleteKey(lost.id.clone()));
    }
    if handed.is_some() {
        return Outcome::Fine;
    }
    let is_ours = versions.current == state.current.as_ref().map(|key| key.version());
    if versions.current.is_some() && !is_ours {
        return Outcome::Tell(Problem::ForeignSecret { region: region.clone(), secret: secret.to_owned() });
    }
    // A list may be behind what was just made.
    if case.now_ms < settled_ms {
        return Outcome::Wait(settled_ms);
    }
    state.asked_at_ms = case.now_ms;
    state.making = Some(Making { name: name(region, case.now_ms), made: None });
    Outcome::Do(Step::MakeKey(region.clone()))
}

/// What became of the key that was being made: it is in the secret, or, once nobody can be at it any more, it is lost.
fn settle(versions: &Versions, bound: VendorAccountId, state: &mut KeyState, is_settled: bool) {
    let made = state.making.as_ref().and_then(|making| making.made.clone());
    match made {
        Some(made) if versions.current == Some(made.version()) => state.hands_out(&made, bound),
        _ if is_settled => state.lose(),
        _ => {}
    }
}

fn handed_out<'a>(listed: &'a [IngestKey], versions: &Versions) -> Option<&'a IngestKey> {
    let current = versions.current.as_ref()?;
    listed.iter().find(|key| key.id.version() == *current)
}
