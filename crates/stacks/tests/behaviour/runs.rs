//! Whole lives of a stack, with whoever carries it out dying, being two, and coming late.

use phonehome_stacks::{LastTemplate, Outcome, PackStatus, Problem, noted, sha256_of};
use proptest::prelude::*;
use serde_json::Value;

use crate::executor::{Fault, Running, Stored, begin, converge, go_on, take};
use crate::world::{Fate, World, template};

const HOUR_MS: u64 = 60 * 60_000;

fn first() -> Value {
    template("a", 1, &["Ci"])
}

#[test]
fn a_stack_is_made_changed_in_place_and_a_replacement_is_withheld() {
    let (world, stored) = (World::default().shared(), Stored::new());
    assert!(converge(&world, &stored, &first(), 10));
    let second = template("a", 2, &["Ci", "Audit"]);
    assert!(converge(&world, &stored, &second, 10));
    let turn = take(&world, &stored, &template("b", 2, &["Ci", "Audit"]), None).unwrap();
    assert!(matches!(turn.outcome, Outcome::Told(Problem::Refused(_))), "{turn:?}");
    let world = World::lock(&world);
    assert_eq!(world.executed, [sha256_of(&first()), sha256_of(&second)]);
    assert_eq!(world.violations, [""; 0]);
}

#[test]
fn a_stack_as_declared_takes_one_call() {
    let (world, stored) = (World::default().shared(), Stored::new());
    assert!(converge(&world, &stored, &first(), 10));
    World::lock(&world).calls.clear();
    take(&world, &stored, &first(), None).unwrap();
    assert_eq!(World::lock(&world).calls, ["cloudformation:DescribeStacks"]);
}

#[test]
fn a_change_set_that_may_replace_what_was_to_be_changed_in_place_halts_there() {
    let (world, stored) = (World::default().shared(), Stored::new());
    assert!(converge(&world, &stored, &first(), 10));
    World::lock(&world).conditional = true;
    assert!(!converge(&world, &stored, &template("a", 2, &["Ci"]), 20));
    let told = take(&world, &stored, &template("a", 2, &["Ci"]), None).unwrap().outcome;
    assert!(matches!(told, Outcome::Told(Problem::Moved { .. })), "{told:?}");
    assert_eq!(World::lock(&world).executed.len(), 1);
}

#[test]
fn what_nobody_agreed_to_halts_with_its_change_set_there_is_told_and_goes_on_once_it_is_agreed_to() {
    let (world, stored) = (World::default().shared(), Stored::new());
    let second = template("a", 2, &["Ci", "Audit"]);
    for (template, executed) in [(first(), 0), (second, 1)] {
        World::lock(&world).is_unplanned = true;
        assert!(!converge(&world, &stored, &template, 10));
        let told = take(&world, &stored, &template, None).unwrap().outcome;
        let Outcome::Told(Problem::Unplanned { version: 7, set, unplanned }) = told else {
            panic!("{told:?}");
        };
        assert!(unplanned.iter().any(|it| it.logical_id == "Key"), "{unplanned:?}");
        {
            let mut world = World::lock(&world);
            assert_eq!((world.executed.len(), world.violations.len()), (executed, 0));
            assert!(world.there().unwrap().sets.contains_key(&set), "it is there to be looked at");
            world.is_unplanned = false;
        }
        assert!(converge(&world, &stored, &template, 10));
    }
}

#[test]
fn the_template_that_a_stack_has_is_noted_whoever_gave_it_to_it_and_kept_when_the_stack_is_gone() {
    let (world, stored) = (World::default().shared(), Stored::new());
    assert_eq!(stored.read().1.deployed, None);
    assert!(converge(&world, &stored, &first(), 10));
    let noted_as = |template: &Value, is_gone| Some(LastTemplate { body: noted(template), is_gone });
    assert_eq!(stored.read().1.deployed, noted_as(&first(), false));
    // As an older release left it: one call fills it in.
    stored.change(|record| record.deployed = None);
    World::lock(&world).calls.clear();
    take(&world, &stored, &first(), None).unwrap();
    assert_eq!(World::lock(&world).calls, ["cloudformation:DescribeStacks"]);
    assert_eq!(stored.read().1.deployed, noted_as(&first(), false));
    let by_hand = template("b", 9, &[]);
    {
        let mut world = World::lock(&world);
        world.now_ms += HOUR_MS;
        let now_ms = world.now_ms;
        let stack = world.there().unwrap();
        (stack.template, stack.changed_at_ms) = (by_hand.clone(), now_ms);
    }
    take(&world, &stored, &first(), None).unwrap();
    assert_eq!(stored.read().1.deployed, noted_as(&by_hand, false));
    World::lock(&world).there().unwrap().status = PackStatus::DeleteComplete;
    take(&world, &stored, &first(), None).unwrap();
    assert_eq!(stored.read().1.deployed, noted_as(&by_hand, true));
    assert!(converge(&world, &stored, &first(), 10));
    assert_eq!(stored.read().1.deployed, noted_as(&first(), false));
}

