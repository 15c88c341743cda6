//! Plans as people and programs read them.

use insta::{assert_json_snapshot, assert_snapshot};
use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::NatState;
use phonehome_planner::render::{self, JSON_VERSION, markdown, text};
use phonehome_planner::{Decommission, Limits, Plan, StackSpec, plan_decommission};
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
        ("given_up", json!(plan.given_up())),
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

pub(crate) fn repair() -> Plan {
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

pub(crate) fn withheld() -> Plan {
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
