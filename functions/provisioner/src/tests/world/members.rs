//! Member accounts, and what can be wrong with them.

use phonehome_executor::StepError;
use phonehome_wire::{Region, StackId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use phonehome_alerting::{Inputs, Rerun};
use phonehome_cloud::CloudError;
use phonehome_cloud::table::{Doc, Key, MemoryTable, NotKept, Table, Write};
use phonehome_executor::{Ids, StackApi};
use phonehome_fakecloud::{FakeStack, Fault, SharedCloud};
use phonehome_machine_users::{KeepRotation, Problem, Rotation, Turn as KeysTurn};
use phonehome_network::{Address, Inventory, Kind, KnownProbes, Lists};
use phonehome_new_relic::NewRelic;
use phonehome_observability::{
    KeepSetup, Problem as SetupProblem, Setup, Turn as SetupTurn, Wanted as WantedSetup,
};
use phonehome_planner::{Action, FIRST_TEMPLATE, ProbeSpec, StackSpec};
use phonehome_provision::{Members, Packages};
use phonehome_settings::{SettingsRecord, Wanted, look_and_set};
use phonehome_stacks::{
    Case, Keep, LastTemplate, Outcome, PackRecord, Permits, Turn, Unplanned, Verified, pack_key,
};
use phonehome_starter_pack::{AUDIENCE, MachineUser};
use phonehome_state::Keys;
use phonehome_state::StackStatus;

use super::secrets::FakeSecrets;
use super::settings::{Here, Settings};
use super::{REGION, edit_status};

/// Member accounts in a [`SharedCloud`], as far as they can be opened.
#[derive(Clone)]
pub(in crate::tests) struct FakeMembers {
    pub(super) cloud: SharedCloud,
    pub(super) conditions: Arc<Mutex<Conditions>>,
    /// The code that the provisioner came with; `None`: it is of no matter.
    pub(in crate::tests) packages: Option<Packages>,
    /// How stacks with probes were looked at.
    pub(in crate::tests) looks: Looks,
    /// The calls of the stack that was opened last.
    pub(in crate::tests) last: Arc<Mutex<Option<FakeStack>>>,
}

/// How a stack was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tests) enum Look {
    Whole,
    /// What AWS says that nothing has changed was not read.
    Spared,
}

pub(in crate::tests) type Looks = Arc<Mutex<Vec<Look>>>;

/// What is other than it should be.
#[derive(Default)]
pub(in crate::tests) struct Conditions {
    /// With what an account, or a Region of any account, cannot be opened.
    pub(in crate::tests) refusals: BTreeMap<String, CloudError>,
    /// The kind that no role may see.
    pub(in crate::tests) hidden: Option<Kind>,
    /// What goes wrong in the stack that is opened next in this Region.
    pub(in crate::tests) faults: BTreeMap<String, Vec<Fault>>,
    /// The Regions that are enabled in every account.
    pub(in crate::tests) regions: Vec<Region>,
    /// How long opening takes, in tokio's time.
    pub(in crate::tests) slow: Duration,
    /// While an account is opened, another executor takes its stack over.
    pub(in crate::tests) taken_over: Option<MemoryTable>,
    /// No probes are made.
    pub(in crate::tests) no_probes: bool,
    /// The probe's code, where it is another than usual, and what else a recording says of probes.
    pub(in crate::tests) probe: Option<ProbeSpec>,
    /// No input of a probe may be deployed that is not noted here.
    pub(in crate::tests) noted: Option<MemoryTable>,
    /// Which version of the member template each call needs, where it is not as now.
    pub(in crate::tests) needs: Option<fn(&Action) -> u32>,
    /// Nobody is told which version of the member template there is.
    pub(in crate::tests) template_untold: bool,
    /// What was run again.
    pub(in crate::tests) reruns: Vec<Rerun>,
    /// How a turn of a pack stack ends, by Region; otherwise it is as declared.
    pub(in crate::tests) packs: BTreeMap<String, Outcome>,
    /// What is wrong with a machine user's keys, by its name; otherwise nothing is.
    pub(in crate::tests) keys: BTreeMap<String, Problem>,
    /// Whose keys were looked at.
    pub(in crate::tests) keys_turns: Vec<String>,
    /// The audiences of an identity provider of the team's; otherwise GitHub's own.
    pub(in crate::tests) provider: Option<Result<Option<Vec<String>>, CloudError>>,
    /// Which identity providers were looked at.
    pub(in crate::tests) providers_seen: Vec<String>,
    /// Whose pack stacks had a turn, with whether their version was in force.
    pub(in crate::tests) pack_turns: Vec<(StackId, Permits)>,
    /// How often something was changed in such a turn.
    pub(in crate::tests) pack_changes: usize,
    /// Somebody else writes what is stored of a pack while it has its turn: before it keeps it, or after.
    pub(in crate::tests) overtakes_packs: Option<(MemoryTable, bool)>,
    /// For each of them, what nobody agreed to where its stack is to be made.
    pub(in crate::tests) unplanned_packs: Vec<Vec<Unplanned>>,
    /// Where accounts are observed, and the secrets that keys are stored in.
    pub(in crate::tests) vendor: Option<(NewRelic, FakeSecrets)>,
    /// What accounts have set.
    pub(in crate::tests) settings: Settings,
    /// What somebody else writes before the settings of an account are looked at.
    pub(in crate::tests) settings_taken: Option<(MemoryTable, Write)>,
    /// No call may be made before its stack is noted here to be held to this version's plan.
    pub(in crate::tests) agreed: Option<(MemoryTable, u64)>,
}

