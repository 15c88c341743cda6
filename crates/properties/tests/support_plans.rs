//! Support plans are asked for once, whatever gets lost.

use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write, key};
use phonehome_cloud::{CloudError, WallClock};
use phonehome_fleet::{Line, Properties, SupportPlan};
use phonehome_properties::{ShownCase, Subject, SupportApi, SupportTold, Supporter};

const HOUR_MS: u64 = 60 * 60_000;
/// 1 December 2026.
const BEGIN_MS: u64 = 1_796_083_200_000;

#[derive(Debug, Default)]
struct State {
    now_ms: u64,
    cases: Vec<(String, String, ShownCase)>,
    error: Option<&'static str>,
    /// How many calls of `CreateCase` AWS hears and answers to nobody.
    lost: usize,
    calls: usize,
    /// From when on AWS shows cases.
    shown_from_ms: u64,
    /// Whether AWS shows no case.
    hides: bool,
}

#[derive(Debug, Clone, Default)]
struct Support(Arc<Mutex<State>>);

impl WallClock for Support {
    fn now_ms(&self) -> u64 {
        BEGIN_MS + self.0.lock().unwrap().now_ms
    }
}

fn stop() -> impl Future<Output = ()> + Send {
    let mut stopped = false;
    poll_fn(move |_| if std::mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending })
}

impl Support {
    async fn call<R>(
        &self,
        operation: &'static str,
        answer: impl FnOnce(&mut State) -> Result<R, &'static str> + Send,
    ) -> Result<R, CloudError> {
        stop().await;
        let answer = {
            let mut state = self.0.lock().unwrap();
            state.calls += 1;
            match state.error {
                Some(code) => Err(code),
                None => answer(&mut state),
            }
        };
        stop().await;
        answer.map_err(|code| CloudError::service(operation, "x", code, "AWS says no"))
    }
}

impl SupportApi for Support {
    async fn open(&self, subject: &str, body: &str) -> Result<String, CloudError> {
        self.call("support:CreateCase", |state| {
            let id = format!("case-{}", state.cases.len());
            let shown = ShownCase { id: id.clone(), is_resolved: false };
            state.cases.push((subject.to_owned(), body.to_owned(), shown));
            if state.lost > 0 {
                state.lost -= 1;
                return Err("ServiceException");
            }
            Ok(id)
        })
        .await
    }

    async fn find(&self, subject: &str, _: u64) -> Result<Option<ShownCase>, CloudError> {
        self.call("support:DescribeCases", |state| {
            let shown = |it: &str| it == subject && state.now_ms >= state.shown_from_ms && !state.hides;
            Ok(state.cases.iter().find(|(it, ..)| shown(it)).map(|(.., shown)| shown.clone()))
        })
        .await
    }

    async fn case(&self, id: &str) -> Result<Option<ShownCase>, CloudError> {
        self.call("support:DescribeCases", |state| {
            Ok(state.cases.iter().find(|(.., it)| it.id == id).map(|(.., shown)| shown.clone()))
        })
        .await
    }
}

struct Run {
    support: Support,
    table: MemoryTable,
    subjects: Vec<Subject>,
}

fn subject(number: usize, plan: Option<SupportPlan>) -> Subject {
    let properties = Properties { support_plan: plan, ..Properties::default() };
    let account = format!("{:012}", 333_000_000_000_usize + number).parse().unwrap();
    Subject { line: Line::new(&format!("d{number}"), "prod"), account, properties, vended: true }
}

impl Run {
    fn new(accounts: usize, plan: SupportPlan) -> Self {
        let subjects = (0..accounts).map(|number| subject(number, Some(plan))).collect();
        Self { support: Support::default(), table: MemoryTable::default(), subjects }
    }

    fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.support.0.lock().unwrap())
    }

    /// A round, of which at most so many points are passed. Returns whether it ended.
    fn round_to(&self, points: usize) -> bool {
        let supporter = Supporter::new(self.support.clone(), self.table.clone(), self.support.clone());
        let tell = |told: &SupportTold, now_ms: u64| {
            let text = told.to_string();
            vec![Write::put(key("outbox", format!("{now_ms:015}/{text}")), Expect::Absent, &text)]
        };
        let mut work = Box::pin(supporter.round(&self.subjects, &tell));
        (0..=points).any(|_| work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready())
    }

    fn hours(&self, hours: u64) {
        for _ in 0..hours * 10 {
            self.state(|state| state.now_ms += HOUR_MS / 10);
            self.round_to(100);
        }
    }

    fn told(&self) -> Vec<String> {
        let mut query = Box::pin(self.table.query("outbox"));
        let Poll::Ready(Ok(docs)) = query.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the table in memory waits for nobody")
        };
        docs.iter().map(|doc| doc.read::<String>().unwrap()).collect()
    }

    fn cases(&self) -> Vec<(String, String)> {
        let cases = self.state(|state| state.cases.clone());
        cases.into_iter().map(|(subject, body, _)| (subject, body)).collect()
    }

    fn resolve(&self) {
        self.state(|state| state.cases.iter_mut().for_each(|(.., shown)| shown.is_resolved = true));
    }
}

