//! What a deployment over an older one replaces: a resource whose logical id, type or name is another is made
//! anew, and a table, a queue or a role goes with all that is in it or hangs on it.

use anyhow::Result;
use phonehome_releases::{Release, keep, problems};
use serde_json::{Map, Value, json};

use crate::template::load;

const TEMPLATES: [&str; 5] = ["hub", "management", "member-role", "operator", "watcher"];
/// Those that the release before did not have.
const NEW: [&str; 1] = ["watcher"];
/// Attributes that CloudFormation cannot change without making the resource anew.
const LASTING: [&str; 10] = [
    "BucketName",
    "EventBusName",
    "FunctionName",
    "KeySchema",
    "LogGroupName",
    "Name",
    "QueueName",
    "RoleName",
    "TableName",
    "TopicName",
];

/// The resources of a template, each with what lasts of it; and the names of its parameters.
fn lasting(name: &str) -> Result<Value> {
    let template = load(name, &[])?;
    let mut resources = Map::new();
    for (id, resource) in template.section("Resources") {
        let mut lasting = Map::from_iter([("Type".to_owned(), resource["Type"].clone())]);
        let properties = LASTING.iter().filter_map(|key| Some((*key, resource["Properties"].get(key)?)));
        lasting.extend(properties.map(|(key, value)| (key.to_owned(), value.clone())));
        lasting.extend(resource.get("DeletionPolicy").map(|it| ("DeletionPolicy".to_owned(), it.clone())));
        resources.insert(id.clone(), Value::Object(lasting));
    }
    let parameters: Map<String, Value> =
        template.section("Parameters").map(|(name, it)| (name.clone(), it["Type"].clone())).collect();
    Ok(json!({"resources": resources, "parameters": parameters}))
}

#[test]
fn no_resource_of_the_release_before_is_made_anew_or_removed() -> Result<()> {
    for name in TEMPLATES {
        let (path, present) = (format!("names/infra-{name}.json"), lasting(name)?);
        keep(&path, &present);
        let Some(recorded) = Release::before().file(&path) else {
            assert!(NEW.contains(&name), "{path} was not recorded");
            continue;
        };
        assert!(recorded["resources"].is_object(), "{path}");
        let found = problems(&recorded, &present);
        assert!(found.is_empty(), "infra/{name}.yaml:\n{}", found.join("\n"));
    }
    Ok(())
}
