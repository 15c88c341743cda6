//! What another template would do to a stack, resource by resource.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::kinds::{self, Holds, holds, kind};
use crate::plain::is_plain;

/// What becomes of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name in the template; of what is no resource the section's.
    pub logical_id: String,
    /// Its kind, `AWS::S3::Bucket`; empty of what is no resource.
    pub kind: String,
    /// What happens to it.
    pub class: Class,
}

/// What happens to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "class", rename_all = "kebab-case")]
pub enum Class {
    /// It is made.
    Add,
    /// It is changed and stays the same one, and it holds no data.
    InPlace {
        /// What changes.
        properties: Vec<String>,
    },
    /// It is changed and stays the same one, and it holds data.
    InPlaceOfData {
        /// What changes.
        properties: Vec<String>,
        /// What of it may touch the data. None: it is a plain change.
        touching: Vec<String>,
    },
    /// Another one takes its place, or may, or AWS refuses the change.
    Replacement {
        /// Because of what.
        properties: Vec<String>,
        /// Whether it is certain; otherwise AWS knows when it does it.
        certain: bool,
    },
    /// It leaves the template.
    Removal {
        /// Whether it stays in the account, as nobody's any more; otherwise it is deleted.
        left_behind: bool,
    },
    /// It would no longer be kept when it leaves the template, is replaced, or the stack goes.
    Unprotected {
        /// Which policies say so.
        properties: Vec<String>,
    },
    /// What it does is not known here.
    Unclear,
}

/// Sections of a template that change no resource.
const HARMLESS: [&str; 4] = ["AWSTemplateFormatVersion", "Description", "Metadata", "Resources"];
/// Attributes of a resource beside its kind and its properties that change nothing of it.
const ATTRIBUTES: [&str; 2] = ["DependsOn", "Metadata"];
/// Attributes that say what becomes of it.
const PROTECTING: [&str; 2] = ["DeletionPolicy", "UpdateReplacePolicy"];

/// What `wanted` would do to a stack that has the template `deployed`, in the order of the names. `Null` is the template
/// of a stack that is not there. Templates are JSON; of anything else this says that it is unclear.
#[must_use]
pub fn compare(deployed: &Value, wanted: &Value) -> Vec<Change> {
    let (Some(old), Some(new)) = (resources(deployed), resources(wanted)) else {
        return vec![unclear("Resources")];
    };
    let mut changes = BTreeMap::new();
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for id in ids {
        let (before, after) = (old.get(id), new.get(id));
        if let Some(class) = class(before, after) {
            let kind = after.or(before).and_then(|it| it["Type"].as_str()).unwrap_or_default().to_owned();
            changes.insert(id.clone(), Change { logical_id: id.clone(), kind, class });
        }
    }
    replaced_with_what_they_name(&old, &new, &mut changes);
    let mut changes: Vec<Change> = changes.into_values().collect();
    changes.extend(sections(deployed, wanted));
    changes
}

fn unclear(section: &str) -> Change {
    Change { logical_id: section.to_owned(), kind: String::new(), class: Class::Unclear }
}

/// `None` where it is no template in JSON.
pub(crate) fn resources(template: &Value) -> Option<Map<String, Value>> {
    match template {
        Value::Null => Some(Map::new()),
        Value::Object(sections) => match sections.get("Resources") {
            None => Some(Map::new()),
            Some(Value::Object(resources)) => Some(resources.clone()),
            Some(_) => None,
        },
        _ => None,
    }
}

fn class(deployed: Option<&Value>, wanted: Option<&Value>) -> Option<Class> {
    match (deployed, wanted) {
        (Some(deployed), Some(wanted)) => changed(deployed, wanted),
        (None, Some(_)) => Some(Class::Add),
        (Some(deployed), None) => Some(Class::Removal { left_behind: is_kept(&deployed["DeletionPolicy"]) }),
        (None, None) => None,
    }
}

fn is_kept(policy: &Value) -> bool {
    matches!(policy.as_str(), Some("Retain" | "RetainExceptOnCreate"))
}

fn changed(deployed: &Value, wanted: &Value) -> Option<Class> {
    if deployed == wanted {
        return None;
    }
    if deployed["Type"] != wanted["Type"] {
        return Some(Class::Replacement { properties: vec!["Type".to_owned()], certain: true });
    }
    let of = deployed["Type"].as_str().unwrap_or_default();
    let properties = differing(&deployed["Properties"], &wanted["Properties"]);
    let replacing: Vec<String> =
        properties.iter().filter(|property| may_replace(of, property)).cloned().collect();
    if !replacing.is_empty() {
        let certain = replacing.iter().any(|property| replaces(of, property));
        return Some(Class::Replacement { properties: replacing, certain });
    }
    let attributes = differing(deployed, wanted);
    let weaker = |name: &&String| {
        PROTECTING.contains(&name.as_str())
            && is_kept(&deployed[name.as_str()])
            && !is_kept(&wanted[name.as_str()])
    };
    let unprotected: Vec<String> = attributes.iter().filter(weaker).cloned().collect();
    if !unprotected.is_empty() {
        return Some(Class::Unprotected { properties: unprotected });
    }
    let known = |name: &String| {
        name == "Properties" || ATTRIBUTES.contains(&name.as_str()) || PROTECTING.contains(&name.as_str())
    };
    if !attributes.iter().all(known) {
        return Some(Class::Unclear);
    }
    let own = attributes.into_iter().filter(|name| name != "Properties");
    let all: Vec<String> = properties.iter().cloned().chain(own).collect();
    if holds(of) != Holds::Data {
        return Some(Class::InPlace { properties: all });
    }
    let touching = |name: &&String| !is_plain_of(of, name, deployed, wanted);
    let touching = properties.iter().filter(touching).cloned().collect();
    Some(Class::InPlaceOfData { properties: all, touching })
}

