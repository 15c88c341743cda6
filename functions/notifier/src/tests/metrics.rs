//! What an invocation says of itself: with one call, whatever Slack does.

use std::time::Duration;

use phonehome_alerting::{Incident, IncidentState, Severity, Suspect};
use phonehome_slack::{Post, Search, Sought};

use super::*;

const SINCE_MS: u64 = 1_778_833_634_000;

/// A message of an incident's revision `sequence`.
async fn told(table: &MemoryTable, incident: &str, sequence: u32, body: OutgoingBody) {
    let at_ms = SINCE_MS + u64::from(sequence);
    let id = format!("{incident}/{sequence}/{}", if body.is_page() { "page" } else { "slack" });
    let outgoing = Outgoing { id: id.clone(), incident_id: incident.into(), at_ms, sequence, body };
    let message = Outboxed::new(outgoing);
    table.write(vec![Write::put(Keys::outbox(at_ms, &id), Expect::Absent, &message)]).await.unwrap();
}

async fn incident(table: &MemoryTable, id: &str, since_ms: u64) {
    let incident = json!({
        "id": id, "suspect": Suspect::Collector, "severity": Severity::Page, "state": IncidentState::Open,
        "since_ms": since_ms, "opened_at_ms": since_ms + 60_000, "updated_at_ms": since_ms + 60_000, "revision": 1,
        "members": [],
    });
    let incident: Incident = serde_json::from_value(incident).unwrap();
    let put = Write::put(Keys::incident(id), Expect::Absent, &incident);
    table.unrestricted().write(vec![put]).await.unwrap();
}

#[tokio::test]
async fn an_invocation_sends_its_metrics_once_with_slack_and_without() {
    let quiet = notifier(FakeSlack::default());
    quiet.handle().await.unwrap();
    assert_eq!(quiet.metrics.flushes(), 1);
    let busy = notifier(FakeSlack::default());
    put(&busy.table, 1, "a", slack("opened", None)).await;
    put(&busy.table, 1, "a", page("wake up")).await;
    busy.handle().await.unwrap();
    assert_eq!((busy.metrics.flushes(), busy.metrics.counts()["Runs"]), (1, 1));
}

/// Slack whose token never comes, or whose calls never end.
struct Hanging {
    opens: bool,
}

impl ChatSource for Hanging {
    type Chat = Self;

    async fn open(&self) -> Result<Self, String> {
        if self.opens { Ok(Self { opens: true }) } else { std::future::pending().await }
    }
}

impl Chat for Hanging {
    async fn post(&self, _: Post<'_>) -> Result<MessageRef, SlackError> {
        std::future::pending().await
    }

    async fn find(&self, _: Search<'_>) -> Result<Sought, SlackError> {
        std::future::pending().await
    }

    async fn update(&self, _: &MessageRef, _: &str, _: Option<&Value>) -> Result<(), SlackError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_slack_holds_up_leaves_it_in_time_to_send_its_metrics() {
    for opens in [true, false] {
        let hanging = Notifier {
            table: MemoryTable::default().writing_only(written_by("notifier")),
            pager: MemoryPager::default(),
            chat: Hanging { opens },
            metrics: Metrics::void("notifier"),
            clock: SystemClock,
        };
        put(&hanging.table, 1, "a", slack("opened", None)).await;
        let began = Instant::now();
        let result = hanging.handle().await;
        // 30 s are Lambda's limit, and CloudWatch is waited for for 4 s.
        assert!(began.elapsed() < Duration::from_secs(26), "{:?}", began.elapsed());
        assert_eq!(hanging.metrics.flushes(), 1);
        assert_eq!(result.is_err(), opens, "without a token the run did what it could");
        assert_eq!(hanging.metrics.counts().contains_key("Runs"), !opens);
        assert_eq!(outbox(&hanging.table).await.len(), 1, "it is kept");
    }
}

#[tokio::test]
async fn detection_is_measured_from_the_first_run_until_slack_and_sns_have_the_first_message() {
    let notifier = notifier(FakeSlack::default());
    let since_ms = SystemClock.now_ms() - 75_000;
    incident(&notifier.table, "a", since_ms).await;
    told(&notifier.table, "a", 1, page("wake up")).await;
    told(&notifier.table, "a", 1, slack("opened", None)).await;
    notifier.handle().await.unwrap();
    let measured = notifier.metrics.durations("DetectionLatency");
    assert_eq!(measured.len(), 2, "{measured:?}");
    assert!(measured.iter().all(|ms| (75_000..80_000).contains(ms)), "{measured:?}");
}

#[tokio::test]
async fn what_was_not_accepted_or_only_continues_an_incident_is_not_measured() {
    let refusing = notifier(FakeSlack { no_token: true, ..FakeSlack::default() });
    incident(&refusing.table, "a", SINCE_MS).await;
    told(&refusing.table, "a", 1, slack("opened", None)).await;
    refusing.handle().await.unwrap();
    assert!(refusing.metrics.durations("DetectionLatency").is_empty(), "nobody has it yet");
    let later = notifier(FakeSlack::default());
    incident(&later.table, "a", SINCE_MS).await;
    told(&later.table, "a", 2, slack("a zone more", None)).await;
    told(&later.table, "a", 3, page("now worth a page")).await;
    put(&later.table, 9, "notice", slack("of no incident", None)).await;
    later.handle().await.unwrap();
    assert!(later.metrics.durations("DetectionLatency").is_empty());
}

#[tokio::test]
async fn an_incident_that_is_gone_or_over_is_in_no_ones_way() {
    let notifier = notifier(FakeSlack::default());
    told(&notifier.table, "gone", 1, slack("opened", None)).await;
    notifier.handle().await.unwrap();
    assert!(outbox(&notifier.table).await.is_empty());
    assert!(notifier.metrics.durations("DetectionLatency").is_empty());
}

#[tokio::test]
async fn the_age_of_the_outbox_is_that_of_its_oldest_message_which_is_not_given_up() {
    let empty = notifier(FakeSlack::default());
    empty.handle().await.unwrap();
    assert_eq!(empty.metrics.durations("OutboxAge"), [0]);
    let waiting = notifier(FakeSlack { no_token: true, ..FakeSlack::default() });
    let now_ms = SystemClock.now_ms();
    put(&waiting.table, now_ms - 90_000, "old", slack("old", None)).await;
    put(&waiting.table, now_ms - 10_000, "new", slack("new", None)).await;
    let (key, given_up) = {
        let outgoing = Outgoing {
            id: "x/1/slack".into(),
            incident_id: "x".into(),
            at_ms: 1,
            sequence: 0,
            body: slack("refused for good", None),
        };
        (Keys::outbox(1, "x/1/slack"), Outboxed { given_up: true, ..Outboxed::new(outgoing) })
    };
    waiting.table.write(vec![Write::put(key, Expect::Absent, &given_up)]).await.unwrap();
    waiting.handle().await.unwrap();
    let age = waiting.metrics.durations("OutboxAge");
    assert!(age.len() == 1 && (90_000..95_000).contains(&age[0]), "{age:?}");
}
