//! What one account is to have in one Region.

use phonehome_fleet::{DeclaredPack, Fleet, Member};
use phonehome_wire::{AccountId, Region, partition};
use serde_json::{Map, Value, json};

use crate::called::provider_arn;
use crate::observability::VendorAccount;
use crate::{buckets, observability, roles, users};

/// The name of the stack, the same in each account and Region.
pub const STACK_NAME: &str = "phonehome-starter-pack";

/// Bytes of a template that CloudFormation takes in a request
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const TEMPLATE_BYTES_MAX: usize = 51_200;

/// The first account and Region whose template has more than [`TEMPLATE_BYTES_MAX`], with how many it has.
#[must_use]
pub fn oversized(fleet: &Fleet) -> Option<(Member, Region, usize)> {
    let members = fleet.members().into_iter();
    let pairs =
        members.flat_map(|member| fleet.regions.iter().map(move |region| (member.clone(), &region.name)));
    let sized = pairs.filter_map(|(member, region)| {
        let bytes = Pack::of(fleet, &member, region)?.body().len();
        Some((member, region.clone(), bytes))
    });
    sized.into_iter().find(|(.., bytes)| *bytes > TEMPLATE_BYTES_MAX)
}

/// The starter pack of an account in a Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    pub(crate) declared: DeclaredPack,
    pub(crate) region: Region,
    pub(crate) vendor_account: VendorAccount,
}

impl Pack {
    /// What an account of the fleet file is to have in a Region. `None` where nothing is declared for it, where it has no
    /// network, and where only roles are declared and the Region is not its home Region.
    #[must_use]
    pub fn of(fleet: &Fleet, member: &Member, region: &Region) -> Option<Self> {
        fleet.pool_for(&member.environment, region)?;
        let (declared, vendor_account) = (fleet.starter_pack_of(member)?, VendorAccount::Planned);
        let pack = Self { declared, region: region.clone(), vendor_account };
        (!pack.resources().is_empty()).then_some(pack)
    }

    /// Whether it is the one with the account's roles. It is to be there before those of other Regions, whose buckets name
    /// a role of it.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.declared.home_region == self.region
    }

    /// The ARN of the identity provider in `account` that its deploy roles need and that is the team's own: it is in no
    /// stack. `None` where there is none.
    #[must_use]
    pub fn referred_provider(&self, account: &AccountId) -> Option<String> {
        let refers = self.is_home() && roles::refers_to_provider(&self.declared);
        refers.then(|| provider_arn(partition(&self.region), account))
    }

    /// Whether CloudFormation asks for `CAPABILITY_NAMED_IAM`.
    #[must_use]
    pub fn needs_named_iam(&self) -> bool {
        self.resources()
            .values()
            .any(|resource| resource["Type"] == "AWS::IAM::Role" || resource["Type"] == "AWS::IAM::User")
    }

    /// The template. The same declaration makes the same one, whichever account it is for.
    #[must_use]
    pub fn template(&self) -> Value {
        let mut template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "phonehome: key, buckets, roles and users that the fleet file declares for this account",
            "Resources": self.resources(),
        });
        if self.declared.key {
            template["Outputs"] = json!({ "KeyArn": { "Value": { "Fn::GetAtt": ["Key", "Arn"] } } });
        }
        template
    }

    /// The template as CloudFormation takes it, in at most [`TEMPLATE_BYTES_MAX`] unless [`oversized`] names it.
    #[must_use]
    pub fn body(&self) -> String {
        self.template().to_string()
    }

    fn resources(&self) -> Map<String, Value> {
        let mut resources = buckets::resources(&self.declared, &self.region);
        if self.is_home() {
            resources.extend(roles::resources(&self.declared));
            resources.extend(users::resources(&self.declared.machine_users));
            resources.extend(observability::resources(&self.declared, self.vendor_account));
        }
        resources
    }
}
