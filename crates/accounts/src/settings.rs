//! The settings of an account in a Region that scans ask for, on S3, EC2 and KMS.

#[cfg(test)]
mod tests;

use aws_sdk_ec2::types::{ManagedBy, MetadataDefaultHttpTokensState};
use aws_sdk_kms::types::{KeyManagerType, KeySpec, KeyUsageType};
use aws_sdk_s3control::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3control::types::PublicAccessBlockConfiguration;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::{Cause, Class, CloudError};
use phonehome_settings::{Grant, Key, MetadataDefaults, PublicAccess, SettingsApi, Step};
use phonehome_wire::AccountId;
use serde_json::Value;

/// How many pages of a key's grants for one role are read, of 100 each: one grant is enough.
const PAGES_MAX: usize = 2;

const GET_ACCESS: &str = "s3:GetAccountPublicAccessBlock";
const PUT_ACCESS: &str = "s3:PutAccountPublicAccessBlock";
const GET_ENCRYPTION: &str = "ec2:GetEbsEncryptionByDefault";
const ENCRYPT: &str = "ec2:EnableEbsEncryptionByDefault";
const GET_KEY: &str = "ec2:GetEbsDefaultKmsKeyId";
const SET_KEY: &str = "ec2:ModifyEbsDefaultKmsKeyId";
const GET_DEFAULTS: &str = "ec2:GetInstanceMetadataDefaults";
const SET_DEFAULTS: &str = "ec2:ModifyInstanceMetadataDefaults";
const DESCRIBE_KEY: &str = "kms:DescribeKey";
const GET_POLICY: &str = "kms:GetKeyPolicy";
const LIST_GRANTS: &str = "kms:ListGrants";

/// The account and Region of a session.
#[derive(Debug)]
pub struct AwsSettings {
    account: AccountId,
    ec2: aws_sdk_ec2::Client,
    kms: aws_sdk_kms::Client,
    s3: aws_sdk_s3control::Client,
}

/// A local cloud is at one address. On AWS the account's id is a part of the host's name.
#[derive(Debug)]
struct OneAddress(String);

impl ResolveEndpoint for OneAddress {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

impl AwsSettings {
    /// The settings of this account in the session's Region.
    pub fn new(session: &Session, account: &AccountId) -> Self {
        let config = session.config();
        let s3 = aws_sdk_s3control::config::Builder::from(config);
        let s3 = match config.endpoint_url() {
            Some(url) => s3.endpoint_resolver(OneAddress(url.to_owned())),
            None => s3,
        };
        Self {
            account: account.clone(),
            ec2: aws_sdk_ec2::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            s3: aws_sdk_s3control::Client::from_conf(s3.build()),
        }
    }

    fn without(&self, operation: &'static str, what: &str) -> CloudError {
        CloudError::of_cause(operation, &*self.account, Cause::Response(format!("it carries no {what}")))
    }
}

/// Makes a call; answers with AWS's output or a [`CloudError`].
macro_rules! call {
    ($settings:expr, $operation:expr, $request:expr) => {
        $request.send().await.map_err(|error| CloudError::of($operation, &*$settings.account, &error))
    };
}

impl SettingsApi for AwsSettings {
    async fn public_access(&self) -> Result<PublicAccess, CloudError> {
        let answer =
            match call!(self, GET_ACCESS, self.s3.get_public_access_block().account_id(&*self.account)) {
                // There is none.
                Err(error) if error.class() == Class::AlreadyDone => return Ok(PublicAccess::default()),
                answer => answer?,
            };
        let shown = answer.public_access_block_configuration();
        let is =
            |of: fn(&PublicAccessBlockConfiguration) -> Option<bool>| shown.and_then(of).unwrap_or_default();
        Ok(PublicAccess {
            block_public_acls: is(|it| it.block_public_acls()),
            ignore_public_acls: is(|it| it.ignore_public_acls()),
            block_public_policy: is(|it| it.block_public_policy()),
            restrict_public_buckets: is(|it| it.restrict_public_buckets()),
        })
    }

    async fn is_encrypted(&self) -> Result<bool, CloudError> {
        let answer = call!(self, GET_ENCRYPTION, self.ec2.get_ebs_encryption_by_default())?;
        answer
            .ebs_encryption_by_default()
            .ok_or_else(|| self.without(GET_ENCRYPTION, "EbsEncryptionByDefault"))
    }

