//! Plans as people and programs read them.

use insta::{assert_json_snapshot, assert_snapshot};
use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::NatState;
use phonehome_planner::render::{self, GITHUB_COMMENT_CHARS, JSON_VERSION, markdown, markdown_fleet, text};
use phonehome_planner::{Decommission, Limits, Plan, StackSpec, Unmanaged, plan_decommission};
use serde_json::{Value, json};

use crate::support::{
    ZONES, add_unmanaged, all, check, edit, fresh, full, linked, made, open_entry, planned, spec, usual,
};

/// The forms of one plan: those for people as snapshots, the one for programs held against the plan.
macro_rules! assert_forms {
    ($name:literal, $plan:expr) => {{
        let plan: Plan = $plan;
        assert_snapshot!(concat!($name, ".text"), text(&plan));
        assert_snapshot!(concat!($name, ".markdown"), markdown("shop-prod", &plan));
        assert_json_says_it_all(&plan);
    }};
}

/// What a change is called in JSON, and its sign in the other forms.
const CHANGES: [(&str, char); 6] =
    [("create", '+'), ("update", '~'), ("replace", '±'), ("delete", '-'), ("adopt", '<'), ("forget", '>')];

/// Everything that the plan says, in its order, and nothing besides.
fn assert_json_says_it_all(plan: &Plan) {
    let said = render::json(plan);
    assert_eq!(said["version"], JSON_VERSION);
    assert_eq!(said["settled"], plan.is_converged());
    assert_eq!(said["summary"], plan.sums());
    assert_eq!(said["disruption"], json!(plan.disruption()));
    for (list, whole) in [
        ("waits", json!(plan.waits)),
        ("foreign", json!(plan.unmanaged)),
        ("unseen", json!(plan.unseen)),
        ("located", json!(plan.located)),
        ("price", json!(plan.price)),
    ] {
        assert_eq!(said[list], whole, "{list}");
    }
    let steps = said["steps"].as_array().unwrap();
    assert_eq!(steps.len(), plan.steps.len());
    for (said, step) in steps.iter().zip(&plan.steps) {
        let (change, _) = CHANGES.into_iter().find(|(_, sign)| *sign == step.change.sign()).unwrap();
        assert_eq!(said["change"], change, "{said:#}");
        assert_eq!(said["address"], json!(step.address));
        assert_eq!(said["depends_on"], json!(step.after));
        assert_eq!((&said["reason"], &said["disruption"]), (&json!(step.reason), &json!(step.disruption)));
        assert_eq!(said["before"].is_string(), ["update", "replace", "delete"].contains(&change), "{said:#}");
        assert_eq!(said["after"].is_string(), ["update", "replace"].contains(&change), "{said:#}");
        let call = said["call"].as_str().unwrap();
        match json!(step.action) {
            Value::Object(action) => {
                assert_eq!(action, json!({ call: said["parameters"] }).as_object().unwrap().clone())
            }
            name => assert_eq!((name, &said["parameters"]), (json!(call), &json!({}))),
        }
    }
    let withheld = said["withheld"].as_array().unwrap();
    assert_eq!(withheld.len(), plan.withheld.len());
    for (said, held) in withheld.iter().zip(&plan.withheld) {
        assert_eq!(said["address"], json!(held.address));
        assert_eq!((&said["what"], &said["reason"]), (&json!(held.what()), &json!(held.reason)));
    }
    for (change, _) in CHANGES {
        let number = steps.iter().filter(|step| step["change"] == change).count();
        assert_eq!(said["counts"][change], number, "{change}");
    }
    assert_eq!(said["counts"]["waits"], plan.waits.len());
    assert_eq!(said["counts"]["withheld"], plan.withheld.len());
}

