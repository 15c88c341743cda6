//! What people are to know of an account's set-up at the vendor, and what they can do.

use std::fmt;

use phonehome_wire::{AccountId, Region};

use crate::api::VendorText;
use crate::id::{IngestKeyId, VendorAccountId};

/// The key of the fleet file by which people choose an account.
const CHOOSE: &str = "observability_account";

/// What is wrong, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The fleet file declares it, and the hub has no key for the vendor.
    NoVendor,
    /// The hub's key for the vendor cannot be read.
    Unopened {
        /// Why.
        said: String,
    },
    /// There are accounts of its name, and phonehome asked for none.
    NameTaken {
        /// The name.
        name: String,
        /// Those that are not cancelled.
        ids: Vec<VendorAccountId>,
    },
    /// There are accounts of its name, and all of them are cancelled.
    NameCanceled {
        /// The name.
        name: String,
        /// The cancelled ones.
        ids: Vec<VendorAccountId>,
    },
    /// An account was asked for, and there are several that it may be.
    Ambiguous {
        /// The name.
        name: String,
        /// All of them.
        ids: Vec<VendorAccountId>,
    },
    /// An account was asked for several times, no answer came, and no list shows it.
    NeverSeen {
        /// The name.
        name: String,
        /// How often.
        times: u32,
    },
    /// The account that people chose is not in the organization.
    NoSuchAccount {
        /// The account.
        id: VendorAccountId,
    },
    /// The account is cancelled.
    Canceled {
        /// The account.
        id: VendorAccountId,
    },
    /// The account that this one is bound to is not in the organization any more.
    Gone {
        /// The account.
        id: VendorAccountId,
    },
    /// The account is another AWS account's.
    HeldByOther {
        /// The account at the vendor.
        id: VendorAccountId,
        /// The AWS account.
        holder: AccountId,
    },
    /// The secret is not there, though the stack made it.
    SecretMissing {
        /// The Region.
        region: Region,
        /// The secret's name.
        secret: String,
    },
    /// The secret holds what phonehome did not put there.
    ForeignSecret {
        /// The Region.
        region: Region,
        /// The secret's name.
        secret: String,
    },
    /// Somebody deleted the key that the secret handed out: another one took its place.
    KeyGone {
        /// The Region.
        region: Region,
        /// The key.
        key: IngestKeyId,
    },
    /// The vendor's account is linked to the AWS account by another role.
    LinkedOtherwise {
        /// What that link is called.
        name: String,
        /// Its role.
        role_arn: String,
    },
    /// A call may not be made.
    Denied {
        /// The operation.
        operation: String,
        /// What was said.
        said: String,
    },
    /// A call is not taken.
    Rejected {
        /// The operation.
        operation: String,
        /// What was said.
        said: String,
    },
}

/// Ids one after the other: `1, 2`.
struct Ids<'a>(&'a [VendorAccountId]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, id) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            id.fmt(f)?;
        }
        Ok(())
    }
}

/// A problem, as people are told of it.
struct Told<'a>(&'a Problem, &'a VendorText);

impl Problem {
    /// For people, with what they call the vendor.
    pub fn told<'a>(&'a self, vendor: &'a VendorText) -> impl fmt::Display + 'a {
        Told(self, vendor)
    }
}

fn no_key(VendorText { name, parameter, .. }: &VendorText) -> String {
    format!(
        "the fleet file declares it, and the hub has no key for {name}: deploy infra/hub.yaml with the ARN of the secret that \
         holds one ({parameter}), or take `observability` out of the fleet file"
    )
}

fn rights(VendorText { name, right, .. }: &VendorText) -> String {
    format!("A call of {name}'s needs {right}; one of AWS's a member role with `StarterPack=true`")
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(problem, text @ VendorText { name: vendor, .. }) = self;
        match problem {
            Problem::NoVendor => f.write_str(&no_key(text)),
            Problem::Unopened { said } => write!(f, "the hub's key for {vendor} cannot be read: {said}"),
            Problem::NameTaken { name, ids } => write!(
                f,
                "there is an account {name} that phonehome did not ask for ({}): none is made. If it is this one's, say so at \
                 the domain's environment (`{CHOOSE}`); otherwise rename it in {vendor}",
                Ids(ids)
            ),
            Problem::NameCanceled { name, ids } => write!(
                f,
                "the account {name} was cancelled ({}), and phonehome makes no second one of a name by itself. Have {vendor} \
                 bring it back, or make one by hand, and name it at the domain's environment (`{CHOOSE}`)",
                Ids(ids)
            ),
            Problem::Ambiguous { name, ids } => write!(
                f,
                "there are several accounts {name} ({}), and which of them phonehome made is not known: none is taken. Name the \
                 right one at the domain's environment (`{CHOOSE}`), and cancel the others in {vendor}",
                Ids(ids)
            ),
            Problem::NeverSeen { name, times } => write!(
                f,
                "the account {name} was asked for {times} times, {vendor} said nothing that can be used, and it is in no list: \
                 it is not asked for again. Look for it in {vendor}, make it by hand if it is not there, and name it at the \
                 domain's environment (`{CHOOSE}`)"
            ),
            Problem::NoSuchAccount { id } => {
                write!(f, "the account {id} (`{CHOOSE}`) is not in the organization that the hub's key is of")
            }
            Problem::Canceled { id } => write!(
                f,
                "its account {id} is cancelled: it takes no data. Have {vendor} bring it back, or name another one at the \
                 domain's environment (`{CHOOSE}`)"
            ),
            Problem::Gone { id } => write!(
                f,
                "its account {id} is in no list of the organization, and none is made in its place: name another one at the \
                 domain's environment (`{CHOOSE}`), or see whether the hub's key is of another organization"
            ),
            Problem::HeldByOther { id, holder } => write!(
                f,
                "the account {id} is the one of the AWS account {holder}: nothing is bound. Name another one at the domain's \
                 environment (`{CHOOSE}`)"
            ),
            Problem::SecretMissing { region, secret } => write!(
                f,
                "the secret {secret} in {region} is gone, though the stack of the starter pack made it: have the stack make it \
                 again (detect-stack-drift shows it)"
            ),
            Problem::ForeignSecret { region, secret } => write!(
                f,
                "the secret {secret} in {region} holds what phonehome did not put there: it is left alone, and so are its keys. \
                 Put the version before back (update-secret-version-stage)"
            ),
            Problem::KeyGone { region, key } => write!(
                f,
                "somebody deleted the ingest key {key} of {region}: another one took its place, to be read from the secret again"
            ),
            Problem::LinkedOtherwise { name, role_arn } => write!(
                f,
                "the AWS account is linked already, as {name} by the role {role_arn}: no second link is made, for each one costs. \
                 Unlink that one in {vendor}, or leave it"
            ),
            Problem::Denied { operation, said } => {
                write!(f, "{operation} is denied: {said}. {}", rights(text))
            }
            Problem::Rejected { operation, said } => write!(f, "{operation} is not taken: {said}"),
        }
    }
}
