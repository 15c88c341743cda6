//! Fields that a newer build has added to a document.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// `body` with what the document before has beyond what a `T` knows; `None` where there is nothing, or
/// nothing can be said of it.
pub(super) fn kept<T: Serialize + DeserializeOwned>(before: &str, body: &str) -> Option<String> {
    let known = serde_json::to_string(&serde_json::from_str::<T>(before).ok()?).ok()?;
    if known == before {
        return None;
    }
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (before, known, mut new) = (parsed(before)?, parsed(&known)?, parsed(body)?);
    keep(&before, &known, &mut new);
    Some(new.to_string())
}

/// Puts into `new` what `before` has and `known`, which is the same as a `T` understands it, has not. In a list
/// that is known of the elements that are still there.
fn keep(before: &Value, known: &Value, new: &mut Value) {
    match (before, known, new) {
        (Value::Object(before), Value::Object(known), Value::Object(new)) => {
            for (key, value) in before {
                match (known.get(key), new.get_mut(key)) {
                    (None, None) => drop(new.insert(key.clone(), value.clone())),
                    (Some(known), Some(new)) => keep(value, known, new),
                    // It is known, and was taken away; or it is another one's now.
                    (Some(_), None) | (None, Some(_)) => {}
                }
            }
        }
        (Value::Array(before), Value::Array(known), Value::Array(new)) if before.len() == known.len() => {
            for item in new {
                if let Some(index) = known.iter().position(|it| it == item) {
                    item.clone_from(&before[index]);
                }
            }
        }
        _ => {}
    }
}