/// An opened stack that sees probes as AWS shows them: by the names of the spec's zones.
pub(in crate::tests) struct Opened {
    stack: FakeStack,
    probes: Vec<String>,
    hidden: Option<Kind>,
    noted: Option<MemoryTable>,
    agreed: Option<(MemoryTable, Key, u64)>,
    needs: fn(&Action) -> u32,
    template_untold: bool,
    looks: Looks,
}

pub(in crate::tests) fn error(operation: &'static str, code: &str, message: &str) -> CloudError {
    CloudError::service(operation, "test", code, message)
}

/// What AWS says to a role without the right.
pub(in crate::tests) fn denied(operation: &'static str) -> CloudError {
    error(operation, "AccessDenied", "no identity-based policy allows it")
}

/// What AWS says before the StackSet has made the role.
pub(in crate::tests) fn no_role() -> CloudError {
    error("sts:AssumeRole", "AccessDenied", "not authorized to perform sts:AssumeRole")
}

impl Members for FakeMembers {
    type Stack = Opened;

    fn probe(&self, stack: &StackId, authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        if self.conditions.lock().unwrap().no_probes {
            return Ok(None);
        }
        if let Some(probe) = self.conditions.lock().unwrap().probe.clone() {
            // A recording has its names with places for these two.
            let here =
                |text: String| text.replace("ACCOUNT", &stack.account).replace("REGION", &stack.region);
            let (role_arn, schedule_role_arn) = (here(probe.role_arn), here(probe.schedule_role_arn));
            let bus_arn = here(probe.bus_arn);
            return Ok(Some(ProbeSpec { role_arn, schedule_role_arn, bus_arn, ..probe }));
        }
        let own = self.packages.as_ref().map(|packages| packages.own().probes.code_sha256.clone());
        let hash = own.unwrap_or_else(|| "hash".to_owned());
        Ok(Some(ProbeSpec {
            checks: vec![],
            generation: 0,
            code_sha256: authorities.map_or(hash.clone(), |pem| format!("{hash} with {pem}")),
            authorities: authorities.map(str::to_owned),
            no_code: None,
            architecture: "arm64".into(),
            role_arn: "role".into(),
            schedule_role_arn: "schedule-role".into(),
            bus_arn: "bus".into(),
            log_group: "/phonehome/probe".into(),
            memory_mb: 128,
            timeout_s: 30,
        }))
    }

    fn packages(&self) -> Option<&Packages> {
        self.packages.as_ref()
    }

