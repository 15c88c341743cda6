//! A CloudFormation in memory, as strict as AWS's about what it takes in which status.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use phonehome_stacks::{
    ChangeSet, ChangeSetState, Changed, DriftStatus, Expected, MARK, PackStack, PackStatus, Planned,
    PolicyAction, Refused, Replacement, ResourceChange,
};
use serde_json::{Value, json};

pub(crate) const NAME: &str = "phonehome-starter-pack";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/phonehome-starter-pack";
pub(crate) const LASTING: &str = "AWS::KMS::Key";

/// What becomes of the next changes that are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Works,
    /// It is undone, and leaves nothing.
    Fails,
    /// The creation is undone and leaves a resource.
    Leaves,
    /// The roll-back of an update cannot go on before it is asked to this often.
    Sticks(u32),
}

#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) status: PackStatus,
    pub(crate) role: Option<String>,
    pub(crate) is_tagged: bool,
    pub(crate) template: Value,
    pub(crate) remains: Vec<String>,
    pub(crate) changed_at_ms: u64,
    pub(crate) sets: BTreeMap<String, Set>,
    pub(crate) drift: (DriftStatus, Option<u64>),
    /// What it was before the change that is under way.
    before: Value,
    sticks: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) template: Value,
    pub(crate) state: ChangeSetState,
    kind_create: bool,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) stacks: Vec<Stack>,
    pub(crate) now_ms: u64,
    pub(crate) fate: Option<Fate>,
    /// What every change set says of the lasting resource, whatever is so.
    pub(crate) conditional: bool,
    /// Whether nobody agreed to what is to be done.
    pub(crate) is_unplanned: bool,
    pub(crate) violations: Vec<String>,
    pub(crate) executed: Vec<String>,
    pub(crate) calls: Vec<&'static str>,
    made: u32,
}

/// What a call answers that CloudFormation does not take.
pub(crate) type Taken<T> = Result<T, (&'static str, String)>;

fn no<T>(code: &'static str, said: impl Into<String>) -> Taken<T> {
    Err((code, said.into()))
}

pub(crate) fn resources(template: &Value) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    resources.map(|(id, it)| (id.clone(), it.clone())).collect()
}

/// The change between two templates, as a comparison works it out: a `Name` can only be given when a resource is made.
pub(crate) fn compare(deployed: &Value, wanted: &Value) -> Expected {
    let (old, new) = (resources(deployed), resources(wanted));
    let mut expected = Expected::default();
    for (id, resource) in &new {
        let planned = match old.get(id) {
            None => Planned::Add,
            Some(before) if before == resource => continue,
            Some(before) if before["Properties"]["Name"] == resource["Properties"]["Name"] => Planned::Modify,
            Some(_) => Planned::Replace,
        };
        if planned == Planned::Replace && resource["Type"] == LASTING {
            expected.refused.push(Refused { logical_id: id.clone(), why: "it would be replaced".into() });
        }
        expected.changes.insert(id.clone(), planned);
    }
    let gone = old.keys().filter(|id| !new.contains_key(*id));
    expected.changes.extend(gone.map(|id| (id.clone(), Planned::Remove)));
    expected
}

/// A template with a key of this name and setting, and further resources.
pub(crate) fn template(name: &str, setting: u64, roles: &[&str]) -> Value {
    let mut resources = json!({
        "Key": {"Type": LASTING, "Properties": {"Name": name, "Setting": setting}, "DeletionPolicy": "Retain"}
    });
    for role in roles {
        resources[*role] = json!({"Type": "AWS::IAM::Role", "Properties": {"Name": role}});
    }
    json!({ "Resources": resources })
}

