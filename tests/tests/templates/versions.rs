//! The versions of infra/member-role.yaml: what each allows is recorded in `tests/member-role`, and which one a call
//! needs follows from that, not from anybody's memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use phonehome_network::RemovalTarget;
use phonehome_planner::{
    FIRST_TEMPLATE, MEMBER_TEMPLATE, RERUN_TEMPLATE, removal_needs_template, sha256, template_mark,
};
use phonehome_releases::Release;
use phonehome_settings::SETTINGS_TEMPLATE;
use serde_json::{Map, Value, json};

use crate::asked::{Asked, actions, removals};
use crate::iam::{Request, allowed};
use crate::member::{GIVEN, member};
use crate::template::{ACCOUNT, Template, repository};

/// With this in the environment the rights of a version that is not recorded yet are recorded, and the table of needs.
const RECORDING: &str = "PHONEHOME_RECORD_TEMPLATE";
/// Everything allowed that can be: what an installation switches off is no matter of the version.
const ALL: [(&str, &str); 5] = [
    ("AllowRemoval", "true"),
    ("AllowAdoption", "true"),
    ("RemoveDefaultVpcs", "true"),
    ("StarterPack", "true"),
    ("AccountSettings", "true"),
];

/// SHA-256 of what is recorded of version 1: release 0.1.0 has recorded nothing of it itself.
const OF_THE_FIRST_RELEASE: &str = "779f106b1cb5563e316e73be0bbfd1b7bbe193bd9cf74e240834be5b7fbd1170";

fn folder() -> PathBuf {
    repository().join("tests/member-role")
}

/// What of a template says who may do what: its roles, and what they are worked out with.
fn rights(template: &Template) -> Value {
    let parameter = |(name, it): (&String, &Value)| {
        let lasting =
            ["Type", "Default"].iter().filter_map(|key| Some(((*key).to_owned(), it.get(*key)?.clone())));
        (name.clone(), Value::Object(lasting.collect()))
    };
    let parameters: Map<String, Value> = template.section("Parameters").map(parameter).collect();
    let conditions: Map<String, Value> =
        template.section("Conditions").map(|(name, it)| (name.clone(), it.clone())).collect();
    let roles = template.section("Resources").filter(|(_, it)| it["Type"] == "AWS::IAM::Role");
    let role = |(name, it): (&String, &Value)| {
        let said = &it["Properties"];
        let of = |key: &str| said.get(key).cloned().unwrap_or_default();
        let properties = json!({
            "RoleName": of("RoleName"),
            "AssumeRolePolicyDocument": of("AssumeRolePolicyDocument"),
            "ManagedPolicyArns": of("ManagedPolicyArns"),
            "PermissionsBoundary": of("PermissionsBoundary"),
            "Policies": of("Policies"),
        });
        (name.clone(), json!({"Type": it["Type"], "Properties": properties}))
    };
    let roles: Map<String, Value> = roles.map(role).collect();
    let managed = template.section("Resources").filter(|(_, it)| it["Type"] == "AWS::IAM::ManagedPolicy");
    let policy = |(name, it): (&String, &Value)| {
        let properties =
            json!({"Roles": it["Properties"]["Roles"], "PolicyDocument": it["Properties"]["PolicyDocument"]});
        let condition = it.get("Condition").cloned().unwrap_or_default();
        (name.clone(), json!({"Type": it["Type"], "Condition": condition, "Properties": properties}))
    };
    let resources: Map<String, Value> = roles.into_iter().chain(managed.map(policy)).collect();
    json!({"Parameters": parameters, "Conditions": conditions, "Resources": resources})
}

/// The recorded versions, by their numbers.
fn versions() -> Result<BTreeMap<u32, Template>> {
    let mut versions = BTreeMap::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
        let Ok(number) = stem.parse() else { continue };
        let raw = serde_json::from_str(&std::fs::read_to_string(&path)?);
        let raw: Value = raw.with_context(|| path.display().to_string())?;
        // An older version knows nothing of what came since.
        let known = |(name, _): &&(&str, &str)| raw["Parameters"].get(*name).is_some();
        let all: Vec<(&str, &str)> = GIVEN.iter().chain(&ALL).filter(known).copied().collect();
        versions.insert(number, Template::of(raw.clone(), &all)?);
    }
    ensure!(!versions.is_empty(), "no version is recorded");
    Ok(versions)
}

/// The statements of a role, by version.
fn statements(role: &str) -> Result<BTreeMap<u32, Vec<Value>>> {
    versions()?.into_iter().map(|(number, it)| Ok((number, it.statements(role)?))).collect()
}

/// The first version from which on all that IAM is asked is allowed; `None`: not even the last one's role may do it.
fn first_that_allows(statements: &BTreeMap<u32, Vec<Value>>, asked: &[Request]) -> Option<u32> {
    let may = |statements: &Vec<Value>| asked.iter().all(|request| allowed(statements, request));
    let denied = statements.iter().rev().find(|(_, it)| !may(it)).map_or(0, |(number, _)| *number);
    statements.keys().find(|number| **number > denied).copied()
}

/// Each call, by its operation, with the version that the table says.
fn calls() -> Vec<(Asked, u32)> {
    let actions = actions().into_iter().map(|action| (Asked::by(&action), action.needs_template()));
    let removed = |target: &RemovalTarget| (Asked::to_remove(target), removal_needs_template(target));
    let rerun = std::iter::once((Asked::to_rerun(), RERUN_TEMPLATE));
    let settings = Asked::to_tighten().into_iter().map(|asked| (asked, SETTINGS_TEMPLATE));
    actions.chain(removals().iter().map(removed)).chain(rerun).chain(settings).collect()
}

