//! The plans of many accounts, as people read them.

use insta::assert_snapshot;
use phonehome_planner::render::{GITHUB_COMMENT_CHARS, Planned, Section, Table, markdown_fleet, text_fleet};
use phonehome_planner::{Limits, Plan, Unmanaged};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::rendering::{repair, withheld};
use crate::support::{fresh, made, planned, usual};

/// As long as there are steps.
fn estimate(plan: &Plan) -> u64 {
    plan.steps.len() as u64
}

fn markdown(planned: &[Planned]) -> String {
    markdown_fleet(planned, &Section::default(), &[], &estimate, GITHUB_COMMENT_CHARS)
}

fn nothing() -> Plan {
    let spec = usual();
    planned(&mut made(&spec), &spec, &Limits::SWEEP)
}

fn fleet(count: usize) -> Vec<Planned> {
    let (fresh, repair, withheld, nothing) = (fresh(&usual()), repair(), withheld(), nothing());
    let plan = |number: usize| match number % 13 {
        0 => Ok(fresh.clone()),
        1 => Ok(repair.clone()),
        2 => Ok(withheld.clone()),
        3 => Err("not all VPCs could be seen, and nothing can be planned without them".to_owned()),
        _ => Ok(nothing.clone()),
    };
    (0..count).map(|number| (format!("team-{number:03}-prod"), plan(number))).collect()
}

/// Each with a plan that no other has.
fn all_different(count: usize) -> Vec<Planned> {
    let plan = repair();
    let different = |number: usize| {
        let mut plan = plan.clone();
        plan.steps[0].address = format!("something/{number}").as_str().into();
        (format!("team-{number:03}-prod"), Ok(plan))
    };
    (0..count).map(different).collect()
}

/// In the type of code nothing is Markdown or HTML, and nobody is mentioned.
fn without_code(comment: &str) -> String {
    comment.split('`').step_by(2).collect()
}

/// Every table has its head, every row as many cells, and all that is opened is closed.
fn assert_whole(comment: &str) {
    let plain = without_code(comment);
    assert_eq!(plain.matches("<details>").count(), plain.matches("</details>").count());
    assert_eq!(plain.matches("<summary>").count(), plain.matches("</summary>").count());
    assert_eq!(comment.matches("```").count(), 0);
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = comment.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(line.matches('`').count().is_multiple_of(2), "{line}");
        assert!(
            !line.starts_with('#') || number + 1 < lines.len(),
            "a heading without anything under it: {line}"
        );
        if !line.starts_with('|') {
            continue;
        }
        if number == 0 || !lines[number - 1].starts_with('|') {
            assert!(lines[number + 1].starts_with("|---"), "{line}");
        } else {
            assert_eq!(cells(line), cells(lines[number - 1]), "{}\n{line}", lines[number - 1]);
        }
        assert!(line.ends_with('|'), "{line}");
    }
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[test]
fn a_change_that_is_the_same_in_130_accounts_is_one_page() {
    let plan = repair();
    let same: Vec<Planned> =
        (0..130).map(|number| (format!("team-{number:03}-prod"), Ok(plan.clone()))).collect();
    let text = text_fleet(&same, &estimate);
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
    assert!(text.contains("130 stacks change alike; resets connections; 16 calls, about 16 s"), "{text}");
    assert!((0..130).all(|number| text.matches(&format!("team-{number:03}-prod")).count() <= 2), "{text}");
    assert_eq!(text.matches("nat-gateway/use1-az1 ").count(), 1, "{text}");
    let page = markdown(&same);
    assert_whole(&page);
    assert!(page.lines().count() <= 200 && !page.contains("Not all"), "{page}");
    assert_snapshot!("fleet-alike.text", text);
}

#[test]
fn a_fleet_of_130_is_a_page_with_what_disturbs_most_first() {
    let page = markdown(&fleet(130));
    assert_whole(&page);
    assert!(length(&page) <= GITHUB_COMMENT_CHARS);
    for number in 0..130 {
        assert!(page.contains(&format!("team-{number:03}-prod")), "{number}");
    }
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
    assert!(at("with permission cuts off its users") < at("**resets connections**"), "{page}");
    assert_snapshot!("fleet.markdown", markdown(&fleet(39)));
}

#[test]
fn a_fleet_reads_well_at_a_terminal() {
    assert_snapshot!("fleet.text", text_fleet(&fleet(26), &estimate));
}

#[test]
fn one_account_is_shown_in_full_without_talk_of_classes() {
    let one = [("new".to_owned(), Ok(fresh(&usual())))];
    for text in [markdown(&one), text_fleet(&one, &estimate)] {
        for words in ["are those of", "alike", "is disturbed", "withheld in"] {
            assert!(!text.contains(words), "{words}: {text}");
        }
        assert!(text.contains("probe/use1-az3/schedule"), "{text}");
    }
}

#[test]
fn what_was_not_planned_is_in_the_comment() {
    let page = markdown_fleet(
        &fleet(13),
        &Section::default(),
        &["shop/prod: no account".into()],
        &estimate,
        GITHUB_COMMENT_CHARS,
    );
    assert!(page.contains("| shop/prod: no account |"), "{page}");
}

