//! Moments that are the same in every recording.

use serde_json::Value;

/// The moment at which every recorded scenario begins; milliseconds since the Unix epoch, the begin of
/// an hour.
pub const RECORDED_AT_MS: u64 = 1_780_000_200_000 / HOUR_MS * HOUR_MS;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// What is at most a day before the begin of a scenario, or 100 after it, is a moment in it.
const BEFORE_MS: u64 = DAY_MS;
const AFTER_MS: u64 = 100 * DAY_MS;
/// The fewest digits that a moment in milliseconds has.
const DIGITS_MIN: usize = 13;

/// Turns the moments of a scenario into those of a recording: whole minutes after [`RECORDED_AT_MS`].
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began_ms: u64,
}

impl Clock {
    /// A scenario that began then; milliseconds since the Unix epoch.
    pub fn new(began_ms: u64) -> Self {
        Self { began_ms }
    }

    /// A value with recorded moments instead of its own: numbers, and digits in texts and keys.
    pub fn steady(&self, value: &Value) -> Value {
        match value {
            Value::Number(number) => {
                number.as_u64().and_then(|it| self.moment(it)).map_or_else(|| value.clone(), Value::from)
            }
            Value::String(text) => Value::String(self.steady_text(text)),
            Value::Array(items) => items.iter().map(|item| self.steady(item)).collect(),
            Value::Object(fields) => {
                let steady = |(key, value): (&String, &Value)| (self.steady_text(key), self.steady(value));
                Value::Object(fields.iter().map(steady).collect())
            }
            _ => value.clone(),
        }
    }

    /// A text with recorded moments instead of its own, with as many digits as they had.
    pub fn steady_text(&self, text: &str) -> String {
        let mut steady = String::new();
        let mut rest = text;
        while let Some(begin) = rest.find(|character: char| character.is_ascii_digit()) {
            steady.push_str(&rest[..begin]);
            rest = &rest[begin..];
            let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
            let digits = &rest[..end];
            let moment = digits.parse().ok().and_then(|it| self.moment(it));
            match moment {
                Some(moment) => steady.push_str(&format!("{moment:0width$}", width = digits.len())),
                None => steady.push_str(digits),
            }
            rest = &rest[end..];
        }
        steady + rest
    }

    /// The recorded moment, hour or day instead of one in the scenario; `None`: the number is none.
    fn moment(&self, number: u64) -> Option<u64> {
        if number.to_string().len() >= DIGITS_MIN {
            let near = (self.began_ms - BEFORE_MS..self.began_ms + AFTER_MS).contains(&number);
            let minutes = |ms: u64| (ms + MINUTE_MS / 2) / MINUTE_MS * MINUTE_MS;
            return near.then(|| match number.checked_sub(self.began_ms) {
                Some(later) => RECORDED_AT_MS + minutes(later),
                None => RECORDED_AT_MS - minutes(self.began_ms - number),
            });
        }
        // Hours and days since the Unix epoch, which a scenario does not outlast.
        [HOUR_MS, DAY_MS].into_iter().find_map(|unit| {
            let now = self.began_ms / unit;
            (number == now || number == now + 1).then_some(RECORDED_AT_MS / unit)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whenever_a_scenario_is_played_its_moments_are_recorded_as_the_same() {
        for began_ms in [1_795_123_456_789, 1_812_000_000_001] {
            let clock = Clock::new(began_ms);
            let hour = began_ms / HOUR_MS;
            let played = json!({
                "at_ms": began_ms + 12, "until_ms": began_ms + 90_003, "before_ms": began_ms - 199_999,
                "hour": hour, "count": 3, "account": "444455556666",
                "id": format!("{:015}/drift/444455556666/{}", began_ms + 1, began_ms + 7),
            });
            let at = RECORDED_AT_MS;
            let recorded = json!({
                "at_ms": at, "until_ms": at + 120_000, "before_ms": at - 180_000, "hour": at / HOUR_MS,
                "count": 3, "account": "444455556666", "id": format!("{at:015}/drift/444455556666/{at}"),
            });
            assert_eq!(clock.steady(&played), recorded);
        }
    }
}
