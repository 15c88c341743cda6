//! Lambda functions and EventBridge schedules, as far as probes need them.

use phonehome_network::{Function, FunctionState, NetworkInterface, Schedule};
use phonehome_planner::{Action, ProbeSpec, StackSpec};
use phonehome_wire::ProbeInput;

use crate::call::{Call, Refused};
use crate::region::{CallResult, Region, missing};
use crate::shared::Shared;

impl Region {
    pub(crate) fn probe_call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        let probe = call.spec.probe.as_ref();
        let probe = probe
            .ok_or_else(|| Refused::new("ValidationException", "the spec has no probe: no role, no code"))?;
        match action {
            Action::CreateFunction { name, subnet, security_group } => {
                self.create_function(shared, probe, name, call.id(subnet)?, call.id(security_group)?)?;
            }
            Action::UpdateFunctionCode { name } => {
                self.changeable(name)?.code_sha256.clone_from(&probe.code_sha256);
                self.pending(shared, name);
            }
            Action::UpdateFunctionConfiguration { name, subnet, security_group } => {
                let (subnet, group) = (call.id(subnet)?, call.id(security_group)?);
                self.must_be_there(&subnet, &group)?;
                let function = self.changeable(name)?;
                function.role_arn.clone_from(&probe.role_arn);
                (function.memory_mb, function.timeout_s) = (probe.memory_mb, probe.timeout_s);
                (function.subnet_ids, function.security_group_ids) = (vec![subnet.clone()], vec![group]);
                function.environment.clear();
                function.state = FunctionState::Active;
                self.place(shared, name, subnet)?;
                self.pending(shared, name);
            }
            Action::PutDestination { name } => {
                self.function(name)?.destination = Some(probe.bus_arn.clone());
            }
            Action::CreateSchedule { name, function_arn, input } => {
                if self.world.schedules.iter().any(|it| it.name == *name) {
                    return Err(Refused::new(
                        "ConflictException",
                        format!("Schedule {name} already exists."),
                    ));
                }
                self.world.schedules.push(schedule(call.spec, probe, name, function_arn, input));
            }
            Action::UpdateSchedule { name, function_arn, input } => {
                let found = self.world.schedules.iter_mut().find(|it| it.name == *name);
                let found = found.ok_or_else(|| missing("ResourceNotFoundException", "schedule", name))?;
                *found = schedule(call.spec, probe, name, function_arn, input);
            }
            _ => {}
        }
        Ok(None)
    }

    fn create_function(
        &mut self,
        shared: &mut Shared,
        probe: &ProbeSpec,
        name: &str,
        subnet: String,
        group: String,
    ) -> Result<(), Refused> {
        if self.world.functions.iter().any(|it| it.name == name) {
            let message = format!("Function already exist: {name}");
            return Err(Refused::new("ResourceConflictException", message));
        }
        self.must_be_there(&subnet, &group)?;
        self.world.functions.push(Function {
            name: name.to_owned(),
            code_sha256: probe.code_sha256.clone(),
            subnet_ids: vec![subnet.clone()],
            security_group_ids: vec![group],
            role_arn: probe.role_arn.clone(),
            memory_mb: probe.memory_mb,
            timeout_s: probe.timeout_s,
            environment: vec![],
            revision: None,
            state: FunctionState::Active,
            destination: None,
        });
        self.place(shared, name, subnet)?;
        self.pending(shared, name);
        Ok(())
    }

    fn must_be_there(&mut self, subnet: &str, group: &str) -> Result<(), Refused> {
        let both = self.subnet(subnet).map(drop).and_then(|()| self.group(group).map(drop));
        both.map_err(|refused| Refused::new("InvalidParameterValueException", refused.message))
    }

    /// Lambda's network interface moves with the function.
    fn place(&mut self, shared: &mut Shared, name: &str, subnet_id: String) -> Result<(), Refused> {
        let description = interface_description(name);
        self.world.network_interfaces.retain(|it| it.description != description);
        let vpc_id = self.subnet(&subnet_id)?.vpc_id.clone();
        let id = shared.mint("eni");
        self.world.network_interfaces.push(NetworkInterface { id, vpc_id, subnet_id, description });
        Ok(())
    }

    fn pending(&mut self, shared: &Shared, name: &str) {
        let observations = shared.options.function_pending_observations;
        if observations == 0 {
            return;
        }
        self.pending_observations.insert(name.to_owned(), observations);
        if let Ok(function) = self.function(name) {
            function.state = FunctionState::Pending;
        }
    }

    fn function(&mut self, name: &str) -> Result<&mut Function, Refused> {
        let found = self.world.functions.iter_mut().find(|it| it.name == name);
        found.ok_or_else(|| missing("ResourceNotFoundException", "function", name))
    }

    /// Lambda refuses changes of code and configuration while one is under way.
    fn changeable(&mut self, name: &str) -> Result<&mut Function, Refused> {
        let function = self.function(name)?;
        if function.state == FunctionState::Pending {
            let message =
                format!("The operation cannot be performed at this time. {name} is in the state Pending");
            return Err(Refused::new("ResourceConflictException", message));
        }
        Ok(function)
    }
}

pub(crate) fn interface_description(function: &str) -> String {
    format!("AWS Lambda VPC ENI-{function}-00000000-0000-0000-0000-000000000000")
}

fn schedule(
    spec: &StackSpec,
    probe: &ProbeSpec,
    name: &str,
    function_arn: &str,
    input: &ProbeInput,
) -> Schedule {
    debug_assert_eq!(input.region, spec.region);
    Schedule {
        name: name.to_owned(),
        expression: "rate(1 minute)".into(),
        enabled: true,
        target_arn: function_arn.to_owned(),
        role_arn: probe.schedule_role_arn.clone(),
        input: Some(input.clone()),
        modified_ms: None,
    }
}