/// Of a kind that is not known, every property may.
fn may_replace(of: &str, property: &str) -> bool {
    replaces(of, property) || kind(of).is_none_or(|kind| kind.perhaps_replacing.contains(&property))
}

/// Whether a change of a property makes another resource for certain.
fn replaces(of: &str, property: &str) -> bool {
    kind(of).is_some_and(|kind| kind.replacing.contains(&property))
}

fn is_plain_of(of: &str, property: &str, deployed: &Value, wanted: &Value) -> bool {
    let rule = kind(of).and_then(|kind: &kinds::Kind| kind.plain.iter().find(|(name, _)| *name == property));
    let value = |resource: &'_ Value| resource["Properties"].get(property).cloned();
    rule.is_some_and(|(_, rule)| is_plain(*rule, value(deployed).as_ref(), value(wanted).as_ref()))
}

/// The names of what is not the same in two maps.
fn differing(deployed: &Value, wanted: &Value) -> Vec<String> {
    let keys = |of: &Value| -> BTreeSet<String> {
        of.as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect()
    };
    let all = &keys(deployed) | &keys(wanted);
    all.into_iter().filter(|name| deployed.get(name) != wanted.get(name)).collect()
}

/// What names a resource that is replaced, in a property by which it would be another one, is replaced with it.
fn replaced_with_what_they_name(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    changes: &mut BTreeMap<String, Change>,
) {
    let is_replaced = |changes: &BTreeMap<String, Change>, id: &str| {
        changes.get(id).is_some_and(|change| matches!(change.class, Class::Replacement { .. }))
    };
    loop {
        let follows = |(id, resource): (&String, &Value)| -> Option<Change> {
            if is_replaced(changes, id) || !old.contains_key(id) {
                return None;
            }
            let kind = resource["Type"].as_str().unwrap_or_default();
            let entries = resource["Properties"].as_object().into_iter().flatten();
            let names_one = |value: &Value| named_in(value).iter().any(|named| is_replaced(changes, named));
            let properties: Vec<String> = entries
                .filter(|(name, value)| may_replace(kind, name) && names_one(value))
                .map(|(name, _)| name.clone())
                .collect();
            let certain = properties.iter().any(|property| replaces(kind, property));
            let class = Class::Replacement { properties: properties.clone(), certain };
            (!properties.is_empty()).then(|| Change { logical_id: id.clone(), kind: kind.to_owned(), class })
        };
        let more: Vec<Change> = new.iter().filter_map(follows).collect();
        if more.is_empty() {
            return;
        }
        changes.extend(more.into_iter().map(|change| (change.logical_id.clone(), change)));
    }
}

/// The resources that a value names, by `Ref`, `Fn::GetAtt` and `Fn::Sub`.
pub(crate) fn named_in(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Array(items) => items.iter().for_each(|item| found.extend(named_in(item))),
        Value::Object(entries) => {
            for (name, value) in entries {
                let first = |text: &str| text.split('.').next().unwrap_or_default().to_owned();
                match (name.as_str(), value) {
                    ("Ref", Value::String(id)) => found.extend([id.clone()]),
                    ("Fn::GetAtt", Value::String(path)) => found.extend([first(path)]),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        found.extend(path.first().and_then(Value::as_str).map(first))
                    }
                    ("Fn::Sub", Value::String(text)) => found.extend(
                        text.split("${")
                            .skip(1)
                            .map(|rest| first(rest.split('}').next().unwrap_or_default())),
                    ),
                    _ => found.extend(named_in(value)),
                }
            }
        }
        _ => {}
    }
    found
}

fn sections(deployed: &Value, wanted: &Value) -> Vec<Change> {
    let differing = differing(deployed, wanted).into_iter().filter(|name| !HARMLESS.contains(&name.as_str()));
    let change = |name: String| {
        if name != "Outputs" {
            return unclear(&name);
        }
        let properties = self::differing(&deployed["Outputs"], &wanted["Outputs"]);
        Change { logical_id: name, kind: String::new(), class: Class::InPlace { properties } }
    };
    differing.map(change).collect()
}
