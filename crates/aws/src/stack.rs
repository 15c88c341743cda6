//! One account and Region on AWS.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_ec2::config::retry::RetryConfig;
use base64::Engine as _;
use phonehome_network::{Action, Address, Inventory, StackSpec};
use sha2::{Digest as _, Sha256};

use crate::executor::{Ids, StackApi};
use crate::{AwsError, stack_ec2_change, stack_probe};

/// The probe's code, as it is uploaded.
#[derive(Debug, Clone)]
pub struct ProbeCode {
    /// A zip with the file `bootstrap`.
    pub zip: Arc<Vec<u8>>,
}

/// The hash of a zip as Lambda's `CodeSha256` shows it: base64 of its SHA-256.
pub fn code_sha256(zip: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(zip))
}

/// One account and Region on AWS, spoken to with the credentials of a role in that account.
#[derive(Debug, Clone)]
pub struct AwsStack {
    pub(crate) ec2: aws_sdk_ec2::Client,
    /// Tries once. Most create calls take no client token: a second attempt after an answer that was
    /// lost would make a second one. The next look sees what the first attempt made.
    pub(crate) ec2_once: aws_sdk_ec2::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) scheduler: aws_sdk_scheduler::Client,
    pub(crate) spec: StackSpec,
    pub(crate) code: ProbeCode,
}

impl AwsStack {
    /// The account that `config`'s credentials belong to.
    pub fn new(config: &SdkConfig, spec: StackSpec, code: ProbeCode) -> Self {
        Self {
            ec2: aws_sdk_ec2::Client::new(config),
            ec2_once: aws_sdk_ec2::Client::from_conf(
                aws_sdk_ec2::config::Builder::from(config).retry_config(RetryConfig::disabled()).build(),
            ),
            lambda: aws_sdk_lambda::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            spec,
            code,
        }
    }

    pub(crate) fn zone_names(&self) -> Vec<String> {
        self.spec.zones.iter().map(|zone| StackSpec::probe_name(&zone.az_id)).collect()
    }
}

impl StackApi for AwsStack {
    /// One describe call for each kind of resource, all at once.
    async fn observe(&self) -> Result<Inventory, AwsError> {
        let (vpcs, subnets, internet_gateways, elastic_ips, nat_gateways, route_tables, security_groups) = tokio::try_join!(
            self.vpcs(),
            self.subnets(),
            self.internet_gateways(),
            self.elastic_ips(),
            self.nat_gateways(),
            self.route_tables(),
            self.security_groups(),
        )?;
        let (functions, schedules) = tokio::try_join!(self.functions(), self.schedules())?;
        Ok(Inventory {
            vpcs,
            subnets,
            internet_gateways,
            elastic_ips,
            nat_gateways,
            route_tables,
            security_groups,
            functions,
            schedules,
        })
    }

    async fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> Result<Option<String>, AwsError> {
        tracing::debug!(account = self.spec.account, %address, ?action, "step");
        match action {
            Action::CreateFunction { .. }
            | Action::UpdateFunctionCode { .. }
            | Action::UpdateFunctionConfiguration { .. }
            | Action::PutDestination { .. }
            | Action::CreateSchedule { .. }
            | Action::UpdateSchedule { .. } => stack_probe::perform(self, action, ids).await,
            _ => stack_ec2_change::perform(self, address, action, ids).await,
        }
    }
}
