//! The way into one account and Region: a client for each service, and what is deployed there.

use std::sync::Arc;

use aws_sdk_ec2::config::retry::{RetryConfig, RetryPartition};
use base64::Engine as _;
use phonehome_aws::Session;
use phonehome_planner::StackSpec;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// How many uploads of the probe's code are under way at once in the whole process. Each holds the zip
/// about three times (bytes, base64, request body), and a process that sets up many accounts has
/// little memory.
const UPLOADS_MAX: usize = 2;

/// The probe's code, as it is uploaded. Clones share it.
#[derive(Debug, Clone)]
pub struct ProbeCode {
    /// `None`: it is not at hand, and nothing is uploaded.
    pub(super) zip: Option<Arc<Vec<u8>>>,
    sha256: Arc<str>,
    pub(super) uploads: Arc<Semaphore>,
}

impl ProbeCode {
    /// From a zip with the file `bootstrap`.
    pub fn new(zip: impl Into<Arc<Vec<u8>>>) -> Self {
        let zip = zip.into();
        let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(zip.as_slice())).into();
        Self { zip: Some(zip), sha256, uploads: Arc::new(Semaphore::new(UPLOADS_MAX)) }
    }

    /// None at hand: a step that would upload it is refused.
    pub fn none() -> Self {
        Self { zip: None, sha256: "".into(), uploads: Arc::new(Semaphore::new(UPLOADS_MAX)) }
    }

    /// Its hash as Lambda's `CodeSha256` shows it: base64 of the zip's SHA-256. Empty where there is none.
    pub fn sha256(&self) -> String {
        self.sha256.to_string()
    }
}

/// One account and Region on AWS, spoken to with the credentials of a role in that account.
#[derive(Debug, Clone)]
pub struct AwsStack {
    pub(super) ec2: aws_sdk_ec2::Client,
    /// Tries once, for the calls that make a resource. Most of them take no client token: a second
    /// attempt after an answer that was lost would make a second one. The next observation sees what the
    /// first attempt made.
    ///
    /// Where a call takes a token, none of our own is given. A token that is the same for the same
    /// address brings back the old resource, or an error, once that was deleted and has to be made
    /// again; one that is new for each plan protects from nothing that trying once does not.
    pub(super) ec2_once: aws_sdk_ec2::Client,
    pub(super) lambda: aws_sdk_lambda::Client,
    pub(super) scheduler: aws_sdk_scheduler::Client,
    pub(super) spec: StackSpec,
    pub(super) code: ProbeCode,
    pub(super) known_vpc: Option<String>,
}

impl AwsStack {
    /// The account that `session`'s credentials belong to, in `session`'s Region.
    pub fn new(session: &Session, spec: StackSpec, code: ProbeCode) -> Self {
        // The SDK would count the retries of all clients of a service in a Region together: an account
        // that does not answer would use up those of all others that this process looks after. AWS
        // itself counts each account's calls apart.
        let retries = || RetryPartition::custom(spec.account.to_string()).build();
        let ec2 = || aws_sdk_ec2::config::Builder::from(session.config()).retry_partition(retries());
        let lambda = aws_sdk_lambda::config::Builder::from(session.config()).retry_partition(retries());
        let scheduler = aws_sdk_scheduler::config::Builder::from(session.config()).retry_partition(retries());
        Self {
            ec2: aws_sdk_ec2::Client::from_conf(ec2().build()),
            ec2_once: aws_sdk_ec2::Client::from_conf(ec2().retry_config(RetryConfig::disabled()).build()),
            lambda: aws_sdk_lambda::Client::from_conf(lambda.build()),
            scheduler: aws_sdk_scheduler::Client::from_conf(scheduler.build()),
            known_vpc: spec.adopt.clone(),
            spec,
            code,
        }
    }

    /// The same, with the id that the stack's VPC had at an earlier observation. It saves a round trip: the
    /// VPC's attributes are then asked for together with everything else. A wrong one does no harm.
    #[must_use]
    pub fn with_known_vpc(mut self, vpc_id: Option<String>) -> Self {
        self.known_vpc = vpc_id.or(self.known_vpc);
        self
    }
}
