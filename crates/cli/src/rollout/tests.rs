use phonehome_rollout::{Account, Begin, Pace, Wave, begin};
use phonehome_wire::Region;

use super::*;

const MINUTE_MS: u64 = 60_000;

/// A roll-out that begins with one account in each of two waves, and what is seen of these.
fn rolling_out() -> (RollOut, Observed) {
    let wave = |name: &str| Wave::new(name.to_owned(), [].into());
    let roll_out = begin(Begin {
        base: 6,
        target: 7,
        by: "ada".to_owned(),
        at_ms: 0,
        mends: false,
        pace: Pace { bake_ms: MINUTE_MS, converge_ms: 5 * MINUTE_MS, at_once: 1 },
        waves: vec![wave("staging"), wave("everyone")],
        supersedes: None,
    });
    let region: Region = "us-east-1".parse().unwrap();
    let account = |wave, name: &str| Account {
        name: name.to_owned(),
        wave,
        target_regions: [region.clone()].into(),
        ..Account::default()
    };
    let ids = ["111122223333", "111122224444"].map(|id| id.parse().unwrap());
    let accounts = ids.into_iter().zip([account(0, "shop-dev"), account(1, "shop-prod")]).collect();
    (roll_out, Observed { accounts })
}

#[test]
fn it_says_who_has_it_and_what_it_waits_for() {
    let (roll_out, observed) = rolling_out();
    let decision = decide(&roll_out, &observed, MINUTE_MS);
    let text = shown(&decision.roll_out, &observed, &decision.waits);
    let expected = "\
version 7 over version 6, published 1970-01-01 00:00:00Z by ada: it is rolled out
  1. staging: under way since 1970-01-01 00:01:00Z; 1 account has it
  2. everyone: to come; 0 accounts have it; to come: shop-prod
waits for 1 account to be as declared: shop-dev
1970-01-01 00:01:00Z  staging began
";
    assert_eq!(text, expected);
}

#[test]
fn it_says_why_it_halted_and_what_an_operator_did() {
    let (roll_out, observed) = rolling_out();
    let began = decide(&roll_out, &observed, 0).roll_out;
    let halted = decide(&began, &observed, 6 * MINUTE_MS).roll_out;
    let halted_text = shown(&halted, &observed, &[]);
    let why = "halted: shop-dev (111122223333) takes too long: nothing is known of its network yet\n";
    assert!(halted_text.contains(why), "{halted_text}");
    let command = RolloutCommand::Resume { accept_failures: true };
    let resumed = command.change(&halted, "ada".to_owned(), 7 * MINUTE_MS).unwrap();
    let resumed_text = shown(&resumed, &observed, &[]);
    assert!(resumed_text.ends_with("resumed by ada, who accepts what fails\n"), "{resumed_text}");
    let twice = command.change(&resumed, "ada".to_owned(), 7 * MINUTE_MS);
    assert!(matches!(twice, Err(NotNow::NotHalted { version: 7 })));
}
