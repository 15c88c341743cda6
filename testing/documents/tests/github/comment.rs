//! docs/github/comment.sh: one comment, whatever happens.

use std::process::{Command, Output};

use phonehome_documents::repository;

use crate::stand_in::{Answer, BOT, StandIn};

const MARKER: &str = "<!-- phonehome plan -->\n";

/// Runs the script with this plan; it does not wait.
fn post(github: &StandIn, plan: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.md");
    std::fs::write(&file, plan).unwrap();
    Command::new("sh")
        .arg(repository().join("docs/github/comment.sh"))
        .arg(&file)
        .env("GITHUB_API_URL", github.url())
        .env("GITHUB_REPOSITORY", "acme/network")
        .env("PULL_REQUEST", "7")
        .env("GITHUB_TOKEN", "the-token")
        .env("COMPLETE_PLAN", "https://example.com/run/1")
        .env("PAUSE", "echo")
        .output()
        .unwrap()
}

#[track_caller]
fn succeeds(github: &StandIn, plan: &str) -> Vec<String> {
    let output = post(github, plan);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[track_caller]
fn fails(github: &StandIn) -> String {
    let output = post(github, "a plan");
    assert!(!output.status.success(), "{:?}", github.comments());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn ours(github: &StandIn) -> Vec<String> {
    github
        .comments()
        .into_iter()
        .filter(|(_, author, body)| author == BOT && body.starts_with(MARKER))
        .map(|it| it.2)
        .collect()
}

#[test]
fn there_is_one_comment_and_the_next_run_writes_into_it() {
    let github = StandIn::start();
    github.add("ada", "looks good");
    succeeds(&github, "first \"plan\"\n😀 `code`\n");
    assert_eq!(ours(&github), [format!("{MARKER}first \"plan\"\n😀 `code`\n")]);
    succeeds(&github, "second");
    assert_eq!(ours(&github), [format!("{MARKER}second")]);
    assert_eq!(github.comments().len(), 2);
    assert!(github.tokens().iter().all(|token| token == "Bearer the-token"));
}

#[test]
fn it_is_found_behind_hundreds_of_others_and_never_taken_for_somebody_elses() {
    let github = StandIn::start();
    github.add("mallory", &format!("{MARKER}not by us"));
    (0..250).for_each(|number| github.add("ada", &format!("comment {number}")));
    github.add(BOT, "another workflow's");
    github.add(BOT, &format!("{MARKER}old"));
    succeeds(&github, "new");
    assert_eq!(ours(&github), [format!("{MARKER}new")]);
    assert_eq!(github.comments().len(), 253);
}

#[test]
fn a_full_last_page_is_not_taken_for_the_last() {
    let github = StandIn::start();
    (0..100).for_each(|number| github.add("ada", &format!("comment {number}")));
    succeeds(&github, "one");
    succeeds(&github, "two");
    assert_eq!(ours(&github), [format!("{MARKER}two")]);
}

#[test]
fn what_fails_for_a_moment_is_tried_again() {
    let github = StandIn::start();
    github.answers([Answer::status(502), Answer::status(500), Answer::HangUp, Answer::ok()]);
    let pauses = succeeds(&github, "plan");
    assert_eq!((ours(&github).len(), pauses), (1, vec!["2".into(), "4".into(), "8".into()]));
}

#[test]
fn a_comment_whose_answer_was_lost_is_not_made_twice() {
    for lost in [Answer::DoneAndHangUp, Answer::DoneAndStatus(502)] {
        let github = StandIn::start();
        github.answers([Answer::ok(), lost]);
        succeeds(&github, "plan");
        assert_eq!((ours(&github), github.made()), (vec![format!("{MARKER}plan")], 1));
    }
}

#[test]
fn github_says_how_long_to_wait() {
    let github = StandIn::start();
    github.answers([
        Answer::limited(403, &[("Retry-After", "17")]),
        Answer::limited(429, &[("retry-after", "3600")]),
    ]);
    assert_eq!(succeeds(&github, "plan"), ["17", "300"], "and no longer than five minutes");
    let reset = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 40;
    let reset = reset.to_string();
    github.answers([Answer::limited(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)])]);
    let pauses = succeeds(&github, "again");
    let seconds: u64 = pauses[0].parse().unwrap();
    assert!(pauses.len() == 1 && (30..=42).contains(&seconds), "{pauses:?}");
}

#[test]
fn what_does_not_pass_by_itself_fails_at_once_and_says_why() {
    for (status, words) in [(403, "403"), (401, "401"), (404, "404")] {
        let github = StandIn::start();
        github.answers([Answer::status(status)]);
        let error = fails(&github);
        assert!(error.contains(words) && error.contains("pull request 7 of acme/network"), "{error}");
        assert_eq!(github.requests(), 1, "{status}");
    }
    let github = StandIn::start();
    github.answers([Answer::ok(), Answer::status(404)]);
    assert!(fails(&github).contains("no such pull request"));
}

#[test]
fn trouble_that_lasts_ends() {
    let github = StandIn::start();
    github.always(Answer::status(503));
    assert!(fails(&github).contains("503"));
    assert!(github.requests() <= 10, "{}", github.requests());
}

#[test]
fn a_comment_that_was_deleted_meanwhile_is_made_again() {
    let github = StandIn::start();
    github.add(BOT, &format!("{MARKER}old"));
    github.answers([Answer::ok(), Answer::Deleted]);
    succeeds(&github, "new");
    assert_eq!(ours(&github), [format!("{MARKER}new")]);
}

#[test]
fn a_plan_too_long_for_a_comment_says_where_it_is() {
    let github = StandIn::start();
    succeeds(&github, &"x".repeat(70_000));
    let body = &ours(&github)[0];
    assert!(body.contains("too long") && body.contains("https://example.com/run/1"), "{body}");
}

#[test]
fn two_runs_at_once_leave_one_comment() {
    let github = StandIn::start();
    // Each looks before the other has written.
    github.hold_first_two_lists();
    std::thread::scope(|scope| {
        for plan in ["one", "two"] {
            let github = &github;
            scope.spawn(move || succeeds(github, plan));
        }
    });
    let left = ours(&github);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(["one", "two"].iter().any(|plan| left[0] == format!("{MARKER}{plan}")), "{left:?}");
    succeeds(&github, "three");
    assert_eq!(ours(&github), [format!("{MARKER}three")]);
}
