//! How the provisioner gets into a member account.

use std::future::Future;
use std::sync::Arc;

use lambda_runtime::Error;
use phonehome_aws::executor::StackApi;
use phonehome_aws::{AwsError, AwsStack, ProbeCode, SdkConfig, cloud, code_sha256};
use phonehome_network::{ProbeSpec, StackSpec};
use phonehome_runtime::required;

/// Opens member accounts.
pub(crate) trait Members: Send + Sync {
    /// An account, opened.
    type Stack: StackApi;
    /// What every probe of this account has in common, apart from its checks.
    fn probe(&self, account: &str, region: &str) -> ProbeSpec;
    /// Opens an account.
    fn open(&self, spec: &StackSpec) -> impl Future<Output = Result<Self::Stack, AwsError>> + Send;
}

/// Member accounts on AWS, opened by assuming a role in them.
pub(crate) struct AwsMembers {
    config: SdkConfig,
    role: String,
    architecture: String,
    code: ProbeCode,
    code_sha256: String,
}

impl AwsMembers {
    /// Reads the role's name, the architecture and the probe's code, which lies beside the binary.
    pub(crate) fn from_environment(config: SdkConfig) -> Result<Self, Error> {
        let root = required("LAMBDA_TASK_ROOT")?;
        let path = std::path::Path::new(&root).join("probe.zip");
        let zip = std::fs::read(&path).map_err(|error| {
            format!("{}: {error}; `cargo xtask package` puts the probe's code there", path.display())
        })?;
        Ok(Self {
            config,
            role: required("MEMBER_ROLE_NAME")?,
            architecture: required("PROBE_ARCHITECTURE")?,
            code_sha256: code_sha256(&zip),
            code: ProbeCode { zip: Arc::new(zip) },
        })
    }
}

impl Members for AwsMembers {
    type Stack = AwsStack;

    fn probe(&self, account: &str, region: &str) -> ProbeSpec {
        // The names that infra/member-role.yaml gives.
        let role = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
        ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: self.code_sha256.clone(),
            architecture: self.architecture.clone(),
            role_arn: role("phonehome-probe"),
            schedule_role_arn: role("phonehome-schedule"),
            bus_arn: format!("arn:aws:events:{region}:{account}:event-bus/phonehome"),
            log_group: "/phonehome/probe".to_owned(),
            memory_mb: 128,
            timeout_s: 30,
        }
    }

    async fn open(&self, spec: &StackSpec) -> Result<AwsStack, AwsError> {
        let config = cloud::in_member_account(&self.config, &spec.account, &spec.region, &self.role).await?;
        Ok(AwsStack::new(&config, spec.clone(), self.code.clone()))
    }
}
