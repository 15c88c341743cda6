//! The stack of a starter pack in a member account, on CloudFormation.

mod shown;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetType, StackResourceDriftStatus, Tag, TemplateStage,
};
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::{Cause, Class, CloudError};
use phonehome_executor::{Buckets, Clock as _, Uptime};
use phonehome_network::{TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
use phonehome_stacks::{ChangeSet, Kind, NewChangeSet, PackApi, PackStack, ResourceNote, Wanted};
use serde_json::Value;

use shown::{change, change_set, drifted, failed_events, remaining, stack};

/// How many pages of a list are read. A template has 500 resources at most, and a pack some twenty.
const PAGES_MAX: usize = 5;

const DESCRIBE_STACKS: &str = "cloudformation:DescribeStacks";
const DESCRIBE_CHANGE_SET: &str = "cloudformation:DescribeChangeSet";
const GET_TEMPLATE: &str = "cloudformation:GetTemplate";
const LIST_RESOURCES: &str = "cloudformation:ListStackResources";
const DESCRIBE_EVENTS: &str = "cloudformation:DescribeStackEvents";
const DESCRIBE_DRIFTS: &str = "cloudformation:DescribeStackResourceDrifts";
const CREATE_CHANGE_SET: &str = "cloudformation:CreateChangeSet";
const EXECUTE_CHANGE_SET: &str = "cloudformation:ExecuteChangeSet";
const DELETE_STACK: &str = "cloudformation:DeleteStack";
const CONTINUE_ROLLBACK: &str = "cloudformation:ContinueUpdateRollback";
const DETECT_DRIFT: &str = "cloudformation:DetectStackDrift";

/// One stack, by its name, in the account and Region of a session.
#[derive(Debug)]
pub struct AwsPack {
    client: Client,
    name: String,
    buckets: Mutex<Buckets>,
    clock: Uptime,
}

impl AwsPack {
    /// The stack of this name.
    pub fn new(session: &Session, name: &str) -> Self {
        let client = Client::new(session.config());
        Self { client, name: name.to_owned(), buckets: Mutex::default(), clock: Uptime::default() }
    }

    /// Takes a token for a call.
    ///
    /// # Errors
    /// [`Cause::LocalThrottle`]: nothing was asked.
    fn take(&self, operation: &'static str) -> Result<(), CloudError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(operation, self.clock.now_ms()).map_err(|empty| {
            let cause = Cause::LocalThrottle { wait_ms: empty.wait_ms, limit: empty.to_string() };
            CloudError::of_cause(operation, &self.name, cause)
        })
    }

    /// What AWS answered; a throttle empties the bucket.
    fn answer<T>(&self, operation: &'static str, answer: Result<T, CloudError>) -> Result<T, CloudError> {
        if answer.as_ref().is_err_and(|error| error.class() == Class::Throttled) {
            let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.drain(operation, self.clock.now_ms());
        }
        answer
    }

    fn endless(&self, operation: &'static str) -> CloudError {
        let problem = format!("it has more than {PAGES_MAX} pages");
        CloudError::of_cause(operation, &self.name, Cause::Response(problem))
    }
}

/// Makes a call of this stack, within the limits; answers with AWS's output or a [`CloudError`].
macro_rules! call {
    ($pack:expr, $operation:expr, $request:expr) => {{
        $pack.take($operation)?;
        let answer = $request.send().await;
        $pack.answer($operation, answer.map_err(|error| CloudError::of($operation, &$pack.name, &error)))
    }};
}

