//! How phonehome gets into a member account.

use std::future::Future;

use phonehome_accounts::{
    AwsAccessKeys, AwsIngestSecrets, AwsPack, AwsSettings, AwsStack, ProbeCode, opted_in_regions,
    provider_audiences,
};
use phonehome_alerting::Rerun;
use phonehome_aws::{Session, sdk};
use phonehome_closing::Retained;
use phonehome_cloud::CloudError;
use phonehome_cloud::table::NotKept;
use phonehome_executor::StackApi;
use phonehome_machine_users::{KeepRotation, Rotation, Turn as KeysTurn};
use phonehome_observability::{KeepSetup, Setup, Turn as SetupTurn, Wanted as WantedSetup};
use phonehome_planner::{Action, ProbeSpec, StackSpec};
use phonehome_settings::{SettingsRecord, Wanted, look_and_set};
use phonehome_stacks::{Case, Keep, Outcome, PackApi as _, PackRecord, PackStatus, Turn, turn};
use phonehome_starter_pack::{AUDIENCE, MachineUser, STACK_NAME};
use phonehome_wire::{Region, StackId, partition};

use crate::new_relic::NewRelicKey;
use crate::pack_data::retained;
use crate::package::{Package, Packages};

/// A probe's memory, in MB: the least that Lambda has. It waits, most of the time.
pub const PROBE_MEMORY_MB: i32 = 128;

/// Opens member accounts.
pub trait Members: Send + Sync {
    /// An account and Region, opened.
    type Stack: StackApi;
    /// What every probe of this account has in common, apart from its checks; `None`: no probes are
    /// made from here. Its code is the one that this came with, and trusts these certificate authorities (PEM) beside
    /// the public ones.
    ///
    /// # Errors
    /// For people: why the code cannot be made with these authorities.
    fn probe(&self, stack: &StackId, authorities: Option<&str>) -> Result<Option<ProbeSpec>, String>;
    /// The probes' code that is at hand; `None`: there is none but what [`Members::probe`] says.
    fn packages(&self) -> Option<&Packages> {
        None
    }
    /// Opens an account and Region. `known_vpc` is where the stack's VPC was when it was last seen.
    ///
    /// # Errors
    /// [`CloudError`]; a role that is not there (yet) is of class [`phonehome_cloud::Class::AccountNotReady`].
    fn open(
        &self,
        spec: &StackSpec,
        known_vpc: Option<&str>,
    ) -> impl Future<Output = Result<Self::Stack, CloudError>> + Send;
    /// The first version of `infra/member-role.yaml` whose role allows a call.
    fn needs_template(&self, action: &Action) -> u32 {
        action.needs_template()
    }

    /// Has a probe run some of its checks once more, without waiting for it. Returns whether its schedule has any of
    /// them.
    ///
    /// # Errors
    /// [`CloudError`]; where the account's role is older than [`phonehome_planner::RERUN_TEMPLATE`], of class
    /// [`phonehome_cloud::Class::Denied`].
    fn rerun(&self, _rerun: &Rerun) -> impl Future<Output = Result<bool, CloudError>> + Send {
        // Where nothing runs probes, as in most tests, there is none.
        async { Ok(false) }
    }

    /// The Regions that are enabled in an account, asked in one of them.
    ///
    /// # Errors
    /// [`CloudError`]
    fn regions(&self, stack: &StackId) -> impl Future<Output = Result<Vec<Region>, CloudError>> + Send;

    /// The data that phonehome's own stacks keep in an account and Region when they go. No template that members get
    /// keeps any (a test holds that), but starter packs do: it is asked where the table says that one was made. `None`:
    /// there is no such stack (any more).
    ///
    /// # Errors
    /// [`CloudError`]
    fn retained(
        &self,
        _stack: &StackId,
    ) -> impl Future<Output = Result<Option<Vec<Retained>>, CloudError>> + Send {
        async { Ok(None) }
    }

    /// The audiences of an identity provider in an account, by its ARN. `None`: there is no such provider.
    ///
    /// # Errors
    /// [`CloudError`]
    fn provider_audiences(
        &self,
        _stack: &StackId,
        _arn: &str,
    ) -> impl Future<Output = Result<Option<Vec<String>>, CloudError>> + Send {
        // Where there is no IAM, as in most tests, it is as it should be.
        async { Ok(Some(vec![AUDIENCE.to_owned()])) }
    }

    /// Takes a turn of a machine user's keys ([`phonehome_machine_users::turn`]).
    ///
    /// # Errors
    /// [`NotKept`]: then nothing was changed.
    fn take_keys_turn<K: KeepRotation>(
        &self,
        _stack: &StackId,
        _user: &MachineUser,
        _keep: &mut K,
        rotation: Rotation,
        now_ms: u64,
    ) -> impl Future<Output = Result<KeysTurn, NotKept>> + Send {
        // Where there is no IAM, as in most tests, there is nothing to do.
        let rotation = Rotation { looked_at_ms: now_ms, ..rotation };
        async { Ok(KeysTurn { rotation, problem: None, later: None }) }
    }