fn repair() -> Plan {
    let mut spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        world.nat_gateways[0].state = NatState::Gone;
        world.elastic_ips[0].association_id = None;
        world.nat_gateways[1].state = NatState::Pending;
        let gone = world.route_tables.pop().unwrap();
        world.endpoints.iter_mut().for_each(|it| it.route_table_ids.retain(|id| *id != gone.id));
        let default = world.security_groups.iter_mut().find(|it| it.name == "default").unwrap();
        default.ingress = crate::support::group("", "", "").ingress;
        world.network_acls[0].entries.retain(|it| it.number != 20);
        world.network_acls[0].entries.push(open_entry(5));
        world.subnets[0].tags.remove("phonehome:address");
        world.functions[0].memory_mb = 128;
        world.functions[1].destination = Some("arn:aws:sqs:us-east-1:444455556666:elsewhere".into());
        world.functions[2].code_sha256 = "4vQfz0q2bA9yqk1c".into();
        world.schedules[1].enabled = false;
    });
    spec.probe.as_mut().unwrap().checks.push(check(9));
    planned(&mut cloud, &spec, &Limits::SWEEP)
}

fn adoption() -> Plan {
    let mut spec = spec(&ZONES[..2], Nat::Single);
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        world.vpcs[0].tags = [("Name".to_owned(), "legacy".to_owned())].into();
        world.subnets.iter_mut().for_each(|it| it.tags.clear());
        world.internet_gateways[0].tags.clear();
        world.elastic_ips.iter_mut().for_each(|it| it.tags.clear());
        world.nat_gateways.iter_mut().for_each(|it| it.tags.clear());
        world.route_tables.iter_mut().for_each(|it| it.tags.clear());
        add_unmanaged(world);
    });
    spec.adopt = Some(all(&mut cloud, &spec).vpcs[0].id.clone());
    spec.features = full(&ZONES[..2], Nat::Single).features;
    planned(&mut cloud, &spec, &Limits::ADOPTED)
}

fn withheld() -> Plan {
    let mut cloud = made(&full(&ZONES[..3], Nat::PerAz));
    planned(&mut cloud, &full(&ZONES[..2], Nat::Single), &Limits::SWEEP)
}

fn decommission(limits: &Limits) -> Plan {
    let spec = full(&ZONES[..1], Nat::PerAz);
    let world = all(&mut made(&spec), &spec);
    plan_decommission(&spec, &world, limits, Decommission::Remove).unwrap()
}

fn unpeering() -> Plan {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    planned(&mut cloud, &pay, &crate::support::UNPEER)
}

fn peering() -> Plan {
    let (mut cloud, mut shop, pay): (FakeCloud, StackSpec, StackSpec) = linked();
    shop.links[0].inbound = vec![8443];
    edit(&mut cloud, &shop, |world| world.peerings.clear());
    edit(&mut cloud, &pay, |world| world.peerings.clear());
    planned(&mut cloud, &shop, &Limits::SWEEP)
}

#[test]
fn a_fresh_stack_with_everything() {
    assert_forms!("fresh", fresh(&full(&ZONES[..2], Nat::PerAz)));
}

#[test]
fn each_change_reads_so_in_json() {
    let spec = full(&ZONES[..1], Nat::PerAz);
    let mut cloud = made(&spec);
    let world = all(&mut cloud, &spec);
    let forgotten = plan_decommission(&spec, &world, &Limits::DECOMMISSION, Decommission::Forget).unwrap();
    edit(&mut cloud, &spec, |world| world.nat_gateways[0].state = NatState::Failed);
    let replaced = planned(&mut cloud, &spec, &Limits::SWEEP);
    let plans =
        [fresh(&spec), repair(), replaced, adoption(), decommission(&Limits::DECOMMISSION), forgotten];
    let plans = plans.map(|plan| render::json(&plan));
    for (change, _) in CHANGES {
        let step = plans
            .iter()
            .flat_map(|plan| plan["steps"].as_array().unwrap())
            .find(|step| step["change"] == change);
        assert_json_snapshot!(format!("{change}.json"), step.unwrap());
    }
    assert_json_snapshot!("withheld.json", render::json(&withheld()));
}

#[test]
fn a_repair_of_much_at_once() {
    assert_forms!("repair", repair());
}

#[test]
fn an_adoption() {
    assert_forms!("adoption", adoption());
}

#[test]
fn what_is_no_longer_declared_and_may_not_go() {
    assert_forms!("withheld", withheld());
}

#[test]
fn a_decommission() {
    assert_forms!("release", decommission(&Limits::DECOMMISSION));
    assert_forms!("release-withheld", decommission(&Limits::NONE));
}

#[test]
fn nothing_to_do() {
    let spec = usual();
    assert_forms!("nothing", planned(&mut made(&spec), &spec, &Limits::SWEEP));
}

