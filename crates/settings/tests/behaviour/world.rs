//! An account in memory, as strict as AWS, which fails as it is told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Cause, CloudError};
use phonehome_settings::{
    Grant, Keep, Key, MetadataDefaults, PublicAccess, SettingsApi, SettingsRecord, Step, Wanted,
    auto_scaling_role, is_due, lacking, look_and_set,
};
use serde_json::{Value, json};

pub(crate) const AWS_KEY: &str = "alias/aws/ebs";
pub(crate) const VOLUMES: &str = "alias/volumes";
pub(crate) const DAY_MS: u64 = 24 * 60 * 60_000;

pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:kms:eu-west-1:111111111111:key/{name}")
}

/// A policy by which Auto Scaling may use a key, as AWS's guide has it.
pub(crate) fn for_auto_scaling() -> Value {
    let role = auto_scaling_role(&arn("x")).unwrap();
    let allow = |actions: Value, condition: Value| json!({"Effect": "Allow", "Principal": {"AWS": [role]}, "Action": actions, "Resource": "*", "Condition": condition});
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"},
        allow(json!(["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]), json!({})),
        allow(json!(["kms:CreateGrant"]), json!({"Bool": {"kms:GrantIsForAWSResource": true}})),
    ]})
}

/// What happens to a call.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// AWS answers with this, and nothing is done.
    Refuses(CloudError),
    /// It is done, and the answer is lost.
    Lost,
    /// Whoever called dies before it.
    Dies,
}

pub(crate) fn error(operation: &'static str, code: &str, message: &str) -> CloudError {
    CloudError::service(operation, "111111111111", code, message)
}

/// What an account has.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) access: PublicAccess,
    pub(crate) is_encrypted: bool,
    pub(crate) default_key: String,
    pub(crate) metadata: MetadataDefaults,
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) keys: BTreeMap<String, (Key, Value, Vec<Grant>)>,
    /// By the number of the call, from 0.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// By operation, always.
    pub(crate) refusals: BTreeMap<&'static str, CloudError>,
    pub(crate) calls: Vec<&'static str>,
    /// What is set is shown from the next look on.
    pub(crate) is_late: bool,
    pub(crate) shown: Option<Box<Account>>,
    /// The keys that phonehome made the default.
    pub(crate) chosen: Vec<String>,
    pub(crate) is_dead: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            access: PublicAccess::default(),
            is_encrypted: false,
            default_key: AWS_KEY.to_owned(),
            metadata: MetadataDefaults::default(),
            aliases: BTreeMap::new(),
            keys: BTreeMap::new(),
            faults: BTreeMap::new(),
            refusals: BTreeMap::new(),
            calls: vec![],
            is_late: false,
            shown: None,
            chosen: vec![],
            is_dead: false,
        }
    }
}

impl Account {
    /// With a key that has this alias, policy and grants.
    pub(crate) fn with_key(mut self, alias: &str, name: &str, policy: Value) -> Self {
        let key = Key { arn: arn(name), is_aws: false, state: "Enabled".into(), is_symmetric: true };
        self.aliases.insert(alias.to_owned(), arn(name));
        self.keys.insert(arn(name), (key, policy, vec![]));
        self
    }

    pub(crate) fn edit_key(&mut self, name: &str, change: impl FnOnce(&mut (Key, Value, Vec<Grant>))) {
        change(self.keys.get_mut(&arn(name)).unwrap());
    }

    fn view(&self) -> &Account {
        self.shown.as_deref().unwrap_or(self)
    }

    /// Sets it, and holds that nothing is ever loosened and no foreign choice written over.
    fn apply(&mut self, step: &Step) {
        if self.is_late {
            self.shown = Some(Box::new(Self { shown: None, ..self.clone() }));
        }
        match step {
            Step::BlockPublicAccess => self.access = PublicAccess::BLOCKED,
            Step::Encrypt => {
                let key = self.keys.get(&self.default_key).filter(|(key, ..)| !key.is_aws);
                if let Some((key, policy, grants)) = key {
                    let role = auto_scaling_role(&key.arn).unwrap();
                    assert!(
                        lacking(&key.arn, &role, policy, grants).is_empty(),
                        "no instance of a group would start"
                    );
                }
                self.is_encrypted = true;
            }
            Step::SetKey { arn } => {
                let (now, chosen) = (&self.default_key, &self.chosen);
                let is_aws = self.keys.get(now).is_some_and(|(key, ..)| key.is_aws);
                assert!(now == AWS_KEY || is_aws || chosen.contains(now), "{now} was somebody's choice");
                let (key, policy, grants) = &self.keys[arn];
                let role = auto_scaling_role(arn).unwrap();
                assert!(key.state == "Enabled" && key.is_symmetric);
                assert!(lacking(arn, &role, policy, grants).is_empty(), "no instance of a group would start");
                self.default_key.clone_from(arn);
                self.chosen.push(arn.clone());
            }
            Step::RequireTokens => {
                assert!(!self.metadata.by_policy, "a policy sets it");
                self.metadata.tokens = Some("required".into());
            }
        }
    }
}

/// The account, and what is stored of it.
pub(crate) struct World {
    account: Mutex<Account>,
    pub(crate) record: SettingsRecord,
    pub(crate) now_ms: u64,
}

/// Keeps in the world's record; who is told to is taken over by somebody else.
struct Keeping<'a> {
    kept: &'a mut SettingsRecord,
    account: &'a Mutex<Account>,
}