    async fn open(&self, spec: &StackSpec, _known_vpc: Option<&str>) -> Result<Opened, CloudError> {
        let (needs, template_untold) = (self.needs(), self.conditions.lock().unwrap().template_untold);
        let (slow, taken_over, hidden, noted, agreed, refusal, faults) = {
            let mut now = self.conditions.lock().unwrap();
            let refusal =
                now.refusals.get(&*spec.account).or_else(|| now.refusals.get(&*spec.region)).cloned();
            // Not to the observation of an account's VPCs before it gets its addresses.
            let counts = !spec.zones.is_empty() || spec.region != REGION;
            let faults = counts.then(|| now.faults.remove(&*spec.region)).flatten();
            let faults = faults.unwrap_or_default();
            let agreed =
                now.agreed.clone().map(|(table, number)| (table, Keys::stack(&spec.stack()), number));
            (now.slow, now.taken_over.take(), now.hidden, now.noted.clone(), agreed, refusal, faults)
        };
        tokio::time::sleep(slow).await;
        if let Some(table) = taken_over {
            let change = |status: &mut StackStatus| {
                status.generation += 1;
                status.message = "the newer one".to_owned();
            };
            edit_status(&table, &spec.stack(), change).await;
        }
        let stack = FakeStack::open(&self.cloud, spec.clone()).with_faults(faults);
        let probes = spec.zones.iter().map(|zone| zone.az_id.to_string()).collect();
        *self.last.lock().unwrap() = Some(stack.clone());
        let looks = self.looks.clone();
        refusal
            .map_or(Ok(Opened { stack, probes, hidden, noted, agreed, needs, template_untold, looks }), Err)
    }

    async fn rerun(&self, rerun: &Rerun) -> Result<bool, CloudError> {
        let mut now = self.conditions.lock().unwrap();
        now.reruns.push(rerun.clone());
        now.refusals.get(&*rerun.account).map_or(Ok(true), |refusal| Err(refusal.clone()))
    }

    async fn take_pack_turn<K: Keep>(
        &self,
        stack: &StackId,
        case: &Case<'_>,
        keep: &mut K,
        mut record: PackRecord,
    ) -> Result<Turn, NotKept> {
        let outcome = {
            let mut now = self.conditions.lock().unwrap();
            now.pack_turns.push((stack.clone(), case.permits));
            now.unplanned_packs.push(case.wanted.creation.unplanned.clone());
            now.packs.get(&*stack.region).cloned().unwrap_or(Outcome::AsDeclared)
        };
        let overtakes = self.conditions.lock().unwrap().overtakes_packs.clone();
        if let Some((table, false)) = &overtakes {
            overtake(table, stack).await;
        }
        if outcome == Outcome::AsDeclared && record.verified.is_none() {
            record.attempts += 1;
            keep.keep(&record).await?;
            self.conditions.lock().unwrap().pack_changes += 1;
            if let Some((table, true)) = &overtakes {
                overtake(table, stack).await;
            }
            record.verified = Some(Verified { sha256: case.wanted.sha256.clone(), changed_at_ms: 1 });
        }
        if outcome == Outcome::AsDeclared {
            record.deployed = Some(LastTemplate { body: case.wanted.noted.clone(), is_gone: false });
        }
        Ok(Turn { record, outcome })
    }

    async fn provider_audiences(
        &self,
        _stack: &StackId,
        arn: &str,
    ) -> Result<Option<Vec<String>>, CloudError> {
        let mut now = self.conditions.lock().unwrap();
        now.providers_seen.push(arn.to_owned());
        now.provider.clone().unwrap_or_else(|| Ok(Some(vec![AUDIENCE.to_owned()])))
    }

    async fn take_keys_turn<K: KeepRotation>(
        &self,
        stack: &StackId,
        user: &MachineUser,
        keep: &mut K,
        rotation: Rotation,
        now_ms: u64,
    ) -> Result<KeysTurn, NotKept> {
        let rotation = Rotation { looked_at_ms: now_ms, ..rotation };
        keep.keep(&rotation).await?;
        let mut now = self.conditions.lock().unwrap();
        now.keys_turns.push(format!("{stack} {}", user.secret));
        Ok(KeysTurn { rotation, problem: now.keys.get(&user.name).cloned(), later: None })
    }

