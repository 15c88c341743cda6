//! A fleet that a version is rolled out in.

use std::collections::BTreeMap;

use phonehome_fleet::Line;
use phonehome_rollout::{
    Account, Begin, Decision, Failing, Observed, Pace, PathId, Phase, Progress, RollOut, Stack, Unproven,
    Wave, begin, decide,
};
use phonehome_wire::{AccountId, CheckId, Region};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const BASE: u64 = 4;
pub(crate) const TARGET: u64 = 5;

/// Waves bake for 5 minutes, accounts converge within 10, three of them at once.
pub(crate) const PACE: Pace = Pace { bake_ms: 5 * MINUTE, converge_ms: 10 * MINUTE, at_once: 3 };

pub(crate) struct World {
    pub(crate) roll_out: RollOut,
    pub(crate) observed: Observed,
    pub(crate) now_ms: u64,
    /// Accounts that the provisioner does not bring to the version that they are to have.
    pub(crate) stuck: Vec<AccountId>,
}

pub(crate) fn account(number: usize) -> AccountId {
    format!("{:012}", 100_000_000_001 + number).parse().unwrap()
}

pub(crate) fn region() -> Region {
    "us-east-1".parse().unwrap()
}

pub(crate) fn path(check: &str) -> PathId {
    PathId::new(&region(), &"use1-az1".parse().unwrap(), &CheckId(check.to_owned()))
}

fn wave(number: usize) -> Wave {
    Wave::new(format!("wave-{number}"), [Line::new("shop", &format!("wave-{number}"))].into())
}

impl World {
    /// As many accounts in each wave as are given.
    pub(crate) fn of(waves: &[usize]) -> Self {
        let mut accounts = BTreeMap::new();
        for (wave, count) in waves.iter().enumerate() {
            for _ in 0..*count {
                let stack = Stack {
                    progress: Progress::Converged,
                    version: BASE,
                    updated_at_ms: 0,
                    until_in_force: false,
                    next_hour_ms: 0,
                    message: String::new(),
                };
                let account_of = Account {
                    name: format!("account-{}", accounts.len()),
                    wave,
                    base_regions: [region()].into(),
                    target_regions: [region()].into(),
                    stacks: [(region(), stack)].into(),
                    ..Account::default()
                };
                accounts.insert(account(accounts.len()), account_of);
            }
        }
        let roll_out = begin(Begin {
            base: BASE,
            target: TARGET,
            by: "somebody".to_owned(),
            at_ms: MINUTE,
            mends: false,
            pace: PACE,
            waves: (0..waves.len()).map(wave).collect(),
            supersedes: None,
        });
        Self { roll_out, observed: Observed { accounts }, now_ms: MINUTE, stuck: vec![] }
    }

    /// Its waves, of which none has begun.
    pub(crate) fn waves(&self) -> Vec<Wave> {
        (0..self.roll_out.waves.len()).map(wave).collect()
    }

    pub(crate) fn account(&mut self, number: usize) -> &mut Account {
        self.observed.accounts.get_mut(&account(number)).unwrap()
    }

    pub(crate) fn stack(&mut self, number: usize) -> &mut Stack {
        self.account(number).stacks.get_mut(&region()).unwrap()
    }

    pub(crate) fn fails(&mut self, number: usize, check: &str) {
        let failing = Failing { since_ms: self.now_ms, worked_once: true };
        self.account(number).failing.insert(path(check), failing);
    }

    pub(crate) fn is_mended(&mut self, number: usize, check: &str) {
        self.account(number).failing.remove(&path(check));
    }

    pub(crate) fn is_unproven(&mut self, number: usize, why: Unproven) {
        self.account(number).unproven.insert(path("silent"), why);
    }

    /// Decides, and keeps what was decided.
    pub(crate) fn decide(&mut self) -> Decision {
        let decision = decide(&self.roll_out, &self.observed, self.now_ms);
        self.roll_out = decision.roll_out.clone();
        decision
    }

    /// The provisioner brings every account to the version that it is to have, but those that are stuck.
    pub(crate) fn converge(&mut self) {
        for (id, account) in &mut self.observed.accounts {
            let version = self.roll_out.versions.of(id);
            for stack in account.stacks.values_mut().filter(|_| !self.stuck.contains(id)) {
                if stack.version != version || stack.progress != Progress::Converged {
                    (stack.version, stack.progress) = (version, Progress::Converged);
                    stack.updated_at_ms = self.now_ms;
                }
            }
        }
    }

    /// A minute in which everything works.
    pub(crate) fn minute(&mut self) -> Decision {
        self.now_ms += MINUTE;
        let decision = self.decide();
        self.converge();
        decision
    }

    pub(crate) fn minutes(&mut self, minutes: u64) {
        for _ in 0..minutes {
            self.minute();
        }
    }

    /// The numbers of the accounts that are to have the new version.
    pub(crate) fn turned(&self) -> Vec<usize> {
        let all = self.observed.accounts.keys().enumerate();
        all.filter(|(_, id)| self.roll_out.versions.turned.contains(*id)).map(|(number, _)| number).collect()
    }

    pub(crate) fn has_halted(&self) -> bool {
        matches!(self.roll_out.phase, Phase::Halted { .. })
    }

    /// Whether it halts in the next minute.
    pub(crate) fn halts(&mut self) -> bool {
        self.minute();
        self.has_halted()
    }
}
