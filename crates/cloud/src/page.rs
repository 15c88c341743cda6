//! A page as SNS carries it: text for people, and for paging services the notification that CloudWatch sends
//! of an alarm, which they all take from SNS.

use jiff::Timestamp;
use serde_json::{Value, json};

/// SNS takes 100 printable ASCII characters for a subject.
const SUBJECT_MAX: usize = 100;
/// Bytes of the text. It stands twice in a message whose JSON SNS limits to 256 KB, each time with quotes and
/// line ends escaped to at most twice their length.
const TEXT_BYTES_MAX: usize = 30_000;
/// Characters of an alarm's name and of its reason, as CloudWatch has them.
const NAME_MAX: usize = 255;
const REASON_MAX: usize = 1023;
/// Characters of an SMS that is sent as one.
const SMS_MAX: usize = 140;
/// The protocols of SNS whose subscribers are programs.
const OF_PROGRAMS: [&str; 5] = ["http", "https", "sqs", "lambda", "firehose"];

/// Whether a page begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Somebody has to get up.
    Alarm,
    /// It is over.
    Ok,
}

impl PageState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "ALARM",
            Self::Ok => "OK",
        }
    }
}

/// A page, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// By this on-call's side tells pages apart: a repetition and the end have the same.
    pub key: String,
    /// Whether it begins or ends.
    pub state: PageState,
    /// What a mail and a service have as its title. PagerDuty takes it only if it begins with the state.
    pub subject: String,
    /// For people.
    pub text: String,
    /// When it was decided; milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl Page {
    /// The subject, as SNS takes it: 1 to 100 printable ASCII characters that begin with no space.
    #[must_use]
    pub fn sns_subject(&self) -> String {
        let subject: String = ascii(self.subject.trim()).take(SUBJECT_MAX).collect();
        if subject.is_empty() { self.state.as_str().to_owned() } else { subject }
    }

    /// The message for each protocol, for `MessageStructure` `json`; less than 256 KB.
    #[must_use]
    pub fn sns_message(&self, topic_arn: &str) -> String {
        let text = clipped(&self.text, TEXT_BYTES_MAX);
        let sms: String = ascii(&format!("{} {}", self.sns_subject(), self.key)).take(SMS_MAX).collect();
        let alarm = self.alarm(topic_arn).to_string();
        let mut message = json!({"default": text, "email": text, "sms": sms});
        for protocol in OF_PROGRAMS {
            message[protocol] = Value::String(alarm.clone());
        }
        message.to_string()
    }

    /// As CloudWatch tells a change of an alarm, with its name for the key. No such alarm exists: the account
    /// and the Region are the topic's.
    fn alarm(&self, topic_arn: &str) -> Value {
        let mut arn = topic_arn.splitn(6, ':').skip(1);
        let mut part = || arn.next().unwrap_or_default();
        let (partition, _, region, account) = (part(), part(), part(), part());
        let name: String = ascii(&self.key).take(NAME_MAX).collect();
        let at = self.changed_at();
        let was = match self.state {
            PageState::Alarm => PageState::Ok,
            PageState::Ok => PageState::Alarm,
        };
        json!({
            "AlarmName": name,
            "AlarmDescription": self.sns_subject(),
            "AWSAccountId": account,
            "AlarmConfigurationUpdatedTimestamp": at,
            "NewStateValue": self.state.as_str(),
            "NewStateReason": clipped(&self.text, TEXT_BYTES_MAX).chars().take(REASON_MAX).collect::<String>(),
            "StateChangeTime": at,
            "Region": region,
            "AlarmArn": format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"),
            "OldStateValue": was.as_str(),
            "OKActions": [topic_arn],
            "AlarmActions": [topic_arn],
            "InsufficientDataActions": [],
            "Trigger": {
                "MetricName": "Incident",
                "Namespace": "phonehome",
                "StatisticType": "Statistic",
                "Statistic": "MAXIMUM",
                "Unit": null,
                "Dimensions": [{"name": "Incident", "value": name}],
                "Period": 60,
                "EvaluationPeriods": 1,
                "DatapointsToAlarm": 1,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "Threshold": 1.0,
                "TreatMissingData": "missing",
                "EvaluateLowSampleCountPercentile": "",
            },
        })
    }

    /// `2026-11-05T10:15:00.000+0000`.
    fn changed_at(&self) -> String {
        let at = i64::try_from(self.at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        at.unwrap_or(Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
    }
}

fn ascii(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' })
}

/// At most so many bytes, without control characters but line ends.
fn clipped(text: &str, bytes: usize) -> String {
    let mut clipped = String::new();
    for c in text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }) {
        if clipped.len() + c.len_utf8() > bytes {
            break;
        }
        clipped.push(c);
    }
    clipped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-east-1:222222222222:phonehome-pages";

    fn page(subject: &str, text: &str, key: &str) -> Page {
        let (subject, text, key) = (subject.to_owned(), text.to_owned(), key.to_owned());
        Page { key, state: PageState::Alarm, subject, text, at_ms: 1_793_873_700_000 }
    }

    fn alarm(message: &str) -> Value {
        let message: Value = serde_json::from_str(message).unwrap();
        serde_json::from_str(message["https"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_page_and_its_end_are_one_alarm_that_changes_its_state() {
        let begun = page("ALARM: \"shop-prod: nothing gets out\"", "Since 10:15.", "20261105T101500Z-1f0c9a");
        let ended = Page { state: PageState::Ok, subject: "OK: \"…\"".into(), ..begun.clone() };
        let (begun, ended) = (alarm(&begun.sns_message(TOPIC)), alarm(&ended.sns_message(TOPIC)));
        assert_eq!(begun["AlarmName"], "20261105T101500Z-1f0c9a");
        assert_eq!((&begun["AlarmName"], &begun["AlarmArn"]), (&ended["AlarmName"], &ended["AlarmArn"]));
        assert_eq!((&begun["NewStateValue"], &begun["OldStateValue"]), (&json!("ALARM"), &json!("OK")));
        assert_eq!((&ended["NewStateValue"], &ended["OldStateValue"]), (&json!("OK"), &json!("ALARM")));
        assert_eq!((&begun["AWSAccountId"], &begun["Region"]), (&json!("222222222222"), &json!("us-east-1")));
        assert_eq!(begun["StateChangeTime"], "2026-11-05T10:15:00.000+0000");
        assert_eq!(begun["NewStateReason"], "Since 10:15.");
        let arn = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:20261105T101500Z-1f0c9a";
        assert_eq!(begun["AlarmArn"], arn);
    }

    #[test]
    fn people_read_text_and_programs_json() {
        let message: Value =
            serde_json::from_str(&page("ALARM: \"x\"", "one\ntwo", "id").sns_message(TOPIC)).unwrap();
        assert_eq!((&message["default"], &message["email"]), (&json!("one\ntwo"), &json!("one\ntwo")));
        assert_eq!(message["sms"], "ALARM: \"x\" id");
        for protocol in OF_PROGRAMS {
            assert_eq!(message[protocol], message["https"]);
        }
    }

    /// The longest that each character becomes: a quote and a backslash are escaped twice in an alarm.
    #[test]
    fn the_longest_message_is_what_sns_takes() {
        for worst in ["\"", "\\", "\n", "\u{0}", "é", "\u{10ffff}"] {
            let long = worst.repeat(300_000);
            let page = page(&long, &long, &long);
            assert!(page.sns_message(TOPIC).len() < 256 * 1024, "{}", page.sns_message(TOPIC).len());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_paged_sns_takes_it(subject in ".{0,200}", text in "(?s).{0,3000}", key in "(?s).{0,300}") {
            let page = page(&subject, &text, &key);
            let subject = page.sns_subject();
            prop_assert!((1..=100).contains(&subject.len()) && !subject.starts_with(' '));
            prop_assert!(subject.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{subject:?}");
            let message = page.sns_message(TOPIC);
            prop_assert!(message.len() < 256 * 1024);
            let parsed: Value = serde_json::from_str(&message).unwrap();
            prop_assert!(parsed.as_object().unwrap().values().all(Value::is_string));
            prop_assert!(parsed["sms"].as_str().unwrap().len() <= 140);
            prop_assert_eq!(&alarm(&message)["NewStateValue"], "ALARM");
        }
    }
}
