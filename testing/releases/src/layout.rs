//! JSON as people review it: what fits into a line stands in one.

use std::fmt::Write as _;

use serde_json::Value;

/// The longest line, in characters: a resource's tags stand in one.
const LINE_CHARS_MAX: usize = 200;

/// A value as text, with a line break at its end.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    put(value, 0, 0, &mut text);
    text + "\n"
}

/// `taken` is what stands in the first line already.
fn put(value: &Value, depth: usize, taken: usize, text: &mut String) {
    let line = in_one_line(value);
    if 2 * depth + taken + line.chars().count() < LINE_CHARS_MAX {
        text.push_str(&line);
        return;
    }
    let (open, close, items): (char, char, Vec<(String, &Value)>) = match value {
        Value::Array(items) => ('[', ']', items.iter().map(|item| (String::new(), item)).collect()),
        Value::Object(fields) => (
            '{',
            '}',
            fields.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect(),
        ),
        _ => return text.push_str(&line),
    };
    text.push(open);
    for (number, (key, item)) in items.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n{:indent$}{key}", "", indent = 2 * (depth + 1));
        put(item, depth + 1, key.chars().count(), text);
    }
    let _ = write!(text, "\n{:indent$}{close}", "", indent = 2 * depth);
}

fn in_one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(in_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), in_one_line(value))
            };
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_laid_out_is_the_same_value_and_no_line_of_several_things_is_too_long() {
        let tags = json!({"phonehome:address": "subnet/private/use1-az1", "Name": "shop \"dev\""});
        let value = json!({"vpcs": [{"id": "vpc-1", "tags": tags}, {"id": "vpc-2", "tags": tags}], "unseen": [], "none": {}});
        let text = pretty(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.lines().all(|line| line.chars().count() <= LINE_CHARS_MAX), "{text}");
        assert_eq!(pretty(&json!([1, {"a": null}])), "[1, { \"a\": null }]\n");
    }
}