    async fn default_key(&self) -> Result<String, CloudError> {
        let answer = call!(self, GET_KEY, self.ec2.get_ebs_default_kms_key_id())?;
        let key = answer.kms_key_id().filter(|key| !key.is_empty());
        key.map(str::to_owned).ok_or_else(|| self.without(GET_KEY, "KmsKeyId"))
    }

    async fn key(&self, id: &str) -> Result<Option<Key>, CloudError> {
        let answer = match call!(self, DESCRIBE_KEY, self.kms.describe_key().key_id(id)) {
            Err(error) if error.class() == Class::AlreadyDone => return Ok(None),
            answer => answer?,
        };
        let shown = answer.key_metadata().ok_or_else(|| self.without(DESCRIBE_KEY, "KeyMetadata"))?;
        Ok(Some(Key {
            arn: shown.arn().ok_or_else(|| self.without(DESCRIBE_KEY, "Arn"))?.to_owned(),
            is_aws: shown.key_manager() == Some(&KeyManagerType::Aws),
            state: shown.key_state().map(ToString::to_string).unwrap_or_default(),
            is_symmetric: shown.key_spec() == Some(&KeySpec::SymmetricDefault)
                && shown.key_usage() == Some(&KeyUsageType::EncryptDecrypt),
        }))
    }

    async fn key_policy(&self, arn: &str) -> Result<Value, CloudError> {
        let answer = call!(self, GET_POLICY, self.kms.get_key_policy().key_id(arn).policy_name("default"))?;
        // One that cannot be read allows nothing.
        Ok(serde_json::from_str(answer.policy().unwrap_or_default()).unwrap_or_default())
    }

    async fn grants(&self, arn: &str, role: &str) -> Result<Vec<Grant>, CloudError> {
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = self.kms.list_grants().key_id(arn).grantee_principal(role).limit(100);
            let page = call!(self, LIST_GRANTS, request.set_marker(next))?;
            found.extend(page.grants().iter().map(|grant| Grant {
                operations: grant.operations().iter().map(|it| it.as_str().to_owned()).collect(),
                is_constrained: grant.constraints().is_some_and(|it| {
                    it.encryption_context_subset().is_some() || it.encryption_context_equals().is_some()
                }),
            }));
            next = page.next_marker().filter(|_| page.truncated()).map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn metadata_defaults(&self) -> Result<MetadataDefaults, CloudError> {
        let answer = call!(self, GET_DEFAULTS, self.ec2.get_instance_metadata_defaults())?;
        // Where nothing was ever preferred, AWS may leave all of it out.
        let Some(shown) = answer.account_level() else { return Ok(MetadataDefaults::default()) };
        Ok(MetadataDefaults {
            tokens: shown.http_tokens().map(|tokens| tokens.as_str().to_owned()),
            by_policy: shown.managed_by() == Some(&ManagedBy::DeclarativePolicy),
            policy_says: shown.managed_exception_message().map(str::to_owned),
        })
    }

    async fn set(&self, step: &Step) -> Result<(), CloudError> {
        match step {
            Step::BlockPublicAccess => {
                let all = PublicAccessBlockConfiguration::builder()
                    .block_public_acls(true)
                    .ignore_public_acls(true)
                    .block_public_policy(true)
                    .restrict_public_buckets(true)
                    .build();
                let request = self.s3.put_public_access_block().account_id(&*self.account);
                call!(self, PUT_ACCESS, request.public_access_block_configuration(all)).map(drop)
            }
            Step::Encrypt => call!(self, ENCRYPT, self.ec2.enable_ebs_encryption_by_default()).map(drop),
            Step::SetKey { arn } => {
                call!(self, SET_KEY, self.ec2.modify_ebs_default_kms_key_id().kms_key_id(arn)).map(drop)
            }
            Step::RequireTokens => {
                let request = self.ec2.modify_instance_metadata_defaults();
                let request = request.http_tokens(MetadataDefaultHttpTokensState::Required);
                call!(self, SET_DEFAULTS, request).map(drop)
            }
        }
    }
}