#[test]
fn a_peering() {
    assert_forms!("peering", peering());
    assert_forms!("unpeering", unpeering());
}

#[test]
fn a_plan_of_nothing_says_no_changes_in_every_form() {
    let nothing = Plan::default();
    assert_eq!(text(&nothing), "No changes: the stack is as declared.\n");
    assert!(markdown("shop-prod", &nothing).contains("No changes"));
    let json = render::json(&nothing);
    assert_eq!((&json["version"], &json["settled"]), (&JSON_VERSION.into(), &true.into()));
}

#[test]
fn names_cannot_break_out_of_a_table_or_a_line() {
    let mut plan = withheld();
    plan.withheld[0].id = "a|b\n<details>`".into();
    plan.withheld[0].address = "x`|\n<b>".into();
    let page = markdown("</summary>", &plan);
    assert!(!page.contains("### </summary>") && !page.contains("b\n<details>") && !page.contains("a|b"));
    let rows = page.lines().filter(|line| line.starts_with("| `x'"));
    assert_eq!(rows.count(), 1);
}

fn fleet(count: usize) -> Vec<(String, Result<Plan, String>)> {
    let (fresh, repair, withheld) = (fresh(&usual()), repair(), withheld());
    let spec = usual();
    let nothing = planned(&mut made(&spec), &spec, &Limits::SWEEP);
    let plan = |number: usize| match number % 13 {
        0 => Ok(fresh.clone()),
        1 => Ok(repair.clone()),
        2 => Ok(withheld.clone()),
        3 => Err("not all VPCs could be seen, and nothing can be planned without them".to_owned()),
        _ => Ok(nothing.clone()),
    };
    (0..count).map(|number| (format!("team-{number:03}-prod"), plan(number))).collect()
}

/// Every table has its head, every row as many cells, and all that is opened is closed.
fn assert_whole(comment: &str) {
    assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
    assert_eq!(comment.matches("<summary>").count(), comment.matches("</summary>").count());
    assert_eq!(comment.matches("```").count() % 2, 0);
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = comment.lines().collect();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let is_head = number == 0 || !lines[number - 1].starts_with('|');
        if is_head {
            assert!(lines[number + 1].starts_with("|---"), "{line}");
        } else {
            assert_eq!(cells(line), cells(lines[number - 1]), "{line}");
        }
        assert!(line.ends_with('|'), "{line}");
    }
}

#[test]
fn a_fleet_of_130_fits_into_a_comment_with_a_line_for_each_and_equal_plans_once() {
    let comments = markdown_fleet(&fleet(130), GITHUB_COMMENT_CHARS);
    assert_eq!(comments.len(), 1);
    assert_whole(&comments[0]);
    for number in 0..130 {
        let row = format!("| `team-{number:03}-prod` |");
        assert_eq!(comments[0].matches(&row).count(), 1, "{row}");
    }
    assert_eq!(comments[0].matches("### Same for 10 accounts").count(), 4);
    let errors = comments[0].find("could not be planned**").unwrap();
    assert!(errors < comments[0].find("| `team-000-prod` |").unwrap(), "what needs attention comes first");
}

#[test]
fn a_small_fleet_reads_well() {
    assert_snapshot!("fleet.markdown", markdown_fleet(&fleet(20), GITHUB_COMMENT_CHARS).concat());
}

#[test]
fn no_comment_is_too_long_or_ends_within_a_table_and_nothing_is_lost() {
    let fleet: Vec<_> = fleet(130);
    // None is like another, so that each is there in full.
    let different = fleet.into_iter().enumerate().map(|(number, (name, plan))| {
        let plan = plan.map(|mut plan| {
            plan.unmanaged.push(Unmanaged { id: format!("thing-{number}"), what: "somebody's".into() });
            plan
        });
        (name, plan)
    });
    let different: Vec<(String, Result<Plan, String>)> = different.collect();
    let steps: usize = different.iter().filter_map(|(_, plan)| Some(plan.as_ref().ok()?.steps.len())).sum();
    for max in [2_000, 5_000, GITHUB_COMMENT_CHARS] {
        let comments = markdown_fleet(&different, max);
        for comment in &comments {
            assert!(comment.chars().count() <= max, "{} of {max}", comment.chars().count());
            let last = comment.lines().last().unwrap_or_default();
            assert!(!last.starts_with('#'), "a heading without anything under it: {last}");
            assert_whole(comment);
        }
        let sign =
            |line: &&str| ["| `+`", "| `~`", "| `±`", "| `-`", "| `<`"].iter().any(|it| line.starts_with(it));
        let shown = comments.iter().flat_map(|it| it.lines()).filter(sign).count();
        assert_eq!(shown, steps);
    }
}