impl PackApi for AwsPack {
    async fn stack(&self) -> Result<Option<PackStack>, CloudError> {
        match call!(self, DESCRIBE_STACKS, self.client.describe_stacks().stack_name(&self.name)) {
            Ok(answer) => Ok(answer.stacks().first().and_then(stack)),
            // There is none of that name.
            Err(error) if error.class() == Class::AlreadyDone => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn change_set(&self, name: &str) -> Result<Option<ChangeSet>, CloudError> {
        let (mut changes, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = self.client.describe_change_set().stack_name(&self.name).change_set_name(name);
            let page = match call!(self, DESCRIBE_CHANGE_SET, request.set_next_token(next)) {
                Err(error) if error.says_missing() => return Ok(None),
                page => page?,
            };
            changes.extend(page.changes().iter().map(change));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(Some(change_set(&page, changes)));
            }
        }
        Err(self.endless(DESCRIBE_CHANGE_SET))
    }

    async fn template(&self) -> Result<Value, CloudError> {
        let request = self.client.get_template().stack_name(&self.name);
        let answer = call!(self, GET_TEMPLATE, request.template_stage(TemplateStage::Original))?;
        let body = answer.template_body().unwrap_or_default();
        // Somebody's own, in YAML: it is compared with as what nobody here can read.
        Ok(serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())))
    }

    async fn remains(&self) -> Result<Vec<ResourceNote>, CloudError> {
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = self.client.list_stack_resources().stack_name(&self.name).set_next_token(next);
            let page = call!(self, LIST_RESOURCES, request)?;
            found.extend(page.stack_resource_summaries().iter().filter_map(remaining));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
        Err(self.endless(LIST_RESOURCES))
    }

    async fn failures(&self) -> Result<Vec<ResourceNote>, CloudError> {
        // The newest hundred are more than a pack's stack has in one operation.
        let request = self.client.describe_stack_events().stack_name(&self.name);
        let page = call!(self, DESCRIBE_EVENTS, request)?;
        Ok(failed_events(page.stack_events()))
    }

    async fn drifts(&self) -> Result<Vec<ResourceNote>, CloudError> {
        let request = self.client.describe_stack_resource_drifts().stack_name(&self.name);
        let request = request.stack_resource_drift_status_filters(StackResourceDriftStatus::Modified);
        let request = request.stack_resource_drift_status_filters(StackResourceDriftStatus::Deleted);
        let page = call!(self, DESCRIBE_DRIFTS, request.max_results(100))?;
        Ok(page.stack_resource_drifts().iter().map(drifted).collect())
    }

    async fn create_change_set(&self, new: &NewChangeSet<'_>) -> Result<(), CloudError> {
        let kind = match new.kind {
            Kind::Create => ChangeSetType::Create,
            Kind::Update => ChangeSetType::Update,
        };
        let tag = Tag::builder().key(TAG_MANAGED_BY).value(TAG_MANAGED_BY_VALUE).build();
        let request = self.client.create_change_set().stack_name(&self.name).change_set_type(kind);
        let request = request.change_set_name(new.name).client_token(new.name).tags(tag);
        let request = request.template_body(&new.wanted.body).role_arn(&new.wanted.role_arn);
        match call!(self, CREATE_CHANGE_SET, request.capabilities(Capability::CapabilityNamedIam)) {
            Err(error) if error.class() != Class::AlreadyDone => Err(error),
            _ => Ok(()),
        }
    }

    async fn execute(&self, name: &str) -> Result<(), CloudError> {
        let request = self.client.execute_change_set().stack_name(&self.name).change_set_name(name);
        // What a creation that fails has made goes, whatever is kept later: it can be tried again.
        let request = request.client_request_token(name).retain_except_on_create(true);
        call!(self, EXECUTE_CHANGE_SET, request).map(drop)
    }

    async fn delete(&self, id: &str) -> Result<(), CloudError> {
        call!(self, DELETE_STACK, self.client.delete_stack().stack_name(id)).map(drop)
    }

    async fn continue_rollback(&self, wanted: &Wanted, token: &str) -> Result<(), CloudError> {
        let request = self.client.continue_update_rollback().stack_name(&self.name);
        let request = request.role_arn(&wanted.role_arn).client_request_token(token);
        call!(self, CONTINUE_ROLLBACK, request).map(drop)
    }

    async fn detect_drift(&self) -> Result<(), CloudError> {
        call!(self, DETECT_DRIFT, self.client.detect_stack_drift().stack_name(&self.name)).map(drop)
    }
}