#[test]
fn what_nobody_may_overlook_comes_before_the_plans_and_long_tables_behind_them() {
    let rows = vec![vec!["shop/dev".to_owned(), "aws+shop-dev@example.com".to_owned()]];
    let section = Section {
        cautions: vec!["2 accounts are made".to_owned()],
        paragraphs: vec!["In the file's order".to_owned()],
        tables: vec![Table { title: "2 alike".to_owned(), head: &["line", "address"], rows }],
    };
    let page = markdown_fleet(&fleet(13), &section, &[], &estimate, GITHUB_COMMENT_CHARS);
    assert_whole(&page);
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
    assert!(at("> [!CAUTION]\n> 2 accounts are made") < at("In the file's order"));
    assert!(at("In the file's order") < at("### 1. ") && at("### 2. ") < at("<summary>2 alike</summary>"));
    assert!(page.contains("| `shop/dev` | `aws+shop-dev@example.com` |"), "an address stays one: {page}");
}

#[test]
fn what_does_not_fit_is_said_and_never_the_most_disruptive() {
    let mut fleet = all_different(200);
    fleet.push(("harmless".into(), Ok(fresh(&usual()))));
    fleet.push(("grave".into(), Ok(withheld())));
    let page = markdown(&fleet);
    assert_whole(&page);
    assert!(length(&page) <= GITHUB_COMMENT_CHARS && length(&page) > GITHUB_COMMENT_CHARS / 2);
    assert!(page.contains("### 1. grave") && !page.contains(". harmless\n"), "{page}");
    assert!(page.contains("**Not all of the plan fits here.**") && page.contains("in the complete plan"));
    let shown = page.matches("### ").count();
    assert!(
        page.contains(&format!("{} classes with {} stacks not shown", 202 - shown, 202 - shown)),
        "{page}"
    );
}

#[test]
fn a_table_that_does_not_fit_says_how_many_rows_are_missing() {
    let mut plan = repair();
    for number in 0..2_000 {
        let mut step = plan.steps[0].clone();
        step.address = format!("something/{number}").as_str().into();
        plan.steps.push(step);
    }
    let steps = plan.steps.len();
    let page = markdown(&[("large".into(), Ok(plan))]);
    assert_whole(&page);
    let shown =
        page.lines().filter(|line| ["| `+`", "| `~`", "| `-`"].iter().any(|it| line.starts_with(it))).count();
    assert!(shown > 100, "{shown}");
    assert!(page.contains(&format!("the complete plan has {} more.", steps - shown)), "{shown} of {steps}");
}

#[test]
fn nobody_is_mentioned_and_nothing_breaks_out() {
    let evil = "@team/admins #1 </details>`|\r\n## x *a* [b](c) \u{202e}";
    let mut plan = repair();
    plan.steps[0].reason = evil.into();
    plan.steps[0].change = phonehome_planner::Change::Adopt { id: evil.into() };
    plan.steps[1].address = evil.into();
    plan.unmanaged.push(Unmanaged { id: evil.into(), what: evil.into() });
    let other = (format!("other {evil}"), Ok(plan.clone()));
    let page = markdown(&[(evil.into(), Ok(plan)), other, ("failed".into(), Err(evil.into()))]);
    assert_whole(&page);
    let plain = without_code(&page);
    for words in ["@team", "#1 ", "</details>|", "\n## x", "*a*", "[b]"] {
        assert!(!plain.contains(words), "{words}: {plain}");
    }
    assert!(!page.contains('\u{202e}') && !page.contains('\r'));
}

/// Words that hardly anybody would write, and characters of one to four bytes.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z@#|`<>&*_~\\\\\n-]{0,12}",
        Just("😀".repeat(90)),
        Just("`|".repeat(700)),
        Just("&".repeat(990)),
        Just("é\u{202e}\r".to_owned()),
        Just("</details>".to_owned())
    ];
    prop::collection::vec(word, 0..3).prop_map(|words| words.concat())
}

fn sections() -> impl Strategy<Value = Section> {
    let row = prop::collection::vec(words(), 2..=2);
    let table = (words(), prop::collection::vec(row, 0..200));
    let table = table.prop_map(|(title, rows)| Table { title, head: &["line", "address"], rows });
    let paragraphs = || prop::collection::vec(words(), 0..3);
    (paragraphs(), paragraphs(), prop::collection::vec(table, 0..3))
        .prop_map(|(cautions, paragraphs, tables)| Section { cautions, paragraphs, tables })
}

fn planned_somehow() -> impl Strategy<Value = Vec<Planned>> {
    let base = [repair(), fresh(&usual()), withheld(), nothing()];
    let one = (words(), words(), words(), 0..6usize, 0..40usize).prop_map(
        move |(name, reason, address, which, more)| {
            let Some(plan) = base.get(which) else { return (name, Err(reason)) };
            let mut plan = plan.clone();
            for number in 0..more {
                let Some(mut step) = plan.steps.first().cloned() else { break };
                step.address = format!("{address}/{number}").as_str().into();
                step.reason.clone_from(&reason);
                step.change = phonehome_planner::Change::Adopt { id: reason.clone() };
                plan.steps.push(step);
            }
            plan.unmanaged.push(Unmanaged { id: address, what: reason });
            (name, Ok(plan))
        },
    );
    prop::collection::vec(one, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_planned_the_page_fits_and_is_whole(planned in planned_somehow(), section in sections(), notes in prop::collection::vec(words(), 0..40), small in any::<bool>()) {
        let max = if small { 4_000 } else { GITHUB_COMMENT_CHARS };
        let page = markdown_fleet(&planned, &section, &notes, &estimate, max);
        prop_assert!(length(&page) <= max, "{} of {max}", length(&page));
        assert_whole(&page);
        let is_cut = page.contains("the complete plan has") || page.contains("not shown") || page.contains("too long to be shown") || page.contains(" …\n");
        prop_assert!(!is_cut || page.contains("**Not all of the plan fits here.**"));
    }
}
