//! Whole runs: who dies where, what is lost, and what comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use phonehome_bench_vending::{Deaths, Faults, Run, Score, VirtualClock, wanted};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Expect, Key, MemoryTable, Table, TableError, Write, key};
use phonehome_fleet::Line;
use phonehome_vending::{
    ASK_WITHIN_MS, FailureReason, Lines, ORDERS, Order, OrderState, Pace, SETTLED_MS, SearchCause, Stop,
    Vendor, Wanted, order_key,
};

#[track_caller]
fn assert_one_each(score: &Score, lines: usize, what: &str) {
    let counts = (score.made, score.duplicates, score.orphans, score.stopped, score.open);
    assert_eq!(counts, (lines, 0, 0, 0, 0), "{what}: made, twice, orphans, stopped, open");
}

fn state(run: &Run, line: &Line) -> OrderState {
    run.orders().remove(line).map(|order| order.state).unwrap_or_else(|| panic!("{line} has no order"))
}

#[test]
fn whoever_dies_before_or_after_any_call_each_line_gets_one_account() {
    // Without unique addresses it is the search that must find each one.
    for shared_emails in [false, true] {
        let faults = Faults { shared_emails, ..Faults::default() };
        let mut whole = Run::new(4, 7, faults, Deaths::default());
        assert_one_each(&whole.go(1), 4, "nobody dies");
        assert!(whole.points() > 100, "a call has a point before and one after it");
        for at in 0..whole.points() {
            let mut run = Run::new(4, 7, faults, Deaths { at: Some(at), ppm: 0 });
            assert_one_each(&run.go(1), 4, &format!("dies at {at}, shared addresses: {shared_emails}"));
        }
    }
}

#[test]
fn in_a_storm_of_lost_and_late_calls_with_two_at_work_that_die_each_line_gets_one_account() {
    for seed in 0..25 {
        let mut run = Run::new(20, seed, Faults::STORM, Deaths { at: None, ppm: 10_000 });
        assert_one_each(&run.go(2), 20, &format!("seed {seed}"));
        // Nor does one come of what is heard when all are done.
        run.clock.pass(10 * 60_000);
        assert_one_each(&run.go(2), 20, &format!("seed {seed}, ten minutes later"));
        assert!(run.organization.is_quiet(), "seed {seed}: something is still on its way");
    }
}

#[test]
fn answers_that_are_lost_make_no_second_account_even_where_addresses_are_not_unique() {
    for seed in 0..10 {
        let faults = Faults { lost_ppm: 200_000, shared_emails: true, ..Faults::default() };
        let mut run = Run::new(20, seed, faults, Deaths { at: None, ppm: 10_000 });
        assert_one_each(&run.go(1), 20, &format!("seed {seed}"));
    }
}

#[test]
fn what_is_still_in_the_making_when_it_is_looked_for_is_waited_for_and_not_asked_for_again() {
    for seed in 0..6 {
        // Three minutes: long after an answer counts as lost. Nothing but the list of requests knows of it.
        let (lost_ppm, slow_ms, shared_emails) = (300_000, 180_000, true);
        let faults = Faults { lost_ppm, slow_ms, shared_emails, ..Faults::default() };
        let mut run = Run::new(6, seed, faults, Deaths::default());
        assert_one_each(&run.go(1), 6, &format!("seed {seed}"));
    }
}

#[test]
fn whatever_the_file_says_meanwhile_no_line_gets_a_second_account() {
    for seed in 0..15 {
        let mut run = Run::new(20, seed, Faults::STORM, Deaths { at: None, ppm: 10_000 });
        let all = run.wanted.clone();
        for hour in 0..6 {
            // Another pattern each time, other lines, and all of it permitted anew.
            let in_file = all.iter().enumerate().filter(|(number, _)| (number + hour) % 3 != 0 || hour == 5);
            let change = |wanted: &Wanted| Wanted {
                email: format!("{hour}-{}", wanted.email),
                permitted_at_ms: run.clock.now_ms(),
                ..wanted.clone()
            };
            run.wanted = in_file.map(|(_, wanted)| change(wanted)).collect();
            run.lines = Lines::new(run.wanted.iter().map(|it| it.line.clone()), []);
            run.go_for(2, 70_000);
        }
        run.go(2);
        run.clock.pass(10 * 60_000);
        assert_one_each(&run.go(2), 20, &format!("seed {seed}"));
    }
}

