//! A CloudFormation template with its intrinsic functions worked out, as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The account that every template is worked out in.
pub(crate) const ACCOUNT: &str = "333333333333";
/// The Region that every template is worked out in.
pub(crate) const REGION: &str = "us-east-1";

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder in the repository").to_owned()
}

/// A template as CloudFormation would see it with these parameters. What refers to a resource becomes
/// `<Name>` or `<Name.Attribute>`, but a named role's ARN is worked out.
pub(crate) struct Template {
    raw: Value,
    parameters: BTreeMap<String, String>,
}

/// Reads `infra/NAME.yaml`; parameters that are not given have their defaults.
pub(crate) fn load(name: &str, given: &[(&str, &str)]) -> Result<Template> {
    let path = repository().join("infra").join(format!("{name}.yaml"));
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Template::parse(&text, given).with_context(|| path.display().to_string())
}

impl Template {
    pub(crate) fn parse(text: &str, given: &[(&str, &str)]) -> Result<Self> {
        let documents = Yaml::load_from_str(text)?;
        Self::of(to_json(documents.first().context("no document")?)?, given)
    }

    /// From what was read before.
    pub(crate) fn of(raw: Value, given: &[(&str, &str)]) -> Result<Self> {
        let mut parameters = BTreeMap::from([
            ("AWS::AccountId".to_owned(), ACCOUNT.to_owned()),
            ("AWS::Region".to_owned(), REGION.to_owned()),
            ("AWS::Partition".to_owned(), "aws".to_owned()),
        ]);
        for (name, parameter) in raw["Parameters"].as_object().into_iter().flatten() {
            if let Some(default) = scalar(&parameter["Default"]) {
                parameters.insert(name.clone(), default);
            }
        }
        for (name, value) in given {
            ensure!(raw["Parameters"].get(name).is_some(), "there is no parameter {name}");
            parameters.insert((*name).to_owned(), (*value).to_owned());
        }
        Ok(Self { raw, parameters })
    }

    /// The logical ids of the resources of a type that are made with these parameters.
    pub(crate) fn of_type(&self, kind: &str) -> Result<Vec<String>> {
        let resources = self.raw["Resources"].as_object().context("no resources")?;
        let mut found = Vec::new();
        for (name, resource) in resources {
            let made = resource["Condition"].as_str().map_or(Ok(true), |condition| self.holds(condition))?;
            if made && resource["Type"] == kind {
                found.push(name.clone());
            }
        }
        Ok(found)
    }

