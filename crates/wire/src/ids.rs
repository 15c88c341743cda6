//! The names that AWS gives to what phonehome stands in: accounts, Regions and Availability Zones.
//!
//! A value of these types has the shape of such a name, wherever it came from: nothing else becomes a part
//! of a key, an ARN or a request. Serialized they are the plain text.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name of a Region or Availability Zone, in characters; the longest known of AWS's have 18.
pub const NAME_CHARS_MAX: usize = 32;
/// The longest part of a wrong text that is told, in characters: it may be anybody's.
const TOLD_CHARS_MAX: usize = 40;

/// A text that is not what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: {shape}")]
pub struct InvalidId {
    /// The text, or its beginning.
    text: String,
    /// What it should be.
    kind: &'static str,
    /// What that looks like.
    shape: &'static str,
}

impl InvalidId {
    fn new(text: &str, kind: &'static str, shape: &'static str) -> Self {
        let mut told: String = text.chars().take(TOLD_CHARS_MAX).collect();
        if told.len() < text.len() {
            told.push('…');
        }
        Self { text: told, kind, shape }
    }
}

/// Reads an id from its text, without a copy in between.
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err = InvalidId>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// A text of one shape, its only field, which nothing changes once it is checked. Its copies share it: ids are copied
/// into keys all the time.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $shape:literal, $is_valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if $is_valid(&text) { Ok(Self(text.into())) } else { Err(InvalidId::new(&text, $kind, $shape)) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if $is_valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId::new(text, $kind, $shape))
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                (*id.0).to_owned()
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        /// It compares, orders and hashes as its text does.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        /// As its text: a message that quotes it stays the same.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                *self.0 == **other
            }
        }

        impl PartialEq<$name> for str {
            fn eq(&self, other: &$name) -> bool {
                *self == *other.0
            }
        }

        impl PartialEq<$name> for &str {
            fn eq(&self, other: &$name) -> bool {
                **self == *other.0
            }
        }

        impl PartialEq<$name> for String {
            fn eq(&self, other: &$name) -> bool {
                **self == *other.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                String::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    };
}

id!(
    /// The id of an AWS account: exactly 12 ASCII digits, leading zeros among them.
    AccountId,
    "account id",
    "one has 12 digits, as in 111122223333",
    is_account_id
);
id!(
    /// The name of an AWS Region, as in `us-east-1`: 2 to 4 lower-case letters, one or more further words
    /// of them, and a number of at most two digits, joined by `-`; at most [`NAME_CHARS_MAX`] characters.
    /// Which Regions there are it does not know.
    Region,
    "AWS Region",
    "one is written as in us-east-1",
    is_region
);
id!(
    /// The ID of an Availability Zone, as in `use1-az1`, which means the same zone in every account (the
    /// name `us-east-1a` does not): words of lower-case letters and digits joined by `-`, the last of them
    /// `az` (or a Wavelength Zone's `wlz`) with a number; at most [`NAME_CHARS_MAX`] characters. Local and
    /// Wavelength Zones have IDs too: a subnet found in an account may stand in one.
    AzId,
    "ID of an Availability Zone",
    "one is written as in use1-az1",
    is_az_id
);

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let [first, middle @ .., last] = parts.as_slice() else { return false };
    text.len() <= NAME_CHARS_MAX
        && (2..=4).contains(&first.len())
        && !middle.is_empty()
        && is_word(first)
        && middle.iter().all(is_word)
        && last.len() <= 2
        && is_number(last)
}

fn is_az_id(text: &str) -> bool {
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let Some((place, zone)) = text.rsplit_once('-') else { return false };
    text.len() <= NAME_CHARS_MAX
        && place.split('-').all(is_word)
        && zone.strip_prefix("az").or_else(|| zone.strip_prefix("wlz")).is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An account in a Region, where phonehome keeps one network at most. Its text, `account/Region`, is the
/// sort key of what is stored of it; accounts sort first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
}

impl StackId {
    /// The account's stack in the Region.
    #[must_use]
    pub fn new(account: &AccountId, region: &Region) -> Self {
        Self { account: account.clone(), region: region.clone() }
    }
}

/// `111122223333/us-east-1`.
impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

impl FromStr for StackId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new(text, "account in a Region", "one is 111122223333/us-east-1");
        let (account, region) = text.split_once('/').ok_or_else(invalid)?;
        Ok(Self { account: account.parse()?, region: region.parse()? })
    }
}

impl Serialize for StackId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StackId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