#[test]
fn it_takes_hardly_longer_than_organizations_limits_force_and_none_of_its_calls_is_refused() {
    for vendors in [1, 2] {
        let score = Run::new(150, 1, Faults::default(), Deaths::default()).go(vendors);
        assert_one_each(&score, 150, "nothing goes wrong");
        assert!(score.took_ms * 100 <= score.least_ms * 105, "{} of {} ms", score.took_ms, score.least_ms);
        let refused = score.calls["CreateAccount"].1;
        assert_eq!(refused, 0, "{vendors} share one pace");
    }
}

#[test]
fn an_account_that_is_there_is_found_by_its_address_and_made_no_second_time() {
    let mut run = Run::new(4, 3, Faults::default(), Deaths::default());
    let [free, other, closed, foreign] = wanted(4).try_into().unwrap();
    let found = run.organization.add_account("200000000001", &free.email.to_uppercase(), true).unwrap();
    let others = run.organization.add_account("200000000002", &other.email, true).unwrap();
    let gone = run.organization.add_account("200000000003", &closed.email, false).unwrap();
    run.organization.add_foreign(&foreign.email);
    let pay = Line::new("pay", "prod");
    let lines = run.wanted.iter().map(|it| it.line.clone()).chain([pay.clone()]);
    run.lines = Lines::new(lines, [(others.clone(), pay.clone())]);
    run.go(1);
    assert!(matches!(state(&run, &free.line), OrderState::Made { account, .. } if account == found));
    let stop = |line: &Line| match state(&run, line) {
        OrderState::Stopped { stop, .. } => stop,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(stop(&other.line), Stop::OtherLine { account: others, line: pay });
    assert_eq!(stop(&closed.line), Stop::Closed(gone));
    assert_eq!(stop(&foreign.line), Stop::EmailTaken);
    assert_eq!(run.organization.accounts().len(), 3, "none was made");
}

#[test]
fn before_another_address_is_used_the_account_with_the_first_one_is_looked_for_once_more() {
    let mut run = Run::new(1, 3, Faults::default(), Deaths::default());
    let line = run.wanted[0].line.clone();
    run.organization.add_foreign(&run.wanted[0].email);
    run.go(1);
    assert!(matches!(state(&run, &line), OrderState::Stopped { stop: Stop::EmailTaken, .. }));
    // It was ours all the time, and no list had it.
    let late = run.organization.add_account("200000000001", &run.wanted[0].email, true).unwrap();
    run.wanted[0].email = "new@example.com".to_owned();
    run.wanted[0].permitted_at_ms = run.clock.now_ms() + 1;
    run.go(1);
    assert!(matches!(state(&run, &line), OrderState::Made { account, .. } if account == late));
    assert_eq!(run.organization.accounts().len(), 1);
}

#[test]
fn whose_account_with_the_first_address_is_not_its_own_gets_one_with_another() {
    let mut run = Run::new(1, 3, Faults::default(), Deaths::default());
    run.organization.add_account("200000000001", &run.wanted[0].email, false).unwrap();
    run.go(1);
    assert!(matches!(state(&run, &run.wanted[0].line), OrderState::Stopped { stop: Stop::Closed(_), .. }));
    run.wanted[0].email = "new@example.com".to_owned();
    run.wanted[0].permitted_at_ms = run.clock.now_ms() + 1;
    run.go(1);
    assert!(matches!(state(&run, &run.wanted[0].line), OrderState::Made { .. }));
    assert_eq!(run.organization.accounts().len(), 2);
}

#[test]
fn a_request_that_organizations_does_not_know_is_looked_up_and_made_anew_once() {
    let mut run = Run::new(1, 3, Faults::default(), Deaths::default());
    let line = run.wanted[0].line.clone();
    let order = r#"{"line":"domain-0/prod","email":"first@example.com","account_name":"domain-0-prod","placed_at_ms":1,
        "asks":1,"state":{"creating":{"request":"car-unknown1","since_ms":1}}}"#;
    run.table.put_raw(order_key(&line), order);
    assert_one_each(&run.go(1), 1, "the request is unknown");
    let accounts = run.organization.accounts();
    assert_eq!(accounts[0].email, "first@example.com", "with the address that the order has");
}