#[test]
fn a_row_too_long_for_any_comment_is_cut_and_says_so_outside_of_code() {
    let mut plan = repair();
    plan.steps[0].change = phonehome_planner::Change::Adopt { id: "a".into() };
    // The cut comes before, after and within what begins code and what is escaped.
    for before in 0..8 {
        plan.steps[0].reason = "y".repeat(before) + &"`x|".repeat(40_000);
        let comments = markdown_fleet(&[("shop-prod".into(), Ok(plan.clone()))], GITHUB_COMMENT_CHARS);
        comments.iter().for_each(|comment| assert!(comment.chars().count() <= GITHUB_COMMENT_CHARS));
        let mut lines = comments.iter().flat_map(|comment| comment.lines());
        let row = lines.find(|line| line.ends_with(" … too long to be shown here |")).unwrap();
        assert!(row.matches('`').count().is_multiple_of(2) && !row.contains("\\ …"), "{row}");
    }
}

#[test]
fn plans_are_the_same_whatever_ids_accounts_and_private_addresses_they_name() {
    let sections = |one: &str, other: &str| {
        let plan = |words: &str| Err(format!("{words} is in the way"));
        let plans = [("a".to_owned(), plan(one)), ("b".to_owned(), plan(other))];
        markdown_fleet(&plans, GITHUB_COMMENT_CHARS).concat().matches("### ").count()
    };
    for (one, other) in [
        ("vpc-0123456789abcdef0", "vpc-0fedcba9876543210"),
        ("subnet-01234567", "subnet-89abcdef"),
        ("444455556666", "111122223333"),
        ("10.0.0.0/8", "172.16.4.0/22"),
        ("10.0.0.1", "192.168.7.9"),
    ] {
        assert_eq!(sections(one, other), 1, "{one}, {other}");
    }
    for (one, other) in
        [("8.8.8.0/24", "9.9.9.0/24"), ("10.0.0.0/7", "10.0.0.0/6"), ("team-a", "team-b"), ("4444", "1111")]
    {
        assert_eq!(sections(one, other), 2, "{one}, {other}");
    }
}

#[test]
fn of_one_account_in_which_nothing_is_disturbed_or_withheld_neither_is_said() {
    let comment = markdown_fleet(&[("new".into(), Ok(fresh(&usual())))], GITHUB_COMMENT_CHARS).concat();
    for words in ["Ids and addresses are those of", "Running traffic is disturbed", "Something is withheld"] {
        assert!(!comment.contains(words), "{comment}");
    }
}

#[test]
fn eight_steps_that_disturb_are_named_before_the_table_and_how_many_more_there_are() {
    let mut plan = repair();
    let mut step = plan.steps[0].clone();
    step.disruption = phonehome_planner::Disruption::ResetsConnections;
    plan.steps = vec![step.clone(); 8];
    assert!(!markdown("shop-prod", &plan).contains("more, below"));
    plan.steps.push(step);
    assert!(markdown("shop-prod", &plan).contains("and 1 more, below"));
}

#[test]
fn a_reason_too_long_for_a_comment_is_cut_no_sooner_than_it_must() {
    let comment = markdown_fleet(&[("new".into(), Err("x".repeat(3_000)))], 2_000).concat();
    assert!(comment.contains(&("x".repeat(900))) && comment.contains("x …\n"), "{comment}");
}

#[test]
fn wherever_a_comment_ends_no_heading_is_left_behind() {
    for length in 1..250 {
        // Each is told apart by its length, so that each has a section.
        let plans = (0..12).map(|n| (format!("team-{n:02}"), Err("x".repeat(length + n))));
        for comment in markdown_fleet(&plans.collect::<Vec<_>>(), 2_000) {
            let last = comment.lines().last().unwrap_or_default();
            assert!(!last.starts_with('#'), "{length}: {last}");
        }
    }
}