impl Keep for Keeping<'_> {
    async fn keep(&mut self, record: &SettingsRecord) -> Result<(), NotKept> {
        if self.account.lock().unwrap().is_dead {
            return Err(NotKept::Taken);
        }
        // What is stored is what can be read again.
        *self.kept = serde_json::from_value(serde_json::to_value(record).unwrap()).unwrap();
        Ok(())
    }
}

impl World {
    pub(crate) fn new(account: Account) -> Self {
        let record = SettingsRecord::new(&"111111111111/eu-west-1".parse().unwrap());
        Self { account: Mutex::new(account), record, now_ms: 1_000 * DAY_MS }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// One look; answers the calls that it made.
    pub(crate) fn look(&mut self, wanted: &Wanted) -> Vec<&'static str> {
        let before = self.record.clone();
        let looked = {
            let mut keeping = Keeping { kept: &mut self.record, account: &self.account };
            let api = Api(&self.account);
            let looking = look_and_set(Ok(&api), wanted, &mut keeping, before, self.now_ms);
            futures_util::FutureExt::now_or_never(looking).expect("nothing waits")
        };
        let mut account = self.account.lock().unwrap();
        match looked {
            // Whoever died stored nothing at the end.
            Ok(record) if !account.is_dead => self.record = record,
            Ok(_) | Err(NotKept::Taken) => {}
            Err(NotKept::Table(error)) => panic!("{error:?}"),
        }
        (account.is_dead, account.shown) = (false, None);
        std::mem::take(&mut account.calls)
    }

    /// A look half an hour later, where one is due.
    pub(crate) fn sweep(&mut self, wanted: &Wanted) {
        self.now_ms += 30 * 60_000;
        if is_due(&self.record, wanted, self.now_ms) {
            self.look(wanted);
        }
    }

    /// A look a day later.
    pub(crate) fn next_day(&mut self, wanted: &Wanted) -> Vec<&'static str> {
        self.now_ms += DAY_MS;
        self.look(wanted)
    }
}

pub(crate) struct Api<'a>(&'a Mutex<Account>);

impl Api<'_> {
    /// One call, with what happens to it.
    fn call<T>(
        &self,
        operation: &'static str,
        done: impl FnOnce(&mut Account) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let mut account = self.0.lock().unwrap();
        let timeout = || CloudError::of_cause(operation, "111111111111", Cause::Timeout);
        if account.is_dead {
            return Err(timeout());
        }
        let number = account.calls.len();
        account.calls.push(operation);
        if let Some(refusal) = account.refusals.get(operation) {
            return Err(refusal.clone());
        }
        match account.faults.remove(&number) {
            Some(Fault::Refuses(error)) => Err(CloudError { operation, ..error }),
            Some(Fault::Lost) => {
                done(&mut account)?;
                Err(timeout())
            }
            Some(Fault::Dies) => {
                account.is_dead = true;
                Err(timeout())
            }
            None => done(&mut account),
        }
    }
}

impl SettingsApi for Api<'_> {
    async fn public_access(&self) -> Result<PublicAccess, CloudError> {
        self.call("s3:GetAccountPublicAccessBlock", |it| Ok(it.view().access))
    }

    async fn is_encrypted(&self) -> Result<bool, CloudError> {
        self.call("ec2:GetEbsEncryptionByDefault", |it| Ok(it.view().is_encrypted))
    }

    async fn default_key(&self) -> Result<String, CloudError> {
        self.call("ec2:GetEbsDefaultKmsKeyId", |it| Ok(it.view().default_key.clone()))
    }

    async fn key(&self, id: &str) -> Result<Option<Key>, CloudError> {
        self.call("kms:DescribeKey", |it| {
            let arn = it.aliases.get(id).map_or(id, String::as_str);
            Ok(it.keys.get(arn).map(|(key, ..)| key.clone()))
        })
    }

    async fn key_policy(&self, arn: &str) -> Result<Value, CloudError> {
        self.call("kms:GetKeyPolicy", |it| Ok(it.keys[arn].1.clone()))
    }

    async fn grants(&self, arn: &str, role: &str) -> Result<Vec<Grant>, CloudError> {
        assert_eq!(Some(role), auto_scaling_role(arn).as_deref());
        self.call("kms:ListGrants", |it| Ok(it.keys[arn].2.clone()))
    }

    async fn metadata_defaults(&self) -> Result<MetadataDefaults, CloudError> {
        self.call("ec2:GetInstanceMetadataDefaults", |it| Ok(it.view().metadata.clone()))
    }

    async fn set(&self, step: &Step) -> Result<(), CloudError> {
        let operation = match step {
            Step::BlockPublicAccess => "s3:PutAccountPublicAccessBlock",
            Step::Encrypt => "ec2:EnableEbsEncryptionByDefault",
            Step::SetKey { .. } => "ec2:ModifyEbsDefaultKmsKeyId",
            Step::RequireTokens => "ec2:ModifyInstanceMetadataDefaults",
        };
        self.call(operation, |it| {
            it.apply(step);
            Ok(())
        })
    }
}

/// Everything, with a key of the account's own.
pub(crate) fn everything() -> Wanted {
    Wanted { key: Some(VOLUMES.to_owned()), ..all() }
}

/// Everything, with AWS's key.
pub(crate) fn all() -> Wanted {
    Wanted { public_access_blocked: true, encrypted: true, key: None, tokens_required: true }
}

/// The calls that change something.
pub(crate) fn changes(calls: &[&'static str]) -> Vec<&'static str> {
    let is_read = |call: &&&str| [":Get", ":Describe", ":List"].iter().any(|verb| call.contains(verb));
    calls.iter().filter(|call| !is_read(call)).copied().collect()
}