#[test]
fn an_account_that_always_fails_is_given_up_and_the_others_are_asked_for_again_and_again() {
    let faults = Faults { internal_ppm: 1_000_000, ..Faults::default() };
    let mut run = Run::new(2, 1, faults, Deaths::default());
    let score = run.go(1);
    assert_eq!((score.stopped, score.calls["CreateAccount"].0), (2, 16));
    let stop = Stop::Failed(FailureReason::InternalFailure);
    assert!(matches!(state(&run, &wanted(1)[0].line), OrderState::Stopped { stop: it, .. } if it == stop));
    let faults = Faults { internal_ppm: 300_000, ..Faults::default() };
    assert_one_each(&Run::new(30, 1, faults, Deaths::default()).go(1), 30, "a third fails");
}

#[test]
fn an_organization_that_is_being_set_up_is_waited_for() {
    let faults = Faults { finalizing_ms: 50 * 60_000, ..Faults::default() };
    let mut run = Run::new(5, 1, faults, Deaths::default());
    let score = run.go(2);
    assert_one_each(&score, 5, "it was finalizing");
    assert!(score.calls["CreateAccount"].0 < 20, "{:?}", score.calls);
    assert!(!score.calls.contains_key("ListAccounts"), "what was surely not begun is looked for by nobody");
    let pace = run.table.all().into_iter().find(|doc| doc.key.partition == "vending/pace").unwrap();
    assert_eq!(pace.read::<Pace>().unwrap().held, None, "it is over, and told no more");
}

#[test]
fn what_has_not_changed_is_not_written() {
    let mut run = Run::new(5, 1, Faults::default(), Deaths::default());
    assert_one_each(&run.go(1), 5, "nothing goes wrong");
    let docs = run.table.all();
    let orders: Vec<u64> = docs.iter().filter(|it| it.key.partition == ORDERS).map(|it| it.version).collect();
    assert_eq!(orders, [3; 5], "placed, in the making, made");
}

/// A table whose writes take as long as a function may be stopped for.
struct Late(MemoryTable, VirtualClock, u64);

impl Table for Late {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.0.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.0.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.1.pass(self.2);
        self.0.write(writes).await
    }
}

fn ended<F: Future>(work: F) -> F::Output {
    let mut work = std::pin::pin!(work);
    loop {
        if let Poll::Ready(ended) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return ended;
        }
    }
}

#[test]
fn who_was_stopped_after_the_order_was_stored_asks_for_nothing_for_another_one_may_look_for_it_by_then() {
    for (stopped_ms, is_asked) in [(ASK_WITHIN_MS - 1, true), (ASK_WITHIN_MS, false)] {
        let run = Run::new(1, 1, Faults::default(), Deaths::default());
        let table = Late(run.table.clone(), run.clock.clone(), stopped_ms);
        let mut vendor = Vendor::new(run.organization.clone(), table, run.clock.clone());
        ended(vendor.round(&run.wanted, &run.lines)).unwrap();
        let state = state(&run, &run.wanted[0].line);
        assert_eq!(matches!(state, OrderState::Creating { .. }), is_asked, "{stopped_ms}: {state:?}");
        run.clock.pass(60_000);
        assert_eq!(run.organization.accounts().len(), usize::from(is_asked));
    }
}

#[test]
fn an_order_or_a_pace_that_cannot_be_read_makes_no_account() {
    let mut run = Run::new(3, 1, Faults::default(), Deaths::default());
    let first = wanted(1).remove(0).line;
    let put = |table: &MemoryTable, key: Key| table.put_raw(key, "{");
    put(&run.table, order_key(&first));
    let score = run.go(1);
    assert_eq!((score.made, score.open), (2, 1));
    assert!(run.organization.accounts().iter().all(|it| it.made_for.as_ref() != Some(&first)));

    // Nor does one that is another line's.
    let mut run = Run::new(3, 1, Faults::default(), Deaths::default());
    let other = Order::place(Line::new("other", "prod"), "o@example.com".to_owned(), "o".to_owned(), 1);
    ended(run.table.write(vec![Write::put(order_key(&first), Expect::Absent, &other)])).unwrap();
    let score = run.go(1);
    assert_eq!((score.made, score.open), (2, 1));

    let mut run = Run::new(3, 1, Faults::default(), Deaths::default());
    put(&run.table, key("vending/pace", "current"));
    assert_eq!(run.go(1).made, 0);
}