    /// Takes a turn of an account's set-up at an observability vendor ([`phonehome_observability::turn`]), in its home Region.
    ///
    /// # Errors
    /// [`NotKept`]: then the call that was to come was not made.
    fn take_observability_turn<K: KeepSetup>(
        &self,
        _home: &StackId,
        wanted: &WantedSetup,
        _keep: &mut K,
        setup: Setup,
        now_ms: u64,
    ) -> impl Future<Output = Result<SetupTurn, NotKept>> + Send {
        // Where there is no vendor, as in most tests, there is nothing to do.
        let setup = setup.waiting_for_people(wanted, now_ms);
        async { Ok(SetupTurn { setup, problems: None, later: None }) }
    }

    /// Takes a turn of the stack that carries a starter pack ([`phonehome_stacks::turn`]).
    ///
    /// # Errors
    /// [`NotKept`]: then nothing was changed.
    fn take_pack_turn<K: Keep>(
        &self,
        _stack: &StackId,
        _case: &Case<'_>,
        _keep: &mut K,
        record: PackRecord,
    ) -> impl Future<Output = Result<Turn, NotKept>> + Send {
        // Where there is no CloudFormation, as in most tests, there is nothing to do.
        async { Ok(Turn { record, outcome: Outcome::AsDeclared }) }
    }

    /// Looks at an account's settings in a Region and tightens what is wanted ([`phonehome_settings::look_and_set`]).
    ///
    /// # Errors
    /// [`NotKept`]: then the last call that would change something was not made.
    fn look_at_settings<K: phonehome_settings::Keep>(
        &self,
        _stack: &StackId,
        _wanted: &Wanted,
        _keep: &mut K,
        record: SettingsRecord,
        _now_ms: u64,
    ) -> impl Future<Output = Result<SettingsRecord, NotKept>> + Send {
        // Where no account has settings, as in most tests, nothing is known of them.
        async { Ok(record) }
    }
}

/// Member accounts on AWS, opened by assuming a role in them.
#[derive(Debug, Clone)]
pub struct AwsMembers {
    session: Session,
    role: String,
    packages: Option<Packages>,
    new_relic: NewRelicKey,
}

impl AwsMembers {
    /// Member accounts whose `role` can be assumed with `session`'s credentials. Without a probe
    /// ([`AwsMembers::with_probe`]) only networks are made.
    pub fn new(session: Session, role: impl Into<String>) -> Self {
        Self { session, role: role.into(), packages: None, new_relic: NewRelicKey::default() }
    }

    /// The same with probes: a zip with the file `bootstrap`, built for `arm64` or `x86_64`.
    pub fn with_probe(self, zip: Vec<u8>, architecture: impl Into<String>) -> Self {
        Self { packages: Some(Packages::new(Package::new(zip, architecture))), ..self }
    }
}

impl AwsMembers {
    /// The same with the secret that holds the key of a user of New Relic; `None`: nothing is done there.
    pub fn with_new_relic(self, secret: Option<String>) -> Self {
        Self { new_relic: NewRelicKey(secret), ..self }
    }
}

impl Members for AwsMembers {
    type Stack = AwsStack;

