//! Which settings an account is to have, when all layers of the file are put together.

use phonehome_wire::Region;
use serde::Serialize;

use crate::members::Member;
use crate::model::{AccountSettings, EbsEncryption, Fleet, Toggle};

/// The settings of one account, as declared. At least one of them is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeclaredSettings {
    /// Whether S3 blocks public access to all of its buckets.
    pub s3_block_public_access: bool,
    /// EBS encryption by default; `None`: it is not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_encryption: Option<EbsEncryption>,
    /// Whether new instances answer by IMDSv2 alone.
    pub imdsv2: bool,
}

impl DeclaredSettings {
    /// What is declared, as names and values for people.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let encryption = self.ebs_encryption.as_ref().map(|encryption| match &encryption.key {
            Some(key) => format!("on, with {key}"),
            None => "on".to_owned(),
        });
        let all = [
            ("S3 public access", self.s3_block_public_access.then(|| "blocked".to_owned())),
            ("EBS encryption by default", encryption),
            ("IMDSv2 by default", self.imdsv2.then(|| "required".to_owned())),
        ];
        all.into_iter().filter_map(|(what, value)| Some((what, value?))).collect()
    }
}

/// One layer over a wider one: what it says goes before.
fn over(own: Option<&AccountSettings>, wider: AccountSettings) -> AccountSettings {
    let Some(own) = own.cloned() else { return wider };
    AccountSettings {
        s3_block_public_access: own.s3_block_public_access.or(wider.s3_block_public_access),
        ebs_encryption: own.ebs_encryption.or(wider.ebs_encryption),
        imdsv2: own.imdsv2.or(wider.imdsv2),
    }
}

impl Fleet {
    /// Which settings an account of the file is to have; `None` where none is declared for it.
    #[must_use]
    pub fn account_settings_of(&self, member: &Member) -> Option<DeclaredSettings> {
        let (domain, environment) = (self.domain(&member.domain)?, self.environment(&member.environment)?);
        let whole = over(self.account_settings.as_ref(), AccountSettings::default());
        let whole = over(environment.account_settings.as_ref(), whole);
        let whole = over(domain.account_settings.as_ref(), whole);
        let settings = DeclaredSettings {
            s3_block_public_access: whole.s3_block_public_access.unwrap_or_default(),
            ebs_encryption: match whole.ebs_encryption {
                Some(Toggle::On(encryption)) => Some(encryption),
                Some(Toggle::Off) | None => None,
            },
            imdsv2: whole.imdsv2.unwrap_or_default(),
        };
        let is_any = settings.s3_block_public_access || settings.ebs_encryption.is_some() || settings.imdsv2;
        is_any.then_some(settings)
    }

    /// The Regions in which an account has a network, in the file's order.
    pub fn regions_of<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a Region> + 'a {
        let names = self.regions.iter().map(|it| &it.name);
        names.filter(|region| self.pool_for(&member.environment, region).is_some())
    }
}
