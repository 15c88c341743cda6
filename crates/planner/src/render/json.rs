//! A plan as JSON, for programs.

use serde_json::{Value, json};

use crate::{Change, Plan, Step, Withheld};

/// The version of [`json()`]'s shape. It grows when a field changes its meaning or goes; new fields may
/// come at any time.
pub const JSON_VERSION: u32 = 1;

/// The plan as JSON:
///
/// | field | what |
/// |---|---|
/// | `version` | [`JSON_VERSION`] |
/// | `settled` | nothing to do and nothing to wait for |
/// | `summary` | one line for people |
/// | `disruption` | the worst of all steps: `none`, `resets-connections`, `replaces`, `detaches` |
/// | `counts` | numbers of steps by `change`, and of `waits` and `withheld` |
/// | `steps` | in an order that can be followed; each with `address`, `change` (`create`, `update`, `replace`, `delete`, `adopt`, `forget`), `id`, `before` and `after` (for people; `null` where the change has none), `disruption`, `reason`, `depends_on` (addresses), `call` and its `parameters` |
/// | `waits` | each with `address`, `id`, `what`, `holds_up` (`network`, `egress`, `connections`) |
/// | `withheld` | each with `address`, `id` (`null`: not there yet), `what`, `reason` |
/// | `given_up` | what no rollback brings back, of `steps` and `withheld`: each with `what` (`elastic_ip`, `regional_addresses`, `vpc`), `address`, `id`, `known_as` (public addresses or blocks) |
/// | `foreign` | each with `id`, `what` |
/// | `unseen` | kinds of resources, `nat-gateway` |
/// | `located` | `vpc_id` (`null`: not there yet) and `private_subnets` (CIDRs): what was recognised as the stack's |
/// | `price` | `nat`, `zones`, `before_cents`, `after_cents`, `undeclared_cents`: US cents a month; `null` without NAT gateways |
pub fn json(plan: &Plan) -> Value {
    let count = |sign: char| plan.steps.iter().filter(|step| step.change.sign() == sign).count();
    json!({
        "version": JSON_VERSION,
        "settled": plan.is_converged(),
        "summary": plan.sums(),
        "disruption": plan.disruption(),
        "counts": {
            "create": count('+'),
            "update": count('~'),
            "replace": count('±'),
            "delete": count('-'),
            "adopt": count('<'),
            "forget": count('>'),
            "waits": plan.waits.len(),
            "withheld": plan.withheld.len(),
        },
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "waits": plan.waits,
        "withheld": plan.withheld.iter().map(withheld).collect::<Vec<_>>(),
        "given_up": plan.given_up(),
        "foreign": plan.unmanaged,
        "unseen": plan.unseen,
        "located": plan.located,
        "price": plan.price,
    })
}

fn step(step: &Step) -> Value {
    let (change, id, before, after) = match &step.change {
        Change::Create => ("create", None, None, None),
        Change::Update { before, after } => ("update", None, Some(before.as_str()), Some(after.as_str())),
        Change::Replace(it) => ("replace", None, Some(it.before()), Some(it.after())),
        Change::Delete { before } => ("delete", None, Some(before.as_str()), None),
        Change::Adopt { id } => ("adopt", Some(id), None, None),
        Change::Forget { id } => ("forget", Some(id), None, None),
    };
    let (call, parameters) = call(json!(step.action));
    json!({
        "address": step.address,
        "change": change,
        "id": id.filter(|id| !id.is_empty()),
        "before": before,
        "after": after,
        "disruption": step.disruption,
        "reason": step.reason,
        "depends_on": step.after,
        "call": call,
        "parameters": parameters,
    })
}

/// The name of a call and its parameters; a call without any is its name alone.
fn call(action: Value) -> (String, Value) {
    match action {
        Value::Object(fields) => fields.into_iter().next().unwrap_or_default(),
        Value::String(name) => (name, json!({})),
        other => (String::new(), other),
    }
}

fn withheld(held: &Withheld) -> Value {
    let id = Some(&held.id).filter(|id| !id.is_empty());
    json!({ "address": held.address, "id": id, "what": held.what(), "reason": held.reason })
}