#[test]
fn one_case_asks_for_all_accounts_is_followed_and_both_are_told_once() {
    let run = Run::new(7, SupportPlan::Enterprise);
    run.hours(30);
    let cases = run.cases();
    assert_eq!(cases.len(), 1);
    assert!(cases[0].0.starts_with("Enterprise Support for 7 accounts (phonehome "), "{}", cases[0].0);
    assert!(cases[0].1.starts_with(
        "Please change the AWS Support plan of these accounts of our organization to Enterprise Support: 333000000000, "
    ));
    assert!(run.told()[0].contains("333000000004 and 2 more"), "{:?}", run.told());
    run.resolve();
    run.hours(30);
    assert_eq!((run.cases().len(), run.told().len()), (1, 2), "{:?}", run.told());
    assert!(run.told()[1].starts_with("AWS Support has resolved"));
}

#[test]
fn wherever_whoever_asks_dies_and_whatever_answer_is_lost_there_is_one_case_told_once() {
    for lost in [0, 1] {
        for point in 0..12 {
            let run = Run::new(2, SupportPlan::Enterprise);
            run.state(|state| state.lost = lost);
            run.round_to(point);
            run.hours(3);
            assert_eq!((run.cases().len(), run.told().len()), (1, 1), "dies at {point}, lost: {lost}");
        }
    }
}

#[test]
fn a_case_that_aws_shows_only_minutes_later_is_not_opened_a_second_time() {
    let run = Run::new(1, SupportPlan::Enterprise);
    run.state(|state| (state.lost, state.shown_from_ms) = (1, 4 * 60_000));
    for _ in 0..20 {
        run.round_to(100);
        run.state(|state| state.now_ms += 60_000);
    }
    assert_eq!((run.cases().len(), run.told().len()), (1, 1), "{:?}", run.cases());
}

#[test]
fn without_the_support_api_a_person_is_told_once_with_the_text_to_ask_with() {
    let run = Run::new(1, SupportPlan::BusinessPlus);
    run.state(|state| state.error = Some("SubscriptionRequiredException"));
    run.hours(5);
    let calls = run.state(|state| state.calls);
    assert_eq!((run.told().len(), calls), (1, 1));
    assert!(run.told()[0].contains(
        "\"Please change the AWS Support plan of these accounts of our organization to Business Support+: 333000000000.\""
    ));
}

#[test]
fn what_is_denied_is_told_once_and_tried_again_what_is_refused_is_a_persons_to_ask() {
    let run = Run::new(1, SupportPlan::Enterprise);
    run.state(|state| state.error = Some("AccessDeniedException"));
    run.hours(5);
    assert_eq!(run.told().len(), 1);
    assert!(run.told()[0].contains("support:CreateCase"));
    run.state(|state| state.error = None);
    run.hours(2);
    assert_eq!(run.cases().len(), 1);
    let run = Run::new(1, SupportPlan::Enterprise);
    run.state(|state| state.error = Some("ValidationException"));
    run.hours(5);
    assert_eq!((run.told().len(), run.state(|state| state.calls)), (1, 1));
}

#[test]
fn what_aws_never_shows_is_asked_for_three_times_and_then_a_person_is_told() {
    let run = Run::new(1, SupportPlan::Enterprise);
    run.state(|state| state.error = Some("CaseCreationLimitExceeded"));
    run.hours(1);
    assert!(run.told().is_empty(), "so many cases a day are allowed: it waits");
    run.state(|state| state.error = None);
    run.state(|state| (state.lost, state.hides) = (9, true));
    run.hours(20);
    assert_eq!((run.told().len(), run.cases().len()), (1, 2), "{:?}", run.told());
    assert!(
        run.told()[0].starts_with("AWS Support was asked several times, and shows no such case. Ask for it")
    );
}

#[test]
fn the_basic_plan_is_asked_for_only_after_another_one_was_and_an_account_more_is_another_case() {
    let run = Run::new(2, SupportPlan::Basic);
    run.hours(2);
    assert!(run.cases().is_empty());
    let mut run = Run::new(1, SupportPlan::Enterprise);
    run.hours(1);
    run.subjects.push(subject(9, Some(SupportPlan::Enterprise)));
    run.hours(3);
    assert_eq!(run.cases().len(), 1, "one case at a time");
    run.resolve();
    run.hours(3);
    assert!(run.cases()[1].0.starts_with("Enterprise Support for account 333000000009"));
    run.resolve();
    run.hours(2);
    run.subjects[0] = subject(0, Some(SupportPlan::Basic));
    run.hours(2);
    assert!(run.cases()[2].0.starts_with("Basic Support for account 333000000000"), "{:?}", run.cases());
}

#[test]
fn on_the_first_of_january_2027_nobody_asks_again_for_what_takes_a_plans_place() {
    let mut run = Run::new(1, SupportPlan::Business);
    run.hours(1);
    run.resolve();
    run.hours(24 * 40);
    assert_eq!(run.cases().len(), 1);
    run.subjects[0] = subject(0, Some(SupportPlan::BusinessPlus));
    run.hours(2);
    assert_eq!(run.cases().len(), 1, "it has it");
    run.subjects.push(subject(1, Some(SupportPlan::Developer)));
    run.hours(2);
    assert!(run.cases()[1].0.starts_with("Business Support+ for"), "{:?}", run.cases());
}

#[test]
fn where_no_plan_is_declared_nothing_is_asked() {
    let mut run = Run::new(0, SupportPlan::Basic);
    run.subjects = vec![subject(0, None)];
    run.hours(2);
    assert_eq!(run.state(|state| state.calls), 0);
}
