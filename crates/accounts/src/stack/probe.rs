//! The changes of the probe half of a stack: Lambda and EventBridge Scheduler.

use std::collections::HashMap;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, DestinationConfig, Environment, FunctionCode, LogFormat, LoggingConfig, OnFailure,
    OnSuccess, PackageType, Runtime, SystemLogLevel, VpcConfig,
};
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::{
    FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use phonehome_network::{TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
use phonehome_planner::{ProbeSpec, Ref, SCHEDULE_EXPRESSION};
use phonehome_wire::ProbeInput;

use super::call::{Call, Made};
use super::start::start_date;
use phonehome_cloud::{Cause, SystemClock, WallClock as _};
use phonehome_executor::{PlanBug, StepError};

/// Where a probe's own lines go. Lambda's lines for each run would cost more than the run's: it writes those of
/// runs that go wrong.
fn logging(probe: &ProbeSpec) -> LoggingConfig {
    let logging = LoggingConfig::builder().log_group(&probe.log_group);
    logging.log_format(LogFormat::Json).system_log_level(SystemLogLevel::Warn).build()
}

impl Call<'_> {
    fn probe(&self) -> Result<&ProbeSpec, PlanBug> {
        self.stack.spec.probe.as_ref().ok_or_else(|| PlanBug::Unfounded {
            address: self.address.clone(),
            problem: "the stack has no probes, and a step is about one".to_owned(),
        })
    }

    /// The code that is uploaded.
    fn zip(&self) -> Result<Blob, PlanBug> {
        let unfounded = || PlanBug::Unfounded {
            address: self.address.clone(),
            problem: "it is to get its code, which is not at hand".to_owned(),
        };
        self.stack.code.zip.as_ref().map(|zip| Blob::new(zip.as_slice())).ok_or_else(unfounded)
    }

    fn placement(&self, subnet: &Ref, security_group: &Ref) -> Result<VpcConfig, PlanBug> {
        let placement = VpcConfig::builder().subnet_ids(self.id(subnet)?);
        Ok(placement.security_group_ids(self.id(security_group)?).build())
    }

    pub(super) async fn create_function(&self, name: &str, subnet: &Ref, security_group: &Ref) -> Made {
        let (probe, stack) = (self.probe()?, self.stack);
        let request = stack
            .lambda
            .create_function()
            .function_name(name)
            .description("phonehome ET probe: says whether this Availability Zone's network works")
            .runtime(Runtime::Providedal2023)
            .handler("bootstrap")
            .package_type(PackageType::Zip)
            .architectures(Architecture::from(probe.architecture.as_str()))
            .role(&probe.role_arn)
            .memory_size(probe.memory_mb)
            .timeout(probe.timeout_s)
            .logging_config(logging(probe))
            .vpc_config(self.placement(subnet, security_group)?);
        let ours = (TAG_MANAGED_BY.to_owned(), TAG_MANAGED_BY_VALUE.to_owned());
        let tags = stack.spec.tags.clone().into_iter().chain([ours]).collect();
        let _upload = stack.code.uploads.acquire().await;
        let zip = self.zip()?;
        let request = request.set_tags(Some(tags)).code(FunctionCode::builder().zip_file(zip).build());
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn update_function_code(&self, name: &str) -> Made {
        let architecture = Architecture::from(self.probe()?.architecture.as_str());
        let request = self.stack.lambda.update_function_code().function_name(name);
        let _upload = self.stack.code.uploads.acquire().await;
        let request = request.architectures(architecture).zip_file(self.zip()?);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn update_function_configuration(
        &self,
        name: &str,
        subnet: &Ref,
        security_group: &Ref,
    ) -> Made {
        let probe = self.probe()?;
        let request = self
            .stack
            .lambda
            .update_function_configuration()
            .function_name(name)
            .role(&probe.role_arn)
            .memory_size(probe.memory_mb)
            .timeout(probe.timeout_s)
            .logging_config(logging(probe))
            // None. Left out, those that somebody added would stay.
            .environment(Environment::builder().set_variables(Some(HashMap::new())).build())
            .vpc_config(self.placement(subnet, security_group)?);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    /// The response of each run goes to the member bus, and so does the news of a crash. No
    /// retries: the next run comes in a minute, and an old answer is worth nothing.
    pub(super) async fn put_destination(&self, name: &str) -> Made {
        let bus = &self.probe()?.bus_arn;
        let destinations = DestinationConfig::builder()
            .on_success(OnSuccess::builder().destination(bus).build())
            .on_failure(OnFailure::builder().destination(bus).build())
            .build();
        let request = self
            .stack
            .lambda
            .put_function_event_invoke_config()
            .function_name(name)
            .maximum_retry_attempts(0)
            .maximum_event_age_in_seconds(60)
            .destination_config(destinations);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    fn schedule_target(&self, function_arn: &str, input: &ProbeInput) -> Result<Target, StepError> {
        let unbuildable = |problem: String| StepError::from(self.failed(Cause::Request(problem)));
        Target::builder()
            .arn(function_arn)
            .role_arn(&self.probe()?.schedule_role_arn)
            .input(serde_json::to_string(input).map_err(|error| unbuildable(error.to_string()))?)
            .retry_policy(RetryPolicy::builder().maximum_retry_attempts(0).build())
            .build()
            .map_err(|error| unbuildable(error.to_string()))
    }

    fn start_date(&self, input: &ProbeInput) -> DateTime {
        let zone = &input.availability_zone;
        start_date(&self.stack.spec.account, zone, input.part, SystemClock.now_ms())
    }

    pub(super) async fn create_schedule(&self, name: &str, function_arn: &str, input: &ProbeInput) -> Made {
        let request = self
            .stack
            .scheduler
            .create_schedule()
            .name(name)
            .schedule_expression(SCHEDULE_EXPRESSION)
            .start_date(self.start_date(input))
            .flexible_time_window(no_window())
            .target(self.schedule_target(function_arn, input)?);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn update_schedule(&self, name: &str, function_arn: &str, input: &ProbeInput) -> Made {
        let request = self
            .stack
            .scheduler
            .update_schedule()
            .name(name)
            .schedule_expression(SCHEDULE_EXPRESSION)
            .start_date(self.start_date(input))
            .state(ScheduleState::Enabled)
            .flexible_time_window(no_window())
            .target(self.schedule_target(function_arn, input)?);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }
}

#[allow(clippy::expect_used, reason = "the only required field is set")]
fn no_window() -> FlexibleTimeWindow {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("complete")
}
