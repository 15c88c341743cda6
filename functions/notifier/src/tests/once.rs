//! What is posted stands in Slack once, whatever dies on the way.

use super::mortal::{End, World};
use super::*;

const ENDS: [End; 3] = [End::Before, End::After, End::Unheard];

/// How often each text stands in Slack: the message, and the lines of its thread.
fn posted(world: &World, text: &str) -> usize {
    world.notifier.chat.slack.posts().iter().filter(|post| post.text == text).count()
}

/// An incident's message and two changes, of which the first comes before or after the message is tried; two
/// invocations to each of which something happens at some write, post or edit; and then some that live.
async fn told(chat: FakeSlack, changes_before_run: usize, lives: [(usize, End); 2]) -> World {
    let world = World::with(chat);
    world.put("a", 1, slack("opened", None)).await;
    for run in 0..8 {
        if run == changes_before_run {
            world.put("a", 2, slack("worse", Some("one"))).await;
            world.put("a", 3, slack("worst", Some("two"))).await;
        }
        let life = lives.get(run).map_or((None, End::Before), |(left, end)| (Some(*left), *end));
        world.run(life.0, life.1).await;
    }
    world
}

/// Every way in which two invocations may end, one after the other.
fn lives() -> impl Iterator<Item = [(usize, End); 2]> {
    let one = || (0..9).flat_map(|left| ENDS.map(|end| (left, end)));
    one().flat_map(move |first| one().map(move |second| [first, second]))
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_write_or_post_each_message_and_each_line_stands_in_slack_once() {
    for changes_before_run in 0..3 {
        for lives in lives() {
            let case = format!("{changes_before_run} {lives:?}");
            let world = told(FakeSlack::default(), changes_before_run, lives).await;
            assert_eq!(world.left().await, 0, "{case}");
            let posts = world.notifier.chat.slack.posts();
            let messages = posts.iter().filter(|post| post.thread.is_none()).count();
            assert_eq!(
                (messages, posted(&world, "one"), posted(&world, "two")),
                (1, 1, 1),
                "{case}: {posts:?}"
            );
            let calls = world.notifier.chat.slack.calls();
            let newest = calls.iter().rfind(|call| !call.starts_with("reply")).unwrap();
            assert!(newest.ends_with(": worst"), "{case}: it reads what is newest: {calls:?}");
        }
    }
}

/// A message that joins an incident, which has a message before it, with it, or only after it was tried.
#[tokio::test(start_paused = true)]
async fn killed_at_any_write_or_post_what_joins_an_incident_stands_in_slack_once() {
    let joining = |text: &str, thread: Option<&str>| {
        let message = SlackMessage::new(Words::of(text)).joining(Some("a")).thread(thread.map(Words::of));
        message.body("#net", SlackKind::Updated)
    };
    for incident_before_run in 0..3 {
        for lives in lives() {
            let case = format!("{incident_before_run} {lives:?}");
            let world = World::with(FakeSlack::default());
            world.put("drift/1", 2, joining("drifted", None)).await;
            world.put("drift/1", 3, joining("repaired", Some("by alice"))).await;
            for run in 0..8 {
                if run == incident_before_run {
                    world.put("a", 1, slack("opened", None)).await;
                }
                let life = lives.get(run).map_or((None, End::Before), |(left, end)| (Some(*left), *end));
                world.run(life.0, life.1).await;
            }
            assert_eq!(world.left().await, 0, "{case}");
            let posts = world.notifier.chat.slack.posts();
            let messages = posted(&world, "drifted") + posted(&world, "repaired");
            assert_eq!(
                (posted(&world, "opened"), messages, posted(&world, "by alice")),
                (1, 1, 1),
                "{case}: {posts:?}"
            );
        }
    }
}

/// Somebody deletes the message before its first change.
#[tokio::test(start_paused = true)]
async fn killed_at_any_write_or_post_a_message_that_was_deleted_is_posted_anew_once() {
    for lives in lives() {
        let case = format!("{lives:?}");
        let world = World::with(FakeSlack::default());
        world.put("a", 1, slack("opened", None)).await;
        world.live().await;
        world.notifier.chat.slack.delete("opened");
        world.put("a", 2, slack("worse", Some("one"))).await;
        world.put("a", 3, slack("worst", Some("two"))).await;
        for (left, end) in lives {
            world.run(Some(left), end).await;
        }
        for _ in 0..4 {
            world.live().await;
        }
        assert_eq!(world.left().await, 0, "{case}");
        let posts = world.notifier.chat.slack.posts();
        let messages = posts.iter().filter(|post| post.thread.is_none()).count();
        assert_eq!((messages, posted(&world, "one"), posted(&world, "two")), (1, 1, 1), "{case}: {posts:?}");
    }
}

/// Without the right to read there is nothing to find.
#[tokio::test(start_paused = true)]
async fn where_the_history_cannot_be_read_a_crash_costs_at_most_one_duplicate_and_nothing_is_lost() {
    let mut twice = 0;
    for lives in lives() {
        let case = format!("{lives:?}");
        let world = told(FakeSlack { no_history: true, ..FakeSlack::default() }, 1, lives).await;
        assert_eq!(world.left().await, 0, "{case}");
        let posts = world.notifier.chat.slack.posts();
        let messages = posts.iter().filter(|post| post.thread.is_none()).count();
        let lines = [posted(&world, "one"), posted(&world, "two")];
        assert!(messages >= 1 && lines.iter().all(|one| *one >= 1), "{case}: {posts:?}");
        // Two crashes.
        assert!(messages + lines[0] + lines[1] <= 3 + 2, "{case}: {posts:?}");
        twice += usize::from(posts.len() > 3);
    }
    assert!(twice > 0, "these are the crashes that are looked after");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_looked_for_and_what_got_no_answer_is() {
    for (error, looks) in [
        (refused(Method::Post, "not_in_channel"), 0),
        (limited(Method::Post, Scope::Channel, 30), 0),
        (refused(Method::Post, "internal_error"), 1),
        (limited(Method::Post, Scope::Workspace, 30), 1),
        (SlackError::Failed { method: Method::Post, status: 502, problem: "x".into() }, 1),
        (SlackError::Unreachable("x".into()), 1),
    ] {
        let notifier = notifier(FakeSlack::default());
        notifier.chat.refusals.lock().unwrap().push(error.clone());
        put(&notifier.table, 1, "a", slack("opened", None)).await;
        notifier.handle().await.unwrap();
        let_time_pass(&notifier.table, 60).await;
        notifier.handle().await.unwrap();
        assert_eq!(notifier.chat.calls(), ["post: opened"], "{error}");
        let looked = notifier.chat.tried().iter().filter(|call| call.method == Method::History).count();
        assert_eq!(looked, looks, "{error}");
    }
}

/// It may still be on its way: Slack is not asked at once.
#[tokio::test(start_paused = true)]
async fn what_got_no_answer_is_left_alone_until_slack_has_surely_taken_it() {
    let notifier = notifier(FakeSlack::default());
    notifier.chat.refusals.lock().unwrap().push(SlackError::Unreachable("timed out".into()));
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    let_time_pass(&notifier.table, 25).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.tried().len(), 1);
    let_time_pass(&notifier.table, 10).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened"]);
}

#[tokio::test(start_paused = true)]
async fn while_slack_shows_no_history_what_is_in_doubt_waits_but_not_for_ever() {
    let notifier = notifier(FakeSlack::default());
    notifier.chat.refusals.lock().unwrap().push(SlackError::Unreachable("timed out".into()));
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.chat.rule(|call| {
        let failed = SlackError::Failed { method: call.method, status: 500, problem: "x".into() };
        (call.method == Method::History).then_some(failed)
    });
    for _ in 0..3 {
        notifier.handle().await.unwrap();
        let_time_pass(&notifier.table, 15 * 60).await;
    }
    assert_eq!(notifier.chat.calls(), Vec::<String>::new());
    for _ in 0..12 {
        notifier.handle().await.unwrap();
        let_time_pass(&notifier.table, 15 * 60).await;
    }
    assert_eq!(notifier.chat.calls(), ["post: opened"]);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_slack_refuses_keeps_no_message_from_going_out() {
    for code in ["invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large"] {
        let notifier = notifier(FakeSlack::default());
        put(&notifier.table, 1, "a", slack("opened", None)).await;
        notifier.chat.rule(move |call| call.mark.is_some().then(|| refused(Method::Post, code)));
        notifier.handle().await.unwrap();
        let posts = notifier.chat.posts();
        let [post] = posts.as_slice() else { panic!("{code}: {posts:?}") };
        assert!(post.mark.is_none() && post.blocks.is_some(), "{code}: {post:?}");
    }
}
