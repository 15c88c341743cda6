//! The settings of member accounts, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use phonehome_cloud::CloudError;
use phonehome_settings::{Grant, Key, MetadataDefaults, PublicAccess, SettingsApi, Step};
use phonehome_wire::StackId;
use serde_json::Value;

/// What all accounts have, and who was asked.
#[derive(Debug, Clone, Default)]
pub(in crate::tests) struct Settings(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    blocked: BTreeSet<String>,
    required: BTreeSet<StackId>,
    refusals: BTreeMap<&'static str, CloudError>,
    calls: Vec<(StackId, &'static str)>,
}

/// Of one account in one Region.
pub(in crate::tests) struct Here {
    pub(super) of: Settings,
    pub(super) stack: StackId,
}

impl Settings {
    /// From now on a call is answered with this.
    pub(in crate::tests) fn refuse(&self, operation: &'static str, error: CloudError) {
        self.0.lock().unwrap().refusals.insert(operation, error);
    }

    pub(in crate::tests) fn refuse_nothing(&self) {
        self.0.lock().unwrap().refusals.clear();
    }

    /// The calls since it was asked last.
    pub(in crate::tests) fn calls(&self) -> Vec<(String, &'static str)> {
        let calls = std::mem::take(&mut self.0.lock().unwrap().calls);
        calls.into_iter().map(|(stack, call)| (stack.to_string(), call)).collect()
    }

    pub(in crate::tests) fn is_blocked(&self, account: &str) -> bool {
        self.0.lock().unwrap().blocked.contains(account)
    }
}

impl Here {
    fn call<T>(&self, operation: &'static str, done: impl FnOnce(&mut Kept) -> T) -> Result<T, CloudError> {
        let mut kept = self.of.0.lock().unwrap();
        kept.calls.push((self.stack.clone(), operation));
        kept.refusals.get(operation).cloned().map_or_else(|| Ok(done(&mut kept)), Err)
    }
}

impl SettingsApi for Here {
    async fn public_access(&self) -> Result<PublicAccess, CloudError> {
        self.call("s3:GetAccountPublicAccessBlock", |kept| {
            match kept.blocked.contains(&*self.stack.account) {
                true => PublicAccess::BLOCKED,
                false => PublicAccess::default(),
            }
        })
    }

    async fn is_encrypted(&self) -> Result<bool, CloudError> {
        self.call("ec2:GetEbsEncryptionByDefault", |_| true)
    }

    async fn default_key(&self) -> Result<String, CloudError> {
        self.call("ec2:GetEbsDefaultKmsKeyId", |_| "alias/aws/ebs".to_owned())
    }

    async fn key(&self, _id: &str) -> Result<Option<Key>, CloudError> {
        self.call("kms:DescribeKey", |_| None)
    }

    async fn key_policy(&self, _arn: &str) -> Result<Value, CloudError> {
        self.call("kms:GetKeyPolicy", |_| Value::Null)
    }

    async fn grants(&self, _arn: &str, _role: &str) -> Result<Vec<Grant>, CloudError> {
        self.call("kms:ListGrants", |_| vec![])
    }

    async fn metadata_defaults(&self) -> Result<MetadataDefaults, CloudError> {
        self.call("ec2:GetInstanceMetadataDefaults", |kept| MetadataDefaults {
            tokens: kept.required.contains(&self.stack).then(|| "required".to_owned()),
            ..MetadataDefaults::default()
        })
    }

    async fn set(&self, step: &Step) -> Result<(), CloudError> {
        match step {
            Step::BlockPublicAccess => self.call("s3:PutAccountPublicAccessBlock", |kept| {
                kept.blocked.insert(self.stack.account.to_string());
            }),
            Step::RequireTokens => self.call("ec2:ModifyInstanceMetadataDefaults", |kept| {
                kept.required.insert(self.stack.clone());
            }),
            Step::Encrypt | Step::SetKey { .. } => panic!("EBS encrypts with AWS's key"),
        }
    }
}
