//! What the calls of a plan's steps have in common.

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification, UnsuccessfulItem};
use phonehome_network::{Address, Tags};
use phonehome_planner::Ref;

use super::AwsStack;
use phonehome_aws::OfSdk as _;
use phonehome_cloud::{Cause, CloudError};
use phonehome_executor::{Ids, PlanBug, StepError};

/// What a call made, if anything.
pub(super) type Made = Result<Option<String>, StepError>;

/// One call about to be made.
pub(super) struct Call<'a> {
    pub(super) stack: &'a AwsStack,
    pub(super) ids: &'a Ids,
    pub(super) address: &'a Address,
    pub(super) operation: &'static str,
}

impl Call<'_> {
    /// The id behind a reference.
    pub(super) fn id(&self, reference: &Ref) -> Result<String, PlanBug> {
        self.ids.resolve(reference)
    }

    /// The ids behind references.
    pub(super) fn all_ids(&self, references: &[Ref]) -> Result<Vec<String>, PlanBug> {
        references.iter().map(|reference| self.id(reference)).collect()
    }

    /// The tags that go into the call that makes a resource.
    pub(super) fn tags(&self, kind: ResourceType) -> TagSpecification {
        let tags = to_tags(&self.stack.spec.tags_of(self.address));
        TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
    }

    /// An SDK error of this call. Written `.map_err(|e| call.error(&e))`.
    pub(super) fn error<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> CloudError {
        CloudError::of(self.operation, self.subject(), error)
    }

    /// An error that AWS answered with in another place than usual.
    pub(super) fn refused(&self, code: &str, message: &str) -> CloudError {
        CloudError::service(self.operation, self.subject(), code, message)
    }

    /// An error with this cause.
    pub(super) fn failed(&self, cause: Cause) -> CloudError {
        CloudError::of_cause(self.operation, self.subject(), cause)
    }

    /// The id of what was made, which the answer must carry.
    pub(super) fn made(&self, id: Option<String>) -> Made {
        id.map(Some).ok_or_else(|| self.failed(Cause::Response("it carries no id".to_owned())).into())
    }

    /// The id of what AWS makes with a VPC, which may not be visible yet.
    pub(super) fn found(&self, id: Option<String>, code: &str) -> Made {
        let message = "AWS makes it with the VPC, and it is not visible yet";
        id.map(Some).ok_or_else(|| self.refused(code, message).into())
    }

    /// Calls that take several ids succeed even when nothing was done, and list what was not.
    pub(super) fn all_done(&self, unsuccessful: &[UnsuccessfulItem]) -> Result<(), CloudError> {
        let Some(item) = unsuccessful.first() else { return Ok(()) };
        let error = item.error();
        let code = error.and_then(|error| error.code()).unwrap_or("unknown");
        Err(self.refused(code, error.and_then(|error| error.message()).unwrap_or("no message")))
    }

    fn subject(&self) -> String {
        format!("{} in account {}, {}", self.address, self.stack.spec.account, self.stack.spec.region)
    }
}

/// As EC2 takes them.
pub(super) fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
