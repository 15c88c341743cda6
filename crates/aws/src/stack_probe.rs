//! The probe half of a stack: Lambda and EventBridge Scheduler.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, DestinationConfig, FunctionCode, LastUpdateStatus, LoggingConfig, OnFailure, OnSuccess,
    PackageType, Runtime, State, VpcConfig,
};
use aws_sdk_scheduler::types::{
    FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use futures_util::future::try_join_all;
use phonehome_network::{Action, Function, FunctionState, Schedule, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
use phonehome_wire::ProbeInput;

use crate::AwsError;
use crate::executor::Ids;
use crate::stack::AwsStack;

const MISSING: &str = "ResourceNotFoundException";

impl AwsStack {
    pub(crate) async fn functions(&self) -> Result<Vec<Function>, AwsError> {
        let names = self.zone_names();
        let found = try_join_all(names.iter().map(|name| self.function(name))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn function(&self, name: &str) -> Result<Option<Function>, AwsError> {
        let seen = match self.lambda.get_function_configuration().function_name(name).send().await {
            Ok(seen) => seen,
            Err(error) => return absent(AwsError::of("lambda:GetFunctionConfiguration", name, &error)),
        };
        let destination = self.destination(name).await?;
        let vpc = seen.vpc_config();
        Ok(Some(Function {
            name: name.to_owned(),
            code_sha256: seen.code_sha256().unwrap_or_default().to_owned(),
            subnet_ids: vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default(),
            security_group_ids: vpc.map(|vpc| vpc.security_group_ids().to_vec()).unwrap_or_default(),
            role_arn: seen.role().unwrap_or_default().to_owned(),
            memory_mb: seen.memory_size().unwrap_or_default(),
            timeout_s: seen.timeout().unwrap_or_default(),
            state: match (seen.state(), seen.last_update_status()) {
                (Some(State::Pending), _) | (_, Some(LastUpdateStatus::InProgress)) => FunctionState::Pending,
                (Some(State::Failed), _) => FunctionState::Failed,
                _ => FunctionState::Active,
            },
            destination,
        }))
    }

    /// Where the function's reports go. A destination for failures must be there too, and no
    /// retries: one that differs counts as none.
    async fn destination(&self, name: &str) -> Result<Option<String>, AwsError> {
        let seen = match self.lambda.get_function_event_invoke_config().function_name(name).send().await {
            Ok(seen) => seen,
            Err(error) => return absent(AwsError::of("lambda:GetFunctionEventInvokeConfig", name, &error)),
        };
        let to = seen.destination_config();
        let success = to.and_then(|to| to.on_success()).and_then(|to| to.destination());
        let failure = to.and_then(|to| to.on_failure()).and_then(|to| to.destination());
        let as_ours = success == failure && seen.maximum_retry_attempts() == Some(0);
        Ok(success.filter(|_| as_ours).map(str::to_owned))
    }

    pub(crate) async fn schedules(&self) -> Result<Vec<Schedule>, AwsError> {
        let names = self.zone_names();
        let found = try_join_all(names.iter().map(|name| self.schedule(name))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, AwsError> {
        let seen = match self.scheduler.get_schedule().name(name).send().await {
            Ok(seen) => seen,
            Err(error) => return absent(AwsError::of("scheduler:GetSchedule", name, &error)),
        };
        let target = seen.target();
        Ok(Some(Schedule {
            name: name.to_owned(),
            expression: seen.schedule_expression().unwrap_or_default().to_owned(),
            enabled: seen.state() == Some(&ScheduleState::Enabled),
            target_arn: target.map(|target| target.arn().to_owned()).unwrap_or_default(),
            role_arn: target.map(|target| target.role_arn().to_owned()).unwrap_or_default(),
            input: target
                .and_then(|target| target.input())
                .and_then(|input| serde_json::from_str(input).ok()),
        }))
    }

    async fn create_function(&self, name: &str, vpc: VpcConfig) -> Result<(), AwsError> {
        let probe = &self.spec.probe;
        let mut call = self
            .lambda
            .create_function()
            .function_name(name)
            .description("phonehome ET probe: says whether this Availability Zone's network works")
            .runtime(Runtime::Providedal2023)
            .handler("bootstrap")
            .package_type(PackageType::Zip)
            .architectures(Architecture::from(probe.architecture.as_str()))
            .code(FunctionCode::builder().zip_file(Blob::new(self.code.zip.as_slice())).build())
            .role(&probe.role_arn)
            .memory_size(probe.memory_mb)
            .timeout(probe.timeout_s)
            .logging_config(LoggingConfig::builder().log_group(&probe.log_group).build())
            .vpc_config(vpc)
            .tags(TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE);
        for (key, value) in &self.spec.tags {
            call = call.tags(key, value);
        }
        match call.send().await.map_err(|error| AwsError::of("lambda:CreateFunction", name, &error)) {
            // Made by an earlier attempt whose answer was lost: the next look sees it.
            Err(error)
                if error.code == "ResourceConflictException" && error.message.contains("already exist") =>
            {
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    async fn update_code(&self, name: &str) -> Result<(), AwsError> {
        let probe = &self.spec.probe;
        self.lambda
            .update_function_code()
            .function_name(name)
            .architectures(Architecture::from(probe.architecture.as_str()))
            .zip_file(Blob::new(self.code.zip.as_slice()))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("lambda:UpdateFunctionCode", name, &error))
    }

    async fn update_configuration(&self, name: &str, vpc: VpcConfig) -> Result<(), AwsError> {
        let probe = &self.spec.probe;
        self.lambda
            .update_function_configuration()
            .function_name(name)
            .role(&probe.role_arn)
            .memory_size(probe.memory_mb)
            .timeout(probe.timeout_s)
            .vpc_config(vpc)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("lambda:UpdateFunctionConfiguration", name, &error))
    }

    /// The response of each run goes to the member bus, and so does the news of a crash. No
    /// retries: the next run comes in a minute, and an old answer is worth nothing.
    async fn put_destination(&self, name: &str) -> Result<(), AwsError> {
        let bus = &self.spec.probe.bus_arn;
        let destinations = DestinationConfig::builder()
            .on_success(OnSuccess::builder().destination(bus).build())
            .on_failure(OnFailure::builder().destination(bus).build())
            .build();
        self.lambda
            .put_function_event_invoke_config()
            .function_name(name)
            .maximum_retry_attempts(0)
            .maximum_event_age_in_seconds(60)
            .destination_config(destinations)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("lambda:PutFunctionEventInvokeConfig", name, &error))
    }

    fn schedule_target(&self, name: &str, arn: &str, input: &ProbeInput) -> Result<Target, AwsError> {
        let unbuildable = |message: String| AwsError {
            operation: "scheduler:CreateSchedule",
            subject: name.to_owned(),
            code: "request".into(),
            message,
        };
        Target::builder()
            .arn(arn)
            .role_arn(&self.spec.probe.schedule_role_arn)
            .input(serde_json::to_string(input).map_err(|error| unbuildable(error.to_string()))?)
            .retry_policy(RetryPolicy::builder().maximum_retry_attempts(0).build())
            .build()
            .map_err(|error| unbuildable(error.to_string()))
    }

    async fn create_schedule(&self, name: &str, target: Target) -> Result<(), AwsError> {
        let call = self
            .scheduler
            .create_schedule()
            .name(name)
            .schedule_expression("rate(1 minute)")
            .flexible_time_window(no_window())
            .target(target);
        match call.send().await.map_err(|error| AwsError::of("scheduler:CreateSchedule", name, &error)) {
            Err(error) if error.code == "ConflictException" => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn update_schedule(&self, name: &str, target: Target) -> Result<(), AwsError> {
        self.scheduler
            .update_schedule()
            .name(name)
            .schedule_expression("rate(1 minute)")
            .state(ScheduleState::Enabled)
            .flexible_time_window(no_window())
            .target(target)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("scheduler:UpdateSchedule", name, &error))
    }
}

fn absent<T>(error: AwsError) -> Result<Option<T>, AwsError> {
    if error.code == MISSING { Ok(None) } else { Err(error) }
}

#[allow(clippy::expect_used, reason = "the only required field is set")]
fn no_window() -> FlexibleTimeWindow {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("complete")
}

/// Makes one Lambda or Scheduler call.
pub(crate) async fn perform(
    stack: &AwsStack,
    action: &Action,
    ids: &Ids,
) -> Result<Option<String>, AwsError> {
    let vpc = |subnet, group| -> Result<VpcConfig, AwsError> {
        Ok(VpcConfig::builder()
            .subnet_ids(ids.resolve(subnet)?)
            .security_group_ids(ids.resolve(group)?)
            .build())
    };
    match action {
        Action::CreateFunction { name, subnet, security_group } => {
            stack.create_function(name, vpc(subnet, security_group)?).await?;
        }
        Action::UpdateFunctionConfiguration { name, subnet, security_group } => {
            stack.update_configuration(name, vpc(subnet, security_group)?).await?;
        }
        Action::UpdateFunctionCode { name } => stack.update_code(name).await?,
        Action::PutDestination { name } => stack.put_destination(name).await?,
        Action::CreateSchedule { name, function_arn, input } => {
            stack.create_schedule(name, stack.schedule_target(name, function_arn, input)?).await?;
        }
        Action::UpdateSchedule { name, function_arn, input } => {
            stack.update_schedule(name, stack.schedule_target(name, function_arn, input)?).await?;
        }
        _ => {}
    }
    Ok(None)
}
