use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

/// cfn-lint's copies of CloudFormation's resource schemas, where the project's tools are installed.
fn schemas() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let libraries = fs::read_dir(root.join(".venv/tools/lib")).ok()?;
    let found = libraries.flatten().map(|it| it.path().join("site-packages/cfnlint/data/schemas"));
    found.into_iter().find(|path| path.is_dir())
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The properties that a schema's paths begin with.
fn first(paths: &Value) -> BTreeSet<String> {
    let paths = paths.as_array().into_iter().flatten().filter_map(Value::as_str);
    paths.map(|path| path.split('/').nth(2).unwrap().to_owned()).collect()
}

/// What no schema says, and the documentation does.
const BY_THE_DOCUMENTATION: [(&str, &str); 4] = [
    ("AWS::KMS::Key", "KeySpec"),
    ("AWS::KMS::Key", "KeyUsage"),
    ("AWS::KMS::Key", "MultiRegion"),
    ("AWS::KMS::Key", "Origin"),
];

#[test]
fn what_replaces_a_resource_is_what_cloudformations_schemas_say() {
    let Some(schemas) = schemas() else {
        eprintln!(
            "left out: the schemas come with cfn-lint, which `cargo xtask ci` installs into .venv/tools"
        );
        return;
    };
    let files = json(&schemas.join("providers/us-east-1.json"));
    for kind in KINDS {
        let file = files[kind.name].as_str().unwrap_or_else(|| panic!("there is no {}", kind.name));
        let schema = json(&schemas.join(format!("resources/{file}.json")));
        let mut said = first(&schema["createOnlyProperties"]);
        let perhaps = first(&schema["conditionalCreateOnlyProperties"]);
        let documented = BY_THE_DOCUMENTATION.iter().filter(|(of, _)| *of == kind.name);
        said.extend(documented.map(|(_, property)| (*property).to_owned()));
        let known: BTreeSet<String> = kind.replacing.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(known, said, "{}", kind.name);
        let known_perhaps: BTreeSet<String> =
            kind.perhaps_replacing.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(known_perhaps, perhaps, "{}", kind.name);
        for (property, _) in kind.plain {
            assert!(schema["properties"].get(property).is_some(), "{} has no {property}", kind.name);
            let replaces = known.contains(*property) || known_perhaps.contains(*property);
            assert!(!replaces, "{}: {property} replaces", kind.name);
        }
    }
}

#[test]
fn what_no_pack_has_holds_data() {
    assert_eq!(holds("AWS::RDS::DBInstance"), Holds::Data);
    assert_eq!(holds("AWS::IAM::Role"), Holds::Identity);
}
