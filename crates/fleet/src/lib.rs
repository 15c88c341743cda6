//! The fleet file: the one file a platform team edits.
//!
//! [`check`] reads it, or says everything that is wrong with it in one go; [`parse`] does without
//! its warnings. A [`Fleet`] answers what the rest of phonehome asks: which accounts there are
//! ([`Fleet::members`], [`Fleet::identify`]), what each of them
//! tests ([`Fleet::checks_for`]) in how many [`Parts`], which others it is linked with ([`Fleet::links_of`]), where its
//! addresses come from ([`addresses`]) and who hears of its trouble ([`Fleet::route_for`]).
//!
//! Nothing here reads a file, a clock or the network.

pub mod addresses;
mod bytes;
mod changes;
mod characters;
mod checks;
mod cross;
mod diagnostics;
mod draft;
mod email;
mod emails;
mod features;
mod flow;
mod identity;
pub mod limits;
mod links;
mod loopback;
mod members;
mod mixed;
mod model;
mod names;
mod packs;
mod parts;
mod place;
mod properties;
mod reader;
mod rules;
mod sections;
mod settings;
mod spelling;
mod times;
mod waves;
mod yaml;

pub use bytes::decode;
pub use changes::{
    Becoming, Change, Changes, LineChanges, PropertyChanges, property_changes, setting_changes,
};
pub use checks::{Source, isolated};
pub use diagnostics::{Diagnostic, Diagnostics};
pub use email::{EmailPattern, EmailPatternError, EmailRule};
pub use emails::EmailProblem;
pub use features::Feature;
pub use identity::{
    Binding, Bindings, Finding, Identification, IdentifiedLine, Line, LineState, Orphan, RebindRefused,
    Rebinding, Roster, Stored, orphans,
};
pub use links::Link;
pub use loopback::Loopback;
pub use members::{Adoption, Member};
pub use mixed::Mixed;
pub use model::{
    AccessRole, AccountSettings, AccountTag, Accounts, AddressPool, AlertRoute, AlertSeverity, CheckType,
    Connection, ConnectionCheck, Contact, ContactType, Contacts, DefaultVpcs, DeployRole, Domain,
    DomainEnvironment, EbsEncryption, EgressAws, EgressEcho, EgressHost, EgressTarget, Environment, Exchange,
    ExpectedHeader, FORMAT_VERSION, Fleet, ForbiddenPair, ForwardTo, GatewayService, HttpUrl, Isolation,
    LogBucket, MachineUser, MetricStream, Nat, Network, Observability, ObservabilityDataCenter,
    ObservabilityVendor, OidcProvider, Organization, Pace, PlatformRoute, Probing, Region, Repository,
    Rollout, Scheme, StarterPack, StateBucket, SubjectForm, SupportPlan, TeamCheck, TeamCheckType, TimeOfDay,
    Toggle, TrustedRole, UnitPath, Vending, Wave, Weekday, Window, WindowMatch,
};
pub use packs::DeclaredPack;
pub use parts::{PARTS_MAX, Parts};
pub use properties::Properties;
pub use rules::az_prefix;
pub use settings::DeclaredSettings;
pub use spelling::nearest;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;

/// A fleet file that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it says.
    pub fleet: Fleet,
    /// What in it is allowed and hardly meant; often none.
    pub warnings: Diagnostics,
}

/// Reads a fleet file, without its warnings.
///
/// # Errors
/// As [`check`].
pub fn parse(text: &str) -> Result<Fleet, Diagnostics> {
    check(text).map(|checked| checked.fleet)
}

/// Reads a fleet file.
///
/// # Errors
/// Everything that is wrong with it. Only a file that is not YAML at all is reported up to the
/// first such error, for what follows cannot be distinguished. So is one that is larger than
/// [`limits::FILE_BYTES_MAX`].
pub fn check(text: &str) -> Result<Checked, Diagnostics> {
    check_with(text, Loopback::Refused)
}

/// [`check`], in a place where targets may be listeners on this machine.
///
/// # Errors
/// As [`check`].
pub fn check_with(text: &str, loopback: Loopback) -> Result<Checked, Diagnostics> {
    if let Some(problem) = bytes::too_large(text.len()) {
        return Err(Diagnostics::errors(vec![problem], ""));
    }
    read_with(text, reader::Reader::new(loopback, reader::Binding::All))
}

/// Reads a fleet file that was published, by whatever release. Rules without which it has a clear meaning
/// are for those who publish: what breaks one of them is only a warning here, so that an upgrade, which may
/// bring new rules, changes nothing of what is in force.
///
/// # Errors
/// What has no clear meaning, or one that this release does not know.
pub fn read(text: &str) -> Result<Checked, Diagnostics> {
    read_with(text, reader::Reader::new(Loopback::Allowed, reader::Binding::Meaning))
}

fn read_with(text: &str, mut reader: reader::Reader) -> Result<Checked, Diagnostics> {
    // Editors on Windows put it there; it would count as a column.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = yaml::load(text).map_err(|problems| Diagnostics::errors(problems, text))?;
    let draft = sections::draft(&reader::Cursor::root(&root), &mut reader);
    if let Some(draft) = &draft {
        cross::check(draft, &root, &mut reader);
        reader.resolve_references();
    }
    reader.explain_invisible(&root, text);
    let rollout = draft.as_ref().and_then(|draft| draft.rollout.as_ref()).map(|(place, _)| place.clone());
    match draft.and_then(draft::Draft::into_fleet) {
        Some(fleet) if reader.problems.is_empty() => {
            if let Some(place) = rollout.filter(|_| reader.is_strict()) {
                features::warn_unproven(&fleet, &place.below(&root, ".waves[0]"), &mut reader);
            }
            Ok(Checked { fleet, warnings: Diagnostics::warnings(reader.warnings, text) })
        }
        _ => Err(Diagnostics::errors(reader.problems, text)),
    }
}

/// The JSON Schema of the fleet file (draft 7, which editors understand best), as it stands in
/// `docs/fleet.schema.json`.
///
/// It knows shapes; what concerns several values, such as names and overlaps, only [`parse`] does.
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft07().with_transform(RecursiveTransform(for_editors));
    settings.into_generator().into_root_schema_for::<Fleet>().to_value()
}

/// Takes away what serves Rust only: line breaks of source code and formats such as `uint16`.
fn for_editors(schema: &mut Schema) {
    schema.remove("format");
    if let Some(serde_json::Value::String(description)) = schema.get_mut("description") {
        let paragraphs: Vec<String> =
            description.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *description = paragraphs.join("\n\n");
    }
}