#[test]
fn what_leaves_a_stack_waits_until_its_version_is_in_force() {
    let (world, stored) = (World::default().shared(), Stored::new());
    assert!(converge(&world, &stored, &first(), 10));
    let without = template("a", 1, &[]);
    let mut running = begin(&world, &stored, &without, false, None);
    let turn = loop {
        if let Some(turn) = go_on(&mut running) {
            break turn.unwrap();
        }
    };
    assert_eq!(turn.outcome, Outcome::Told(Problem::UntilInForce(vec!["Ci".into()])));
    assert!(converge(&world, &stored, &without, 10));
}

#[test]
fn a_creation_that_failed_is_undone_told_and_tried_again_a_few_times() {
    let (world, stored) = (World::default().shared(), Stored::new());
    let mut told = Vec::new();
    for _ in 0..400 {
        World::lock(&world).fate = Some(Fate::Fails);
        if let Some(turn) = take(&world, &stored, &first(), None)
            && let Outcome::Told(problem) = turn.outcome
            && told.last() != Some(&problem)
        {
            told.push(problem);
        }
        World::lock(&world).pass(HOUR_MS / 2);
    }
    let tried_again = |is_tried_again| {
        let said = "Key (AWS::KMS::Key): it is not so".to_owned();
        Problem::Failed { said, is_tried_again }
    };
    assert_eq!(told, [tried_again(true), tried_again(false)]);
    {
        let mut world = World::lock(&world);
        world.fate = None;
        assert_eq!((world.executed.len(), world.violations.len()), (5, 0));
    }
    assert!(converge(&world, &stored, &template("a", 2, &[]), 10), "another template is tried at once");
}

#[test]
fn a_change_that_failed_is_told_with_the_resources_reason_as_soon_as_it_is_undone() {
    let (world, stored) = (World::default().shared(), Stored::new());
    assert!(converge(&world, &stored, &first(), 10));
    World::lock(&world).fate = Some(Fate::Fails);
    let second = template("a", 2, &["Ci"]);
    let told = (0..10).find_map(|_| {
        let turn = take(&world, &stored, &second, None).unwrap();
        World::lock(&world).pass(60_000);
        if let Outcome::Told(problem) = turn.outcome { Some(problem) } else { None }
    });
    let said = "Key (AWS::KMS::Key): it is not so".to_owned();
    assert_eq!(told, Some(Problem::Failed { said, is_tried_again: true }));
}

#[test]
fn a_change_set_whose_answer_was_lost_is_asked_for_by_the_same_name() {
    let (world, stored) = (World::default().shared(), Stored::new());
    take(&world, &stored, &first(), Some(Fault::Before(0)));
    take(&world, &stored, &first(), Some(Fault::After(0)));
    take(&world, &stored, &first(), None);
    assert_eq!(World::lock(&world).there().unwrap().sets.len(), 1);
    assert_eq!(stored.read().1.attempts, 1);
}

#[test]
fn what_a_failed_creation_left_is_told_and_not_deleted() {
    let (world, stored) = (World::default().shared(), Stored::new());
    World::lock(&world).fate = Some(Fate::Leaves);
    assert!(!converge(&world, &stored, &first(), 200));
    let told = take(&world, &stored, &first(), None).unwrap().outcome;
    assert!(matches!(told, Outcome::Told(Problem::Remains(_))), "{told:?}");
    assert_eq!(World::lock(&world).there().unwrap().status, PackStatus::RollbackComplete);
}

#[test]
fn a_roll_back_that_cannot_go_on_is_asked_to_three_times_and_then_people_are() {
    for (sticks, goes_on) in [(2, true), (9, false)] {
        let (world, stored) = (World::default().shared(), Stored::new());
        assert!(converge(&world, &stored, &first(), 10));
        World::lock(&world).fate = Some(Fate::Sticks(sticks));
        assert_eq!(converge(&world, &stored, &template("a", 2, &[]), 200), goes_on, "{sticks}");
        let calls = World::lock(&world).calls.clone();
        let continued = calls.iter().filter(|call| call.ends_with("ContinueUpdateRollback")).count();
        assert_eq!(continued, if goes_on { 2 } else { 3 });
    }
}

#[test]
fn killed_before_or_after_any_call_it_ends_as_ever_and_each_template_is_carried_out_once() {
    for fate in [None, Some(Fate::Fails), Some(Fate::Sticks(1))] {
        for dies_at in 0..40 {
            for after in [false, true] {
                let (world, stored) = (World::default().shared(), Stored::new());
                let fault = Some(if after { Fault::After(0) } else { Fault::Before(0) });
                for number in 0..40 {
                    let wanted = if number < 20 { first() } else { template("a", 2, &["Ci"]) };
                    World::lock(&world).fate = fate.filter(|_| number == 22 || number == 2);
                    take(&world, &stored, &wanted, fault.filter(|_| number == dies_at));
                    World::lock(&world).pass(60_000);
                }
                World::lock(&world).pass(HOUR_MS);
                assert!(
                    converge(&world, &stored, &template("a", 2, &["Ci"]), 200),
                    "{fate:?} {dies_at} {after}"
                );
                let world = World::lock(&world);
                assert_eq!(world.violations, [""; 0], "{fate:?} {dies_at} {after}");
                if fate.is_none() {
                    assert_eq!(world.executed.len(), 2, "{dies_at} {after}: {:?}", world.executed);
                }
            }
        }
    }
}

