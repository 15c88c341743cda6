//! What chance gave in an emulator, the same in every recording: ids, addresses, the order of lists.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Ids of AWS's resources have as many hexadecimal digits behind their hyphen, at least.
const DIGITS_MIN: usize = 8;

/// Gives steady names to what chance gave, in the order in which it is met.
#[derive(Debug, Clone, Default)]
pub struct Chance {
    given: Vec<(String, String)>,
    ids: BTreeMap<String, String>,
    counts: BTreeMap<String, u64>,
}

impl Chance {
    /// With names for what is known beforehand: accounts, ports.
    pub fn with(given: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { given: given.into_iter().collect(), ..Self::default() }
    }

    /// A value with steady names in its keys, texts and numbers, and its lists of objects in an order that does
    /// not depend on ids. The names given before are kept.
    pub fn steady(&mut self, value: &Value) -> Value {
        let value = ordered(&self.replaced(value), &BTreeSet::new());
        // What is a resource of its own first: what belongs to several of them is told apart by their names.
        self.name_resources(&value);
        let named: BTreeSet<String> = self.ids.values().cloned().collect();
        let value = ordered(&self.renamed(&value), &named);
        self.named(&value)
    }

    fn name_resources(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.name_resources(item)),
            Value::Object(fields) => {
                for key in ["id", "allocation_id"] {
                    if let (true, Some(Value::String(id))) = (fields.contains_key("tags"), fields.get(key)) {
                        self.id(id);
                    }
                }
                fields.values().for_each(|value| self.name_resources(value));
            }
            _ => {}
        }
    }

    /// A value with the names that were given so far.
    fn renamed(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.ids.get(text).cloned().unwrap_or_else(|| text.clone())),
            Value::Array(items) => items.iter().map(|item| self.renamed(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.renamed(value))).collect()
            }
            _ => value.clone(),
        }
    }

    fn replaced(&self, value: &Value) -> Value {
        let text =
            |text: &str| self.given.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new));
        match value {
            Value::String(old) => Value::String(text(old)),
            Value::Number(number) => {
                let found = self.given.iter().find(|(old, _)| *old == number.to_string());
                found.and_then(|(_, new)| new.parse::<u64>().ok()).map_or_else(|| value.clone(), Value::from)
            }
            Value::Array(items) => items.iter().map(|item| self.replaced(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (text(key), self.replaced(value))).collect()
            }
            _ => value.clone(),
        }
    }

    fn named(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.name(text)),
            Value::Array(items) => items.iter().map(|item| self.named(item)).collect(),
            Value::Object(fields) => {
                let mut named = Map::new();
                for (key, value) in fields {
                    let value = match (key.as_str(), value) {
                        ("public_ip", Value::String(address)) => Value::String(self.address(address)),
                        _ => self.named(value),
                    };
                    named.insert(self.name(key), value);
                }
                Value::Object(named)
            }
            _ => value.clone(),
        }
    }

    /// A text with steady ids.
    fn name(&mut self, text: &str) -> String {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '-';
        let mut named = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
            named.push_str(&self.id(&rest[..end]));
            let after = rest[end..].find(is_part).map_or(rest.len(), |begin| end + begin);
            named.push_str(&rest[end..after]);
            rest = &rest[after..];
        }
        named
    }

    fn id(&mut self, word: &str) -> String {
        let Some((prefix, digits)) = word.rsplit_once('-') else { return word.to_owned() };
        let is_hex = digits.len() >= DIGITS_MIN && digits.chars().all(|it| it.is_ascii_hexdigit());
        if !is_hex || prefix.is_empty() || !prefix.chars().all(|it| it.is_ascii_lowercase() || it == '-') {
            return word.to_owned();
        }
        if let Some(known) = self.ids.get(word) {
            return known.clone();
        }
        if self.ids.values().any(|name| name == word) {
            return word.to_owned();
        }
        let count = self.counts.entry(prefix.to_owned()).or_default();
        *count += 1;
        let name = format!("{prefix}-{count:017x}");
        self.ids.insert(word.to_owned(), name.clone());
        name
    }

    fn address(&mut self, address: &str) -> String {
        if let Some(known) = self.ids.get(address) {
            return known.clone();
        }
        let count = self.counts.entry("address".to_owned()).or_default();
        *count += 1;
        let name = format!("198.18.0.{count}");
        self.ids.insert(address.to_owned(), name.clone());
        name
    }
}

/// Lists of objects and of texts sorted by what of them is not by chance: all but ids, unless they are `named`.
/// Lists of texts that are no ids keep their order.
fn ordered(value: &Value, named: &BTreeSet<String>) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| ordered(item, named)).collect();
            let is_id = |item: &Value| item.as_str().is_some_and(is_id);
            if items.iter().all(Value::is_object) || items.iter().all(is_id) {
                items.sort_by_cached_key(|item| (item["tags"].to_string(), blank(&item.to_string(), named)));
            }
            Value::Array(items)
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), ordered(value, named))).collect()
        }
        _ => value.clone(),
    }
}

fn is_id(text: &str) -> bool {
    let digits = text.rsplit_once('-').map(|(_, digits)| digits);
    digits.is_some_and(|it| it.len() >= DIGITS_MIN && it.chars().all(|it| it.is_ascii_hexdigit()))
}

/// A text without the ids that have no name yet.
fn blank(text: &str, named: &BTreeSet<String>) -> String {
    let parts = text.split('"').map(|part| if is_id(part) && !named.contains(part) { "" } else { part });
    parts.collect::<Vec<_>>().join("\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_chance_gave_it_is_recorded_as_the_same() {
        let seen = |vpc: &str, first: &str, second: &str, account: &str, port: u16| {
            let one = json!({"id": first, "tags": {"Name": "one"}, "vpc_id": vpc, "public_ip": "54.1.2.3"});
            let two = json!({"id": second, "tags": {"Name": "two"}, "vpc_id": vpc});
            let list = if first < second { vec![one, two] } else { vec![two, one] };
            let mut chance = Chance::with([
                (account.to_owned(), "444455556666".to_owned()),
                (port.to_string(), "10443".to_owned()),
            ]);
            chance.steady(
                &json!({"subnets": list, "arn": format!("arn:aws:x:{account}:vpc/{vpc}"), "port": port}),
            )
        };
        let once = seen(
            "vpc-0aaaaaaaaaaaaaaa1",
            "subnet-0123456789abcdef0",
            "subnet-0fffffffffffffff0",
            "111122223333",
            40001,
        );
        let again = seen(
            "vpc-0bbbbbbbbbbbbbbb2",
            "subnet-0eeeeeeeeeeeeeee0",
            "subnet-00000000000000bad",
            "999988887777",
            31337,
        );
        assert_eq!(once, again);
        assert_eq!(once["arn"], "arn:aws:x:444455556666:vpc/vpc-00000000000000001");
        assert_eq!((&once["port"], &once["subnets"][0]["public_ip"]), (&json!(10443), &json!("198.18.0.1")));
    }
}
