//! Which changes of a kind that holds data touch none.

use serde_json::Value;

/// In which direction a property may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// However.
    Any,
    /// What is on stays on: no `true`, and no `Enabled`, goes.
    OnlyOn,
    /// A bucket's lifecycle: nothing is deleted or moved sooner than before.
    NothingGoesSooner,
}

/// Whether a change of a property touches no data.
pub(crate) fn is_plain(rule: Rule, deployed: Option<&Value>, wanted: Option<&Value>) -> bool {
    let nothing = Value::Null;
    let (deployed, wanted) = (deployed.unwrap_or(&nothing), wanted.unwrap_or(&nothing));
    match rule {
        Rule::Any => true,
        Rule::OnlyOn => stays_on(deployed, wanted),
        Rule::NothingGoesSooner => nothing_goes_sooner(deployed, wanted),
    }
}

fn stays_on(deployed: &Value, wanted: &Value) -> bool {
    match (deployed, wanted) {
        (Value::Object(old), _) => {
            let extra = wanted.as_object().into_iter().flatten().filter(|(name, _)| !old.contains_key(*name));
            old.iter().all(|(name, value)| stays_on(value, &wanted[name.as_str()]))
                && extra.into_iter().all(|(_, value)| is_on(value))
        }
        (Value::Null, Value::Object(new)) => new.values().all(is_on),
        _ => deployed == wanted || is_on(wanted),
    }
}

fn is_on(value: &Value) -> bool {
    value == &Value::Bool(true) || value == "Enabled"
}

/// Rules by their ids. A new rule goes sooner than none; one that is gone keeps what it would have deleted.
fn nothing_goes_sooner(deployed: &Value, wanted: &Value) -> bool {
    let rules = |of: &Value| of["Rules"].as_array().cloned().unwrap_or_default();
    let old = rules(deployed);
    rules(wanted).iter().all(|new| {
        new["Id"].is_string() && old.iter().any(|old| old["Id"] == new["Id"] && is_no_sooner(old, new))
    })
}

/// Of one rule: the same but for numbers of days that grow, and for uploads that were never finished, which are no data.
fn is_no_sooner(old: &Value, new: &Value) -> bool {
    const LONGER: [&str; 3] = [
        "/ExpirationInDays",
        "/NoncurrentVersionExpiration/NoncurrentDays",
        "/NoncurrentVersionExpiration/NewerNoncurrentVersions",
    ];
    let (mut rest_of_old, mut rest_of_new) = (old.clone(), new.clone());
    for path in LONGER {
        let days = |rule: &Value| rule.pointer(path).and_then(Value::as_u64);
        let (Some(before), Some(after)) = (days(old), days(new)) else { continue };
        if after < before {
            return false;
        }
        for rest in [&mut rest_of_old, &mut rest_of_new] {
            rest.pointer_mut(path).map(Value::take);
        }
    }
    for rest in [&mut rest_of_old, &mut rest_of_new] {
        rest.as_object_mut().map(|rule| rule.remove("AbortIncompleteMultipartUpload"));
    }
    rest_of_old == rest_of_new
}

#[cfg(test)]
mod tests;