    fn probe(&self, stack: &StackId, authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        let Some(packages) = &self.packages else { return Ok(None) };
        let StackId { account, region } = stack;
        let partition = partition(region);
        // The names that infra/member-role.yaml gives.
        let role = |name: &str| format!("arn:{partition}:iam::{account}:role/{name}");
        Ok(Some(ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: packages.code(packages.own(), authorities)?.sha256(),
            authorities: authorities.map(str::to_owned),
            no_code: None,
            architecture: packages.own().probes.architecture.clone(),
            role_arn: role("phonehome-probe"),
            schedule_role_arn: role("phonehome-schedule"),
            bus_arn: format!("arn:{partition}:events:{region}:{account}:event-bus/phonehome"),
            log_group: "/phonehome/probe".to_owned(),
            memory_mb: PROBE_MEMORY_MB,
            timeout_s: 30,
        }))
    }

    fn packages(&self) -> Option<&Packages> {
        self.packages.as_ref()
    }

    async fn open(&self, spec: &StackSpec, known_vpc: Option<&str>) -> Result<AwsStack, CloudError> {
        let session = sdk::in_member_account(&self.session, &spec.account, &spec.region, &self.role).await?;
        let made = |packages: &Packages| packages.made(&spec.probe.as_ref()?.code_sha256);
        let code = self.packages.as_ref().and_then(made).unwrap_or_else(ProbeCode::none);
        let stack = AwsStack::new(&session, spec.clone(), code);
        Ok(stack.with_known_vpc(known_vpc.map(str::to_owned)))
    }

    async fn rerun(&self, rerun: &Rerun) -> Result<bool, CloudError> {
        let Rerun { account, region, availability_zone, part, checks, .. } = rerun;
        let session = sdk::in_member_account(&self.session, account, region, &self.role).await?;
        phonehome_accounts::rerun(&session, (availability_zone, *part), checks).await
    }

    async fn take_pack_turn<K: Keep>(
        &self,
        stack: &StackId,
        case: &Case<'_>,
        keep: &mut K,
        record: PackRecord,
    ) -> Result<Turn, NotKept> {
        match sdk::in_member_account(&self.session, &stack.account, &stack.region, &self.role).await {
            Ok(session) => turn(case, &AwsPack::new(&session, &case.wanted.name), keep, record).await,
            Err(error) => {
                let outcome = Outcome::Later { reason: error.to_string(), class: error.class() };
                Ok(Turn { record, outcome })
            }
        }
    }

    async fn provider_audiences(
        &self,
        stack: &StackId,
        arn: &str,
    ) -> Result<Option<Vec<String>>, CloudError> {
        let session =
            sdk::in_member_account(&self.session, &stack.account, &stack.region, &self.role).await?;
        provider_audiences(&session, arn).await
    }

    async fn take_keys_turn<K: KeepRotation>(
        &self,
        stack: &StackId,
        user: &MachineUser,
        keep: &mut K,
        rotation: Rotation,
        now_ms: u64,
    ) -> Result<KeysTurn, NotKept> {
        match sdk::in_member_account(&self.session, &stack.account, &stack.region, &self.role).await {
            Ok(session) => {
                let keys = AwsAccessKeys::new(&session, &user.name, &user.secret);
                phonehome_machine_users::turn(&keys, keep, rotation, user.rules, now_ms).await
            }
            Err(error) => Ok(KeysTurn { rotation, problem: None, later: Some(error.to_string()) }),
        }
    }

    async fn take_observability_turn<K: KeepSetup>(
        &self,
        home: &StackId,
        wanted: &WantedSetup,
        keep: &mut K,
        setup: Setup,
        now_ms: u64,
    ) -> Result<SetupTurn, NotKept> {
        let vendor = match self.new_relic.open(&self.session, wanted.data_center).await {
            Ok(vendor) => vendor,
            Err(problem) => {
                let setup = setup.waiting_for_people(wanted, now_ms);
                return Ok(SetupTurn { setup, problems: Some(vec![problem]), later: None });
            }
        };
        match sdk::in_member_account(&self.session, &home.account, &home.region, &self.role).await {
            Ok(session) => {
                let secrets = AwsIngestSecrets::new(&session);
                let of = (&home.account, wanted);
                phonehome_observability::turn((&vendor, &secrets), keep, of, setup, now_ms).await
            }
            Err(error) => Ok(SetupTurn { setup, problems: None, later: Some(error.to_string()) }),
        }
    }

    async fn look_at_settings<K: phonehome_settings::Keep>(
        &self,
        stack: &StackId,
        wanted: &Wanted,
        keep: &mut K,
        record: SettingsRecord,
        now_ms: u64,
    ) -> Result<SettingsRecord, NotKept> {
        let session = sdk::in_member_account(&self.session, &stack.account, &stack.region, &self.role).await;
        let api = session.map(|session| AwsSettings::new(&session, &stack.account));
        look_and_set(api.as_ref(), wanted, keep, record, now_ms).await
    }

    async fn retained(&self, stack: &StackId) -> Result<Option<Vec<Retained>>, CloudError> {
        let session =
            sdk::in_member_account(&self.session, &stack.account, &stack.region, &self.role).await?;
        let pack = AwsPack::new(&session, STACK_NAME);
        match pack.stack().await? {
            Some(seen) if seen.status != PackStatus::DeleteComplete => {
                Ok(Some(retained(&pack.remains().await?)))
            }
            _ => Ok(None),
        }
    }

    async fn regions(&self, stack: &StackId) -> Result<Vec<Region>, CloudError> {
        let session =
            sdk::in_member_account(&self.session, &stack.account, &stack.region, &self.role).await?;
        opted_in_regions(&session).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_who_has_the_probes_code_makes_probes_and_each_account_has_the_code_that_was_given() {
        let session = sdk::in_local_cloud("http://127.0.0.1:9", "111111111111", "eu-west-1").await.unwrap();
        let without = AwsMembers::new(session, "phonehome-member");
        let stack = "222222222222/eu-west-1".parse().unwrap();
        assert_eq!(without.probe(&stack, None), Ok(None));
        let probe = without.with_probe(b"a zip".to_vec(), "arm64").probe(&stack, None).unwrap().unwrap();
        assert_eq!(
            (probe.code_sha256, probe.architecture),
            (ProbeCode::new(b"a zip".to_vec()).sha256(), "arm64".to_owned())
        );
        assert_eq!(probe.role_arn, "arn:aws:iam::222222222222:role/phonehome-probe");
        assert_eq!(probe.bus_arn, "arn:aws:events:eu-west-1:222222222222:event-bus/phonehome");
    }
}