    async fn take_observability_turn<K: KeepSetup>(
        &self,
        home: &StackId,
        wanted: &WantedSetup,
        keep: &mut K,
        setup: Setup,
        now_ms: u64,
    ) -> Result<SetupTurn, NotKept> {
        let vendor = self.conditions.lock().unwrap().vendor.clone();
        match vendor {
            Some((new_relic, secrets)) => {
                let of = (&home.account, wanted);
                phonehome_observability::turn((&new_relic, &secrets), keep, of, setup, now_ms).await
            }
            None => {
                let setup = setup.waiting_for_people(wanted, now_ms);
                Ok(SetupTurn { setup, problems: Some(vec![SetupProblem::NoVendor]), later: None })
            }
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
        let (refusal, of, taken) = {
            let mut now = self.conditions.lock().unwrap();
            (now.refusals.get(&*stack.account).cloned(), now.settings.clone(), now.settings_taken.take())
        };
        if let Some((table, write)) = taken {
            table.write(vec![write]).await.unwrap();
        }
        let here = Here { of, stack: stack.clone() };
        look_and_set(refusal.as_ref().map_or(Ok(&here), Err), wanted, keep, record, now_ms).await
    }

    fn needs_template(&self, action: &Action) -> u32 {
        self.needs()(action)
    }

    async fn regions(&self, stack: &StackId) -> Result<Vec<Region>, CloudError> {
        let now = self.conditions.lock().unwrap();
        now.refusals.get(&*stack.account).map_or(Ok(now.regions.clone()), |refusal| Err(refusal.clone()))
    }
}

/// What another executor stores of a pack.
async fn overtake(table: &MemoryTable, stack: &StackId) {
    let key = pack_key(stack);
    let doc = table.get(&key).await.unwrap();
    let record = PackRecord { attempts: 99, ..PackRecord::new(stack) };
    table.write(vec![Write::over(doc.as_ref(), key, &record)]).await.unwrap();
}

impl FakeMembers {
    fn needs(&self) -> fn(&Action) -> u32 {
        self.conditions.lock().unwrap().needs.unwrap_or(Action::needs_template)
    }
}

impl StackApi for Opened {
    async fn has_template(&self, version: u32) -> Result<bool, CloudError> {
        if self.template_untold {
            return Err(error("scheduler:GetSchedule", "ThrottlingException", "Rate exceeded"));
        }
        self.stack.has_template(version).await
    }

    async fn observe_again(
        &self,
        kinds: &[Kind],
        known: &KnownProbes,
    ) -> Result<(Inventory, Lists), CloudError> {
        let visible: Vec<Kind> = kinds.iter().copied().filter(|kind| Some(*kind) != self.hidden).collect();
        self.looks.lock().unwrap().push(Look::Spared);
        self.stack.observe_again(&visible, known).await
    }

    async fn observe(&self, kinds: &[Kind]) -> Result<Inventory, CloudError> {
        let visible: Vec<Kind> = kinds.iter().copied().filter(|kind| Some(*kind) != self.hidden).collect();
        if kinds.contains(&Kind::Function) {
            self.looks.lock().unwrap().push(Look::Whole);
        }
        let mut seen = self.stack.observe(&visible).await?;
        let zone = |name: &str| StackSpec::of_schedule(name).map(|(az_id, _)| az_id.to_owned());
        let is_known = |name: &str| zone(name).is_some_and(|az_id| self.probes.contains(&az_id));
        seen.functions.retain(|function| is_known(&function.name));
        seen.schedules.retain(|schedule| is_known(&schedule.name));
        Ok(seen)
    }

    async fn perform(&self, at: &Address, action: &Action, ids: &Ids) -> Result<Option<String>, StepError> {
        if let (Some(table), Action::CreateSchedule { input, .. } | Action::UpdateSchedule { input, .. }) =
            (&self.noted, action)
        {
            let docs = table.query(Keys::INPUTS).await.unwrap();
            let noted = |doc: &Doc| {
                let inputs = doc.read::<Inputs>().unwrap();
                inputs.generations(&input.availability_zone, input.part).unwrap()[0]
            };
            assert!(docs.iter().any(|doc| noted(doc) == input.generation), "{input:?} is not noted");
        }
        if let Some((table, key, number)) = &self.agreed {
            let status: StackStatus = table.get(key).await.unwrap().unwrap().read().unwrap();
            assert_eq!(status.agreed_version, *number, "{at}");
        }
        // As IAM does.
        let needed = (self.needs)(action);
        if needed > FIRST_TEMPLATE && !self.stack.has_template(needed).await? {
            return Err(error(action.operation(), "AccessDenied", "not authorized to perform this").into());
        }
        self.stack.perform(at, action, ids).await
    }

    fn operation(&self, action: &Action) -> &'static str {
        self.stack.operation(action)
    }
}
