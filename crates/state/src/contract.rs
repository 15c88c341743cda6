//! What was agreed to with a version: its plan.

use std::collections::BTreeSet;

use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

/// The plan that a version was published with, as far as it binds: what differs from it is not done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contract {
    /// The plan's hash.
    pub plan: String,
    /// Which way the digests are written; those of another form cannot be compared with.
    pub form: u32,
    /// The version that was in force when it was planned; 0 where there was none.
    pub over: u64,
    /// The digests of calls, each different set once.
    pub calls: Vec<BTreeSet<String>>,
    /// Which of them is each stack's. One that could not be planned is not here, and not bound.
    pub stacks: Vec<AgreedStack>,
    /// The same of each starter pack that was planned. One of which nothing was known is not here, and not bound.
    pub packs: Vec<AgreedStack>,
}

/// What was agreed to for one account in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreedStack {
    /// The account's id.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The position of its calls.
    pub calls: usize,
}

impl Contract {
    /// The same with the calls of these stacks.
    #[must_use]
    pub fn with(mut self, stacks: impl IntoIterator<Item = (StackId, BTreeSet<String>)>) -> Self {
        for (StackId { account, region }, calls) in stacks {
            let calls = self.position(calls);
            self.stacks.push(AgreedStack { account, region, calls });
        }
        self
    }

    /// The same with what becomes of these starter packs.
    #[must_use]
    pub fn with_packs(mut self, packs: impl IntoIterator<Item = (StackId, BTreeSet<String>)>) -> Self {
        for (StackId { account, region }, changes) in packs {
            let calls = self.position(changes);
            self.packs.push(AgreedStack { account, region, calls });
        }
        self
    }

    /// Where a set is, which is stored once.
    fn position(&mut self, calls: BTreeSet<String>) -> usize {
        let known = self.calls.iter().position(|known| *known == calls);
        known.unwrap_or_else(|| {
            self.calls.push(calls);
            self.calls.len() - 1
        })
    }

    /// The calls that were agreed to for a stack; `None` where nothing was.
    pub fn calls_of(&self, stack: &StackId) -> Option<&BTreeSet<String>> {
        self.found(&self.stacks, stack)
    }

    /// What was agreed to for the starter pack of an account in a Region; `None` where nothing was.
    pub fn pack_of(&self, stack: &StackId) -> Option<&BTreeSet<String>> {
        self.found(&self.packs, stack)
    }

    fn found(&self, among: &[AgreedStack], stack: &StackId) -> Option<&BTreeSet<String>> {
        let is_it = |it: &&AgreedStack| it.account == stack.account && it.region == stack.region;
        self.calls.get(among.iter().find(is_it)?.calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_that_change_alike_share_what_is_stored() {
        let calls = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let stack = |number: u64| {
            StackId::new(&format!("{number:012}").parse().unwrap(), &"us-east-1".parse().unwrap())
        };
        let all =
            (1..=130).map(|number| (stack(number), calls(if number == 7 { &["b"] } else { &["a", "b"] })));
        let contract = Contract::default().with(all);
        assert_eq!(contract.calls.len(), 2);
        assert_eq!(contract.calls_of(&stack(7)), Some(&calls(&["b"])));
        assert_eq!(contract.calls_of(&stack(8)), Some(&calls(&["a", "b"])));
        assert_eq!(contract.calls_of(&stack(131)), None);
        let elsewhere = StackId { region: "eu-west-1".parse().unwrap(), ..stack(7) };
        assert_eq!(contract.calls_of(&elsewhere), None);
        let contract = contract.with_packs([(stack(7), calls(&["b"])), (stack(9), calls(&["c"]))]);
        assert_eq!(contract.calls.len(), 3, "what packs and networks have alike is stored once as well");
        assert_eq!(contract.pack_of(&stack(7)), Some(&calls(&["b"])));
        assert_eq!(
            (contract.pack_of(&stack(8)), contract.calls_of(&stack(9)).map(BTreeSet::len)),
            (None, Some(2))
        );
    }
}