/// By operation, which versions its calls need: what `tests/judges` holds the recorded calls against.
fn needs() -> Value {
    let mut needs: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for (asked, needed) in calls() {
        needs.entry(asked.operation).or_default().insert(needed);
    }
    json!(needs)
}

fn keep(name: &str, value: &Value) -> Result<()> {
    if std::env::var_os(RECORDING).is_some() {
        std::fs::create_dir_all(folder())?;
        std::fs::write(folder().join(name), format!("{value:#}\n"))?;
    }
    Ok(())
}

#[test]
fn whoever_changes_a_right_in_the_template_raises_its_version() -> Result<()> {
    let (present, name) = (rights(&member(&[])?), format!("{MEMBER_TEMPLATE}.json"));
    let path = folder().join(&name);
    if !path.exists() {
        keep(&name, &present)?;
    }
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("{name} is not recorded: run this with {RECORDING}=1"))?;
    let recorded: Value = serde_json::from_str(&text)?;
    assert!(
        recorded == present,
        "the rights in infra/member-role.yaml are other than those of version {MEMBER_TEMPLATE}: raise \
         MEMBER_TEMPLATE (crates/planner/src/template.rs), add its mark to the statements TemplateVersion, run this \
         with {RECORDING}=1 and say in `needs_template` which calls need it (only while no release has the version may \
         its file be deleted and recorded anew)"
    );
    let numbers: Vec<u32> = versions()?.into_keys().collect();
    assert_eq!(
        numbers,
        (FIRST_TEMPLATE..=MEMBER_TEMPLATE).collect::<Vec<_>>(),
        "none is left out, none is to come"
    );
    Ok(())
}

#[test]
fn who_has_a_version_may_ask_for_its_mark_and_for_those_before_and_for_no_later_one() -> Result<()> {
    for role in ["MemberRole", "ViewerRole"] {
        for (number, statements) in statements(role)? {
            for mark in FIRST_TEMPLATE..=MEMBER_TEMPLATE + 1 {
                let name = template_mark(mark);
                let arn = format!("arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/{name}");
                let may = allowed(&statements, &Request::new("scheduler:GetSchedule", &arn));
                let is_marked = mark > FIRST_TEMPLATE && mark <= number;
                assert_eq!(may, is_marked, "{role} of version {number}: {name}");
                for change in
                    ["scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"]
                {
                    assert!(!allowed(&statements, &Request::new(change, &arn)), "{role}: {change} {name}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn each_call_needs_the_first_version_whose_role_allows_it() -> Result<()> {
    let statements = statements("MemberRole")?;
    for (asked, needed) in calls() {
        let first = first_that_allows(&statements, &asked.requests);
        assert_eq!(first, Some(needed), "{}: the policies say left, `needs_template` right", asked.what);
    }
    keep("needs.json", &needs())?;
    let recorded = std::fs::read_to_string(folder().join("needs.json"))?;
    assert_eq!(serde_json::from_str::<Value>(&recorded)?, needs(), "run this with {RECORDING}=1");
    Ok(())
}

#[test]
fn all_calls_that_change_something_are_in_the_table_of_needs() -> Result<()> {
    let called: BTreeSet<String> = calls().iter().map(|(asked, _)| asked.operation.to_owned()).collect();
    let is_read = |it: &String| {
        let verbs = ["Describe", "Get", "List"];
        it.split_once(':').is_some_and(|(_, op)| verbs.iter().any(|verb| op.starts_with(verb)))
    };
    let changes: BTreeSet<String> =
        crate::calls::called_in_members()?.into_iter().filter(|it| !is_read(it)).collect();
    let missing: Vec<_> = changes.difference(&called).collect();
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

/// What an account may have is what a release once brought it: that is recorded once and for all.
#[test]
fn no_version_of_a_template_is_recorded_otherwise_than_by_the_release_before() -> Result<()> {
    let digest = |number: u64| -> Result<String> {
        let text = std::fs::read_to_string(folder().join(format!("{number}.json")))?;
        Ok(sha256(&[text]))
    };
    let name = "names/member-template.json";
    let present = u64::from(MEMBER_TEMPLATE);
    phonehome_releases::keep(name, &json!({"version": present, "rights": digest(present)?}));
    assert_eq!(digest(1)?, OF_THE_FIRST_RELEASE);
    for release in Release::all() {
        let Some(recorded) = release.file(name) else { continue };
        let number = recorded["version"].as_u64().context("a number")?;
        assert_eq!(
            json!(digest(number)?),
            recorded["rights"],
            "version {number} of release {}",
            release.version
        );
    }
    Ok(())
}

/// The two halves of the evaluation that the others rest on.
#[test]
fn a_version_whose_role_denies_part_of_a_call_does_not_allow_it() {
    let statement = |actions: Value| vec![json!({"Effect": "Allow", "Action": actions, "Resource": "*"})];
    let one = || statement(json!(["ec2:CreateVpc"]));
    let both = || statement(json!(["ec2:CreateVpc", "ec2:CreateTags"]));
    let asked = ["ec2:CreateVpc", "ec2:CreateTags"].map(|it| Request::new(it, "arn"));
    for (versions, first) in [
        (vec![both(), both()], Some(1)),
        (vec![one(), both()], Some(2)),
        (vec![both(), one(), both()], Some(3)),
        (vec![both(), one()], None),
    ] {
        let statements: BTreeMap<u32, Vec<Value>> = (1..).zip(versions).collect();
        assert_eq!(first_that_allows(&statements, &asked), first, "{statements:?}");
    }
    let all = first_that_allows(&(1..).zip([one()]).collect(), &asked[..1]);
    assert_eq!(all, Some(1));
}