#[test]
fn a_round_says_what_came_of_it_and_not_what_somebody_else_was_faster_with() {
    for is_overtaken in [false, true] {
        let run = Run::new(1, 1, Faults::default(), Deaths::default());
        let line = &run.wanted[0].line;
        let mut vendor = Vendor::new(run.organization.clone(), run.table.clone(), run.clock.clone());
        ended(vendor.round(&run.wanted, &run.lines)).unwrap();
        run.clock.pass(60_000);
        let table = Overtaken(run.table.clone(), is_overtaken.then(|| order_key(line)));
        let mut vendor = Vendor::new(run.organization.clone(), table, run.clock.clone());
        let round = ended(vendor.round(&run.wanted, &run.lines)).unwrap();
        assert_eq!(round.orders[line].account().is_some(), !is_overtaken);
        assert_eq!(round.orders, run.orders());
    }
}

/// A table in which somebody writes the same once more, right before each write.
struct Overtaken(MemoryTable, Option<Key>);

impl Table for Overtaken {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.0.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.0.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        if let Some(key) = &self.1 {
            let doc = self.0.get(key).await?;
            let order: Order = doc.as_ref().unwrap().read().unwrap();
            self.0.write(vec![Write::over(doc.as_ref(), key.clone(), &order)]).await?;
        }
        self.0.write(writes).await
    }
}

#[test]
fn what_lists_lacked_that_were_asked_for_too_early_is_looked_for_once_more() {
    // A list takes 80 ms at least.
    for (settles_in_ms, is_stopped) in [(50, false), (0, true)] {
        let run = Run::new(1, 1, Faults::default(), Deaths::default());
        let wanted = &run.wanted[0];
        let now_ms = run.clock.now_ms();
        let since_ms = now_ms - SETTLED_MS + settles_in_ms;
        let order =
            Order::place(wanted.line.clone(), wanted.email.clone(), wanted.account_name.clone(), now_ms);
        let order = order.searching(SearchCause::EmailExists, since_ms);
        let key = order_key(&wanted.line);
        ended(run.table.write(vec![Write::put(key, Expect::Absent, &order)])).unwrap();
        let mut vendor = Vendor::new(run.organization.clone(), run.table.clone(), run.clock.clone());
        ended(vendor.round(&run.wanted, &run.lines)).unwrap();
        let state = state(&run, &wanted.line);
        assert_eq!(matches!(state, OrderState::Stopped { .. }), is_stopped, "{settles_in_ms}: {state:?}");
    }
}

/// A clock that is off by so many hours.
#[derive(Clone)]
struct Off(VirtualClock, Arc<AtomicI64>);

impl Off {
    fn by_ms(&self) -> i64 {
        self.1.load(Ordering::Relaxed) * 3_600_000
    }
}

impl WallClock for Off {
    fn now_ms(&self) -> u64 {
        self.0.now_ms().saturating_add_signed(self.by_ms())
    }
}

#[test]
fn a_clock_that_is_an_hour_off_or_jumps_by_one_makes_no_second_account() {
    let faults = Faults { lost_ppm: 200_000, late_ppm: 100_000, lag_ms: 60_000, ..Faults::default() };
    for (before, after) in [(1, 1), (-1, -1), (0, 1), (1, 0), (0, -1), (-1, 0)] {
        for seed in 0..4 {
            let run = Run::new(6, seed, faults, Deaths::default());
            let clock = Off(run.clock.clone(), Arc::new(AtomicI64::new(before)));
            let mut vendor = Vendor::new(run.organization.clone(), run.table.clone(), clock.clone());
            let began_ms = run.clock.now_ms();
            while run.clock.now_ms() < began_ms + 6 * 3_600_000 {
                if run.clock.now_ms() > began_ms + 60_000 {
                    clock.1.store(after, Ordering::Relaxed);
                }
                let next_ms = ended(vendor.round(&run.wanted, &run.lines)).unwrap().again_at_ms;
                let Some(next_ms) = next_ms else { break };
                let next_ms = next_ms.saturating_add_signed(-clock.by_ms());
                run.clock.pass_to(next_ms.clamp(run.clock.now_ms() + 500, run.clock.now_ms() + 60_000));
            }
            run.clock.pass(600_000);
            let of: BTreeSet<_> = run.organization.accounts().into_iter().map(|it| it.made_for).collect();
            let made = run.orders().values().filter(|it| it.account().is_some()).count();
            let place = format!("{before} and then {after} h off, seed {seed}");
            assert_eq!((made, of.len(), run.organization.accounts().len()), (6, 6, 6), "{place}");
        }
    }
}