/// Every order in which two go on, call by call: of one that carries the first template out and one that wants another.
#[test]
fn of_two_who_want_different_templates_at_the_same_moment_neither_deletes_what_the_other_makes() {
    for order in 0..1_u32 << 14 {
        let (world, stored) = (World::default().shared(), Stored::new());
        World::lock(&world).now_ms = 30 * 24 * HOUR_MS;
        take(&world, &stored, &first(), None);
        World::lock(&world).pass(60_000);
        let mut two = [(first(), None), (template("a", 2, &[]), None)];
        let mut are_over = [false; 2];
        for step in 0..14 {
            let who = (order >> step & 1) as usize;
            let (wanted, running) = &mut two[who];
            let running = running.get_or_insert_with(|| begin(&world, &stored, wanted, true, None));
            are_over[who] = are_over[who] || go_on(running).is_some();
        }
        for ((_, running), is_over) in two.iter_mut().zip(are_over) {
            while !is_over && running.as_mut().is_some_and(|running| go_on(running).is_none()) {}
        }
        assert_eq!(World::lock(&world).violations, [""; 0], "{order:b}");
    }
}

#[derive(Debug, Clone)]
enum Event {
    /// A turn begins, of whoever wants this template.
    Begin(u64),
    /// The oldest but so many goes on by one call.
    GoOn(usize),
    /// It dies.
    Kill(usize),
    /// Time passes, in minutes.
    Pass(u64),
    Fate(Fate),
    /// Somebody changes the stack by hand to this template.
    ByHand(u64),
    /// Somebody deletes it by hand.
    Delete,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1_u64..4).prop_map(Event::Begin),
        12 => (0_usize..3).prop_map(Event::GoOn),
        1 => (0_usize..3).prop_map(Event::Kill),
        4 => (1_u64..12).prop_map(Event::Pass),
        1 => prop_oneof![Just(Fate::Fails), Just(Fate::Sticks(1)), Just(Fate::Works)].prop_map(Event::Fate),
        1 => (1_u64..4).prop_map(Event::ByHand),
        1 => Just(Event::Delete),
    ];
    prop::collection::vec(event, 1..120)
}

fn happens(
    event: Event,
    world: &std::sync::Arc<std::sync::Mutex<World>>,
    stored: &Stored,
    at_work: &mut Vec<(u64, Running)>,
) {
    match event {
        Event::Begin(setting) if at_work.len() < 3 => {
            let now_ms = World::lock(world).now_ms;
            at_work.push((now_ms, begin(world, stored, &template("a", setting, &["Ci"]), true, None)));
        }
        Event::Begin(_) => {}
        Event::GoOn(at) => {
            if at < at_work.len() && go_on(&mut at_work[at].1).is_some() {
                drop(at_work.remove(at));
            }
        }
        Event::Kill(at) => {
            if at < at_work.len() {
                drop(at_work.remove(at));
            }
        }
        Event::Pass(minutes) => {
            World::lock(world).pass(minutes * 60_000);
            // Nobody works for longer than a function runs.
            let now_ms = World::lock(world).now_ms;
            at_work.retain(|(began_ms, _)| now_ms < began_ms + 14 * 60_000);
        }
        Event::Fate(fate) => World::lock(world).fate = Some(fate),
        Event::ByHand(setting) => {
            let mut world = World::lock(world);
            let now_ms = world.now_ms;
            let settled = [PackStatus::CreateComplete, PackStatus::UpdateComplete];
            if let Some(stack) = world.there().filter(|stack| settled.contains(&stack.status)) {
                stack.template = template("a", setting, &["Ci", "Mine"]);
                stack.status = PackStatus::UpdateComplete;
                stack.changed_at_ms = now_ms + 1;
                for set in stack.sets.values_mut() {
                    set.state = phonehome_stacks::ChangeSetState::Obsolete;
                }
            }
        }
        Event::Delete => {
            if let Some(stack) = World::lock(world).there() {
                stack.status = PackStatus::DeleteInProgress;
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_nothing_that_holds_something_is_deleted_or_replaced_and_it_ends_as_declared(
        events in events()
    ) {
        let (world, stored) = (World::default().shared(), Stored::new());
        World::lock(&world).now_ms = 30 * 24 * HOUR_MS;
        let mut at_work = Vec::new();
        for event in events {
            happens(event, &world, &stored, &mut at_work);
        }
        drop(at_work);
        // What failed is tried again within a day.
        {
            let mut world = World::lock(&world);
            world.fate = None;
            for _ in 0..30 {
                world.pass(HOUR_MS);
            }
        }
        let wanted = template("a", 7, &["Ci"]);
        let converged = converge(&world, &stored, &wanted, 60);
        let world = World::lock(&world);
        prop_assert_eq!(&world.violations, &Vec::<String>::new());
        prop_assert!(converged, "{:?} {:?}", world.stacks.last(), stored.read());
    }
}