    /// The entries of a section as they stand in the file: its resources, its parameters.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.raw[name].as_object().into_iter().flatten()
    }

    /// The properties of a resource.
    pub(crate) fn properties(&self, name: &str) -> Result<Value> {
        let properties = self.raw["Resources"][name].get("Properties");
        let properties = properties.with_context(|| format!("no resource {name} with properties"))?;
        Ok(self.resolve(properties)?.unwrap_or(Value::Null))
    }

    /// The same where there may be none.
    pub(crate) fn attribute(&self, name: &str, attribute: &str) -> Option<&Value> {
        self.raw["Resources"][name].get(attribute)
    }

    /// All statements of a role's policies: of its own, and of the template's managed ones that name it.
    pub(crate) fn statements(&self, role: &str) -> Result<Vec<Value>> {
        let mut statements = self.own_statements(role)?;
        for name in self.of_type("AWS::IAM::ManagedPolicy")? {
            let policy = self.properties(&name)?;
            if list(&policy["Roles"]).contains(&format!("<{role}>")) {
                statements
                    .extend(policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten().cloned());
            }
        }
        Ok(statements)
    }

    fn own_statements(&self, role: &str) -> Result<Vec<Value>> {
        let properties = self.properties(role)?;
        let policies =
            properties["Policies"].as_array().with_context(|| format!("{role} has no policies"))?;
        let statements = policies.iter().filter_map(|it| it["PolicyDocument"]["Statement"].as_array());
        Ok(statements.flatten().cloned().collect())
    }

    fn holds(&self, condition: &str) -> Result<bool> {
        let condition = &self.raw["Conditions"][condition];
        let Some(Value::Bool(holds)) = self.resolve(condition)? else { bail!("no condition: {condition}") };
        Ok(holds)
    }

    /// `None` is `AWS::NoValue`: what has it, is left out.
    fn resolve(&self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Array(items) => {
                let items: Result<Vec<_>> = items.iter().map(|item| self.resolve(item)).collect();
                Ok(Some(items?.into_iter().flatten().collect()))
            }
            Value::Object(map) => match map.iter().next() {
                Some((name, argument)) if name.starts_with('!') => self.function(name, argument),
                _ => {
                    let mut resolved = Map::new();
                    for (key, value) in map {
                        if let Some(value) = self.resolve(value)? {
                            resolved.insert(key.clone(), value);
                        }
                    }
                    Ok(Some(Value::Object(resolved)))
                }
            },
            other => Ok(Some(other.clone())),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Option<Value>> {
        let pair = |function: &str| -> Result<[Value; 2]> {
            let resolved = self.resolve(argument)?.unwrap_or(Value::Null);
            let [a, b] = resolved.as_array().map_or(&[][..], Vec::as_slice) else {
                bail!("{function} takes two: {argument}")
            };
            Ok([a.clone(), b.clone()])
        };
        Ok(Some(match name {
            "!Ref" if argument == "AWS::NoValue" => return Ok(None),
            "!Ref" => self.named(argument.as_str().context("!Ref of what?")?),
            "!GetAtt" => self.attribute_of(argument.as_str().context("!GetAtt of what?")?)?,
            "!Sub" => json!(self.substituted(argument.as_str().context("!Sub of what?")?)?),
            "!If" => {
                let [condition, yes, no] = argument.as_array().map_or(&[][..], Vec::as_slice) else {
                    bail!("!If takes three: {argument}")
                };
                let holds = self.holds(condition.as_str().context("!If what?")?)?;
                return self.resolve(if holds { yes } else { no });
            }
            "!Equals" => {
                let [a, b] = pair(name)?;
                json!(scalar(&a) == scalar(&b))
            }
            "!Not" => match self.resolve(argument)? {
                Some(Value::Array(items)) if items.len() == 1 => json!(items[0] != json!(true)),
                other => bail!("!Not of {other:?}"),
            },
            "!Condition" => json!(self.holds(argument.as_str().context("!Condition which?")?)?),
            "!And" => {
                let all = self.resolve(argument)?.unwrap_or(Value::Null);
                let all = all.as_array().context("!And of what?")?;
                json!(all.iter().all(|it| *it == json!(true)))
            }
            "!Join" => {
                let [by, parts] = pair(name)?;
                let parts = parts.as_array().context("!Join of what?")?;
                let parts: Vec<&str> = parts.iter().map(|it| it.as_str().unwrap_or_default()).collect();
                json!(parts.join(by.as_str().unwrap_or_default()))
            }
            "!Select" => {
                let [place, of] = pair(name)?;
                let place =
                    scalar(&place).and_then(|it| it.parse::<usize>().ok()).context("!Select which?")?;
                of.get(place).cloned().context("!Select of what?")?
            }
            "!Split" => {
                let [by, text] = pair(name)?;
                let (by, text) = (by.as_str().unwrap_or_default(), text.as_str().unwrap_or_default());
                json!(text.split(by).collect::<Vec<_>>())
            }
            other => bail!("{other} is not known here"),
        }))
    }

    fn named(&self, name: &str) -> Value {
        let list = self.raw["Parameters"][name]["Type"] == "CommaDelimitedList";
        match self.parameters.get(name) {
            Some(value) if list => json!(value.split(',').collect::<Vec<_>>()),
            Some(value) => json!(value),
            None => json!(format!("<{name}>")),
        }
    }

    fn attribute_of(&self, path: &str) -> Result<Value> {
        let role =
            path.strip_suffix(".Arn").filter(|name| self.raw["Resources"][name]["Type"] == "AWS::IAM::Role");
        let role_name = role.map(|name| self.resolve(&self.raw["Resources"][name]["Properties"]["RoleName"]));
        Ok(match role_name.transpose()?.flatten() {
            Some(Value::String(name)) => json!(format!("arn:aws:iam::{ACCOUNT}:role/{name}")),
            _ => json!(format!("<{path}>")),
        })
    }

    fn substituted(&self, text: &str) -> Result<String> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').with_context(|| format!("unclosed in {text}"))?;
            match name.strip_prefix('!') {
                // For IAM, which substitutes it when it evaluates.
                Some(variable) => result.push_str(&format!("${{{variable}}}")),
                None if name.contains('.') => {
                    result.push_str(self.attribute_of(name)?.as_str().unwrap_or_default());
                }
                None => result.push_str(self.named(name).as_str().unwrap_or_default()),
            }
            result.push_str(rest);
        }
        Ok(result)
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A tag becomes the only key of a map: `{"!Ref": "Table"}`.
fn to_json(node: &Yaml) -> Result<Value> {
    Ok(match node {
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Sequence(items) => items.iter().map(to_json).collect::<Result<_>>()?,
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = scalar(&to_json(key)?).context("a key that is no text")?;
                map.insert(key, to_json(value)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tag, node) => json!({ (format!("!{}", tag.suffix)): to_json(node)? }),
        other => bail!("{other:?} is not known here"),
    })
}

/// A value that may stand alone or be a list.
pub(crate) fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect(),
    }
}
