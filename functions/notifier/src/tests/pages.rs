//! Pages go out first, whatever is wrong with anything else.

use phonehome_cloud::SystemClock;
use phonehome_cloud::table::{Key, TableError};
use phonehome_cloud::{CloudError, NotPaged, Page, Pager};

use super::*;

/// What was called, in order: of the pager, and of Slack.
type Journal = Arc<Mutex<Vec<String>>>;

/// A pager that writes into the journal, and refuses one subject.
#[derive(Clone, Default)]
struct TestPager {
    journal: Journal,
    refused: Option<&'static str>,
}

impl Pager for TestPager {
    async fn page(&self, page: &Page) -> Result<(), NotPaged> {
        let subject = page.subject.as_str();
        self.journal.lock().unwrap().push(format!("page {subject}"));
        let refused = NotPaged { error: aws_error("sns:Publish"), in_doubt: false };
        if self.refused == Some(subject) { Err(refused) } else { Ok(()) }
    }
}

/// Slack that writes into the journal; with `hangs` its token never comes.
#[derive(Clone, Default)]
struct TestChat {
    journal: Journal,
    hangs: bool,
    inner: FakeSlack,
}

impl ChatSource for TestChat {
    type Chat = FakeSlack;

    async fn open(&self) -> Result<FakeSlack, String> {
        self.journal.lock().unwrap().push("open Slack".into());
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.inner.open().await
    }
}

/// A table that takes no write of one document.
#[derive(Clone, Default)]
struct Stubborn {
    inner: MemoryTable,
    refused: &'static str,
}

impl Table for Stubborn {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.inner.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.inner.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let concerned =
            |write: &Write| !self.refused.is_empty() && format!("{write:?}").contains(self.refused);
        if writes.iter().any(concerned) {
            return Err(aws_error("dynamodb:PutItem").into());
        }
        self.inner.write(writes).await
    }
}

fn aws_error(operation: &'static str) -> CloudError {
    CloudError::service(operation, "x", "InternalError", "no")
}

/// Two pages and a Slack message between them.
async fn harness() -> (Notifier<Stubborn, TestPager, TestChat>, Journal) {
    let journal = Journal::default();
    let notifier = Notifier {
        clock: SystemClock,
        table: Stubborn::default(),
        pager: TestPager { journal: journal.clone(), refused: None },
        chat: TestChat { journal: journal.clone(), ..TestChat::default() },
        metrics: Metrics::void("notifier"),
    };
    put(&notifier.table.inner, 1, "a", page("first")).await;
    put(&notifier.table.inner, 2, "a", slack("opened", None)).await;
    put(&notifier.table.inner, 3, "b", page("second")).await;
    (notifier, journal)
}

fn seen(journal: &Journal) -> Vec<String> {
    journal.lock().unwrap().clone()
}

#[tokio::test]
async fn pages_are_sent_before_slack_is_even_opened() {
    let (notifier, journal) = harness().await;
    notifier.handle().await.unwrap();
    assert_eq!(seen(&journal), ["page first", "page second", "open Slack"]);
    assert_eq!(notifier.chat.inner.calls(), ["post: opened"]);
    assert_eq!(notifier.metrics.counts()["Runs"], 1);
}

#[tokio::test]
async fn a_page_that_is_refused_is_kept_and_in_no_others_way() {
    let (mut notifier, journal) = harness().await;
    notifier.pager.refused = Some("first");
    notifier.handle().await.unwrap();
    assert_eq!(seen(&journal), ["page first", "page second", "open Slack"]);
    let kept = outbox(&notifier.table.inner).await;
    assert_eq!(kept.len(), 1);
    assert!(kept[0].last_error.contains("sns:Publish"), "{}", kept[0].last_error);
}

#[tokio::test]
async fn a_page_that_cannot_be_claimed_is_in_no_others_way_and_the_run_fails() {
    let (mut notifier, journal) = harness().await;
    notifier.table.refused = "000000000000001/a";
    notifier.handle().await.unwrap_err();
    assert_eq!(seen(&journal), ["page second", "open Slack"]);
    assert_eq!(notifier.chat.inner.calls(), ["post: opened"]);
    assert!(!notifier.metrics.counts().contains_key("Runs"), "so that NotifierHasNotRun tells");
}

#[tokio::test]
async fn an_unreadable_item_is_set_aside_kept_and_counted_and_the_rest_goes_out() {
    let (notifier, journal) = harness().await;
    let unreadable = [json!("nonsense"), json!({"outgoing": {"id": 1}}), json!(null)];
    for (index, item) in unreadable.iter().enumerate() {
        let key = Keys::outbox(0, &format!("broken/{index}/slack/#net"));
        notifier.table.inner.write(vec![Write::put(key, Expect::Absent, item)]).await.unwrap();
    }
    for runs in 1..3 {
        notifier.handle().await.unwrap();
        assert_eq!(notifier.metrics.counts()["UnreadableItems"], 3 * runs, "counted at each run");
        assert_eq!(notifier.metrics.counts()["Runs"], runs);
    }
    assert_eq!(seen(&journal), ["page first", "page second", "open Slack"]);
    assert_eq!(notifier.chat.inner.calls(), ["post: opened"]);
    assert_eq!(notifier.table.query(Keys::OUTBOX).await.unwrap().len(), 3);
}

#[tokio::test]
async fn for_a_page_that_cannot_be_read_somebody_is_paged_once() {
    const SUBJECT: &str = r#"ALARM: "phonehome: a page cannot be read""#;
    let (mut notifier, journal) = harness().await;
    let key = Keys::outbox(0, "broken/1/page");
    notifier.table.inner.write(vec![Write::put(key, Expect::Absent, &"nonsense")]).await.unwrap();
    let stand_ins = || seen(&journal).iter().filter(|call| call.ends_with(SUBJECT)).count();
    // A page that does not go out is tried again at the next run.
    notifier.pager.refused = Some(SUBJECT);
    notifier.handle().await.unwrap();
    assert_eq!(stand_ins(), 1);
    notifier.pager.refused = None;
    for _ in 0..3 {
        notifier.handle().await.unwrap();
        assert_eq!(stand_ins(), 2);
    }
    let before_slack =
        ["page first", "page second", r#"page ALARM: "phonehome: a page cannot be read""#, "open Slack"];
    assert_eq!(seen(&journal)[..4], before_slack);
    assert_eq!(notifier.table.query(Keys::OUTBOX).await.unwrap().len(), 1, "it stays where it is");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_never_comes_keeps_no_page_and_the_run_ends() {
    let (mut notifier, journal) = harness().await;
    notifier.chat.hangs = true;
    let begin = Instant::now();
    notifier.handle().await.unwrap();
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    assert_eq!(seen(&journal), ["page first", "page second", "open Slack"]);
    assert_eq!(notifier.metrics.counts()["Runs"], 1);
    let kept = outbox(&notifier.table.inner).await;
    assert_eq!(kept[0].last_error, "Slack's token could not be read in time");
}