impl World {
    pub(crate) fn shared(self) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(self))
    }

    pub(crate) fn lock(world: &Arc<Mutex<Self>>) -> MutexGuard<'_, Self> {
        world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The stack of that name that is there.
    pub(crate) fn there(&mut self) -> Option<&mut Stack> {
        self.stacks.iter_mut().find(|stack| stack.status != PackStatus::DeleteComplete)
    }

    pub(crate) fn put(&mut self, status: PackStatus, template: &Value) -> &mut Stack {
        self.made += 1;
        let id = format!("arn:aws:cloudformation:eu-west-1:111122223333:stack/{NAME}/{}", self.made);
        self.stacks.push(Stack {
            id,
            status,
            role: Some(ROLE.into()),
            is_tagged: true,
            template: template.clone(),
            remains: vec![],
            changed_at_ms: self.now_ms,
            sets: BTreeMap::new(),
            drift: (DriftStatus::NotChecked, None),
            before: Value::Null,
            sticks: 0,
        });
        self.stacks.last_mut().expect("just put")
    }

    pub(crate) fn shown(&mut self) -> Option<PackStack> {
        let stack = self.there()?;
        Some(PackStack {
            id: stack.id.clone(),
            status: stack.status.clone(),
            reason: None,
            role_arn: stack.role.clone(),
            is_tagged: stack.is_tagged && stack.status != PackStatus::ReviewInProgress,
            mark: stack.template["Outputs"][MARK]["Value"].as_str().map(str::to_owned),
            changed_at_ms: stack.changed_at_ms,
            drift: stack.drift.0,
            drift_checked_at_ms: stack.drift.1,
        })
    }

    pub(crate) fn set(&mut self, name: &str) -> Option<ChangeSet> {
        let conditional = self.conditional;
        let stack = self.there()?;
        let set = stack.sets.get(name)?;
        let changes = compare(&stack.template, &set.template).changes.into_iter();
        let wanted = resources(&set.template);
        let old = resources(&stack.template);
        let changes = changes.map(|(id, planned)| {
            let resource_type = wanted.get(&id).or_else(|| old.get(&id)).map(|it| it["Type"].clone());
            let resource_type =
                resource_type.and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default();
            let (changed, mut replacement, policy) = match planned {
                Planned::Add => (Changed::Add, Replacement::No, None),
                Planned::Modify => (Changed::Modify, Replacement::No, None),
                Planned::Replace => (Changed::Modify, Replacement::Yes, Some(PolicyAction::ReplaceAndRetain)),
                Planned::Remove => (Changed::Remove, Replacement::No, Some(PolicyAction::Retain)),
            };
            if conditional && changed == Changed::Modify {
                replacement = Replacement::Possible;
            }
            ResourceChange { logical_id: id, resource_type, changed, replacement, policy, attributes: vec![] }
        });
        Some(ChangeSet { state: set.state.clone(), reason: None, changes: changes.collect() })
    }

    pub(crate) fn create_set(&mut self, name: &str, create: bool, template: &Value, role: &str) -> Taken<()> {
        if create && self.there().is_none() {
            let made = self.put(PackStatus::ReviewInProgress, &json!({}));
            made.role = None;
        }
        let Some(stack) = self.there() else { return no("ValidationError", "it does not exist") };
        let takes = match &stack.status {
            PackStatus::ReviewInProgress => create,
            PackStatus::CreateComplete | PackStatus::UpdateComplete | PackStatus::UpdateRollbackComplete => {
                !create
            }
            _ => false,
        };
        if !takes {
            return no("ValidationError", format!("it is {} and cannot be changed", stack.status));
        }
        if stack.sets.contains_key(name) {
            return no("AlreadyExistsException", name);
        }
        stack.role = Some(role.into());
        let set = Set { template: template.clone(), state: ChangeSetState::Pending, kind_create: create };
        stack.sets.insert(name.into(), set);
        Ok(())
    }

    pub(crate) fn execute(&mut self, name: &str) -> Taken<()> {
        let (conditional, now_ms) = (self.conditional, self.now_ms);
        let Some(stack) = self.there() else { return no("ValidationError", "it does not exist") };
        let Some(set) = stack.sets.get(name).cloned() else { return no("ChangeSetNotFound", name) };
        if set.state != ChangeSetState::Available {
            return no("InvalidChangeSetStatus", format!("{:?}", set.state));
        }
        let mut violations = Vec::new();
        if conditional && !set.kind_create {
            violations.push(format!("{name} was executed although it may replace something"));
        }
        if !compare(&stack.template, &set.template).refused.is_empty() {
            violations.push(format!("{name} replaced the key"));
        }
        if !stack.is_tagged {
            violations.push(format!("{name} was executed in a foreign stack"));
        }
        stack.status =
            if set.kind_create { PackStatus::CreateInProgress } else { PackStatus::UpdateInProgress };
        stack.before = std::mem::replace(&mut stack.template, set.template.clone());
        stack.changed_at_ms = now_ms;
        let executed = set.template["Outputs"][MARK]["Value"].as_str().unwrap_or_default().to_owned();
        stack.sets.clear();
        stack.sets.insert(name.into(), Set { state: ChangeSetState::Executed, ..set });
        self.violations.extend(violations);
        self.executed.push(executed);
        Ok(())
    }

    pub(crate) fn delete(&mut self, id: &str) -> Taken<()> {
        let Some(stack) = self.stacks.iter_mut().find(|stack| stack.id == id) else { return Ok(()) };
        let is_empty = match stack.status {
            PackStatus::ReviewInProgress => true,
            PackStatus::RollbackComplete => stack.remains.is_empty(),
            PackStatus::DeleteComplete | PackStatus::DeleteInProgress => return Ok(()),
            _ => false,
        };
        if !is_empty || !stack.is_tagged {
            self.violations.push(format!("{id} was deleted while it was {}", stack.status));
        }
        stack.status = PackStatus::DeleteInProgress;
        Ok(())
    }

    pub(crate) fn continue_rollback(&mut self) -> Taken<()> {
        let Some(stack) = self.there() else { return no("ValidationError", "it does not exist") };
        if stack.status != PackStatus::UpdateRollbackFailed {
            return no("ValidationError", format!("it is {}", stack.status));
        }
        stack.sticks = stack.sticks.saturating_sub(1);
        stack.status = PackStatus::UpdateRollbackInProgress;
        Ok(())
    }

    /// Whatever is under way goes on by a step, and time passes.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let fate = self.fate.unwrap_or(Fate::Works);
        let mut is_over = false;
        let Some(stack) = self.there() else { return };
        for set in stack.sets.values_mut().filter(|set| set.state == ChangeSetState::Pending) {
            set.state = ChangeSetState::Available;
        }
        match stack.status {
            PackStatus::CreateInProgress if fate == Fate::Works => stack.status = PackStatus::CreateComplete,
            PackStatus::CreateInProgress => stack.status = PackStatus::RollbackInProgress,
            PackStatus::RollbackInProgress => {
                stack.status = PackStatus::RollbackComplete;
                stack.template = Value::Null;
                stack.remains = if fate == Fate::Leaves { vec!["Key".into()] } else { vec![] };
                is_over = true;
            }
            PackStatus::UpdateInProgress if fate == Fate::Works => {
                stack.status = PackStatus::UpdateCompleteCleanupInProgress;
            }
            PackStatus::UpdateInProgress => {
                stack.status = PackStatus::UpdateRollbackInProgress;
                stack.sticks = if let Fate::Sticks(times) = fate { times } else { 0 };
            }
            PackStatus::UpdateCompleteCleanupInProgress => stack.status = PackStatus::UpdateComplete,
            PackStatus::UpdateRollbackInProgress if stack.sticks > 0 => {
                stack.status = PackStatus::UpdateRollbackFailed;
            }
            PackStatus::UpdateRollbackInProgress => {
                stack.status = PackStatus::UpdateRollbackComplete;
                stack.template = stack.before.clone();
                is_over = true;
            }
            PackStatus::DeleteInProgress => stack.status = PackStatus::DeleteComplete,
            _ => {}
        }
        if is_over {
            self.fate = None;
        }
    }
}
