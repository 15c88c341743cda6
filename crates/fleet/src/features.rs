//! What accounts have of which something can break, and whether the staging set has it, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_wire::{Check, CheckKind, Expect, Region};

use crate::members::Member;
use crate::model::{DefaultVpcs, Fleet, Nat};
use crate::place::{Flaw, Place};
use crate::reader::Reader;

/// Something that an account has of its own version of the file, and not every account has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A network in this Region.
    Region(Region),
    /// Private subnets that reach the internet in this way.
    Nat(Nat),
    /// A VPC that was there before.
    AdoptedVpc,
    /// Default VPCs that stay.
    DefaultVpcsKept,
    /// A connection to another account.
    ConnectsTo,
    /// A connection from another account.
    ConnectedFrom,
    /// Checks of this kind.
    Check(&'static str),
    /// Something that must not connect.
    Isolation,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(region) => write!(f, "a network in {region}"),
            Self::Nat(Nat::PerAz) => f.write_str("`nat: per-az`"),
            Self::Nat(Nat::Single) => f.write_str("`nat: single`"),
            Self::Nat(Nat::Regional) => f.write_str("`nat: regional`"),
            Self::Nat(Nat::None) => f.write_str("`nat: none`"),
            Self::AdoptedVpc => f.write_str("an adopted VPC"),
            Self::DefaultVpcsKept => f.write_str("`default_vpcs: keep`"),
            Self::ConnectsTo => f.write_str("a connection to another account"),
            Self::ConnectedFrom => f.write_str("a connection from another account"),
            Self::Check(kind) => write!(f, "a check by {kind}"),
            Self::Isolation => f.write_str("an isolation"),
        }
    }
}

impl Fleet {
    /// What accounts have and none of the staging set, which is the first of several waves, each with the name of an
    /// account that has it.
    pub fn unproven_by_staging(&self) -> BTreeMap<Feature, String> {
        let waves = self.waves().unwrap_or_default();
        let [(_, staging), _, ..] = waves.as_slice() else { return BTreeMap::new() };
        let proven: BTreeSet<Feature> = staging.iter().flat_map(|member| self.features_of(member)).collect();
        let mut unproven = BTreeMap::new();
        for member in self.members() {
            for feature in self.features_of(&member).difference(&proven) {
                unproven.entry(feature.clone()).or_insert_with(|| member.account_name.clone());
            }
        }
        unproven
    }

    fn features_of(&self, member: &Member) -> BTreeSet<Feature> {
        let mut features = BTreeSet::new();
        if let Some(environment) = self.environment(&member.environment) {
            features.insert(Feature::Nat(environment.nat));
            if environment.default_vpcs == DefaultVpcs::Keep {
                features.insert(Feature::DefaultVpcsKept);
            }
        }
        features.extend(member.adopt.as_ref().map(|_| Feature::AdoptedVpc));
        for link in self.links_of(member) {
            features.extend((!link.outbound.is_empty()).then_some(Feature::ConnectsTo));
            features.extend((!link.inbound.is_empty()).then_some(Feature::ConnectedFrom));
        }
        for region in &self.regions {
            if self.pool_for(&member.environment, &region.name).is_none() {
                continue;
            }
            features.insert(Feature::Region(region.name.clone()));
            features.extend(self.checks_for(member, &region.name).iter().filter_map(feature));
        }
        features
    }
}

/// `None` of what only a newer version knows.
fn feature(check: &Check) -> Option<Feature> {
    let kind = match &check.kind {
        _ if check.expect == Expect::Deny => return Some(Feature::Isolation),
        CheckKind::Tcp { .. } => "TCP",
        CheckKind::Tls { .. } => "TLS",
        CheckKind::Http { .. } => "HTTP",
        CheckKind::Dns { .. } => "DNS",
        CheckKind::Egress { .. } => "an echo service",
        CheckKind::Unknown => return None,
    };
    Some(Feature::Check(kind))
}

/// Warns of what a change could break in the fleet and not in the staging set.
pub(crate) fn warn_unproven(fleet: &Fleet, waves: &Place, reader: &mut Reader) {
    for (feature, account) in fleet.unproven_by_staging() {
        let flaw =
            Flaw::new(format!("no account of the first wave has {feature}: a change of that is not proven"));
        reader.warn(waves, flaw.hint(format!("add one that has it, such as `{account}`")));
    }
}
