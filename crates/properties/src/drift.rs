//! What differs that was as declared before.

use crate::difference::Difference;
use crate::kept::Kept;
use crate::seen::Seen;
use crate::subject::Subject;

/// What somebody else changed: it was seen as declared, the file says the same still, and now it is otherwise. What is
/// declared newly or otherwise is no drift, nor is what an account never bore.
#[must_use]
pub fn drift(subject: &Subject, kept: &Kept, seen: &Seen) -> Vec<Difference> {
    let properties = &subject.properties;
    let mut drift = Vec::new();
    if let (Some(declared), Some(place)) = (&properties.unit, &seen.place)
        && kept.unit.as_ref() == Some(declared)
        && !place.is_as_declared()
    {
        drift.push(Difference::Unit { seen: place.parent.clone(), declared: declared.clone() });
    }
    for (key, declared) in properties.tags.iter().filter(|(key, value)| kept.tags.get(*key) == Some(*value)) {
        let Some(tags) = &seen.tags else { break };
        let seen = tags.get(key);
        if seen != Some(declared) {
            let (key, seen, declared) = (key.clone(), seen.cloned(), declared.clone());
            drift.push(Difference::Tag { key, seen, declared });
        }
    }
    for (which, declared) in
        properties.contacts.iter().filter(|(it, value)| kept.contacts.get(it) == Some(*value))
    {
        let Some(seen) = seen.contacts.get(which) else { continue };
        if seen.as_ref() != Some(declared) {
            let (which, seen, declared) = (*which, seen.clone(), declared.clone());
            drift.push(Difference::Contact { which, seen, declared });
        }
    }
    drift
}
