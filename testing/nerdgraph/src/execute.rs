//! Executes a query: each field that it asks for has to be one of the schema's, each variable of its type, and each input
//! without a key that the schema does not have. Answered is what was asked for, by the names that the query gives it.

use graphql_parser::query::{Definition, Field, OperationDefinition, Selection, SelectionSet, parse_query};
use serde_json::{Map, Value, json};

use crate::refusal::{Refusal, refusal};
use crate::schema;
use crate::state::State;

type Set<'q> = SelectionSet<'q, String>;

/// The answer with `data`, and `errors` where there are any.
pub(crate) fn execute(state: &mut State, query: &str, variables: &Value) -> Value {
    match executed(state, query, variables) {
        Ok(data) => json!({ "data": data }),
        Err(Refusal { message, class }) => {
            json!({ "data": null, "errors": [{ "message": message, "extensions": { "errorClass": class } }] })
        }
    }
}

fn executed(state: &mut State, query: &str, variables: &Value) -> Result<Value, Refusal> {
    let invalid = |message: String| refusal(message, "GRAPHQL_VALIDATION_FAILED");
    let document = parse_query::<String>(query).map_err(|error| invalid(error.to_string()))?;
    let [Definition::Operation(operation)] = document.definitions.as_slice() else {
        return Err(invalid("one operation is expected".to_owned()));
    };
    let (root, declared, set): (&str, _, &Set<'_>) = match operation {
        OperationDefinition::Query(it) => ("Query", &it.variable_definitions, &it.selection_set),
        OperationDefinition::Mutation(it) => ("Mutation", &it.variable_definitions, &it.selection_set),
        _ => return Err(invalid("neither a query nor a mutation".to_owned())),
    };
    for it in declared {
        let (name, kind) = (&it.name, it.var_type.to_string());
        schema::takes(&kind, &variables[name]).map_err(|problem| invalid(format!("${name}: {problem}")))?;
    }
    let names: Vec<&str> = declared.iter().map(|it| it.name.as_str()).collect();
    let given = variables.as_object().into_iter().flatten().find(|(name, _)| !names.contains(&name.as_str()));
    if let Some((name, _)) = given {
        return Err(invalid(format!("${name} is not declared")));
    }
    select(&mut Execution { state, variables }, root, &json!({}), set)
}

/// What an execution works with.
pub(crate) struct Execution<'a> {
    pub(crate) state: &'a mut State,
    variables: &'a Value,
}

/// What of an object is asked for.
fn select(work: &mut Execution<'_>, of: &str, object: &Value, set: &Set<'_>) -> Result<Value, Refusal> {
    let mut selected = Map::new();
    for selection in &set.items {
        match selection {
            Selection::Field(field) => {
                let alias = field.alias.as_ref().unwrap_or(&field.name).clone();
                let value = resolve(work, of, object, field)?;
                selected.insert(alias, value);
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.type_condition.as_ref().map(ToString::to_string).unwrap_or_default();
                let concrete = condition.trim_start_matches("on ").to_owned();
                let part = select(work, &concrete, object, &fragment.selection_set)?;
                selected.extend(part.as_object().cloned().unwrap_or_default());
            }
            Selection::FragmentSpread(_) => {
                return Err(refusal("no named fragment is expected", "BAD_REQUEST"));
            }
        }
    }
    Ok(selected.into())
}

fn resolve(
    work: &mut Execution<'_>,
    of: &str,
    object: &Value,
    field: &Field<'_, String>,
) -> Result<Value, Refusal> {
    let unknown = || refusal(format!("{of} has no field {}", field.name), "GRAPHQL_VALIDATION_FAILED");
    let kind = schema::kind_of(of, &field.name).ok_or_else(unknown)?;
    let mut arguments = Map::new();
    for (name, value) in &field.arguments {
        if !schema::arguments(&field.name).contains(&name.as_str()) {
            let message = format!("{} takes no {name}", field.name);
            return Err(refusal(message, "GRAPHQL_VALIDATION_FAILED"));
        }
        arguments.insert(name.clone(), filled_in(value, work.variables));
    }
    let value = match schema::resolver(&field.name) {
        Some(resolver) => resolver(work.state, object, &arguments.into())?,
        None => object.get(&field.name).cloned().unwrap_or(Value::Null),
    };
    let is_scalar = field.selection_set.items.is_empty();
    if is_scalar != kind.is_empty() {
        return Err(refusal(format!("{} is asked for otherwise than it is", field.name), "BAD_REQUEST"));
    }
    match value {
        _ if is_scalar => Ok(value),
        Value::Array(items) => {
            let each = items.iter().map(|item| select(work, kind, item, &field.selection_set));
            Ok(Value::Array(each.collect::<Result<_, _>>()?))
        }
        Value::Null => Ok(Value::Null),
        object => select(work, kind, &object, &field.selection_set),
    }
}

fn filled_in(value: &graphql_parser::query::Value<'_, String>, variables: &Value) -> Value {
    use graphql_parser::query::Value as Written;
    match value {
        Written::Variable(name) => variables[name].clone(),
        Written::Boolean(it) => (*it).into(),
        Written::String(it) => it.clone().into(),
        Written::Int(it) => it.as_i64().into(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_the_schema_is_refused_and_nothing_is_done() {
        let make = "mutation($managedAccount: AccountManagementCreateInput!) { \
                    accountManagementCreateAccount(managedAccount: $managedAccount) { managedAccount { id } } }";
        let good = json!({ "managedAccount": { "name": "a" } });
        let cases = [
            (make, json!({})),
            (make, json!({ "managedAccount": { "name": "a", "region": "eu" } })),
            (make, json!({ "managedAccount": { "regionCode": "eu01" } })),
            (make, json!({ "managedAccount": { "name": 1 } })),
            (make, json!({ "managedAccount": { "name": "a" }, "more": 1 })),
            ("{ actor { organisation { name } } }", json!({})),
            ("{ actor }", json!({})),
            ("{ actor { account(number: 1) { cloud { linkedAccounts { id } } } } }", json!({})),
            ("query($keys: NoSuchInput!) { actor { apiAccess { key } } }", json!({ "keys": {} })),
            ("no query", json!({})),
        ];
        for (query, variables) in cases {
            let mut state = State::default();
            let answer = execute(&mut state, query, &variables);
            assert!(
                answer["data"].is_null() && answer["errors"][0]["message"].is_string(),
                "{query} {variables}"
            );
            assert_eq!(state.accounts, [], "{query} {variables}");
        }
        let mut state = State::default();
        let answer = execute(&mut state, make, &good);
        let made = &answer["data"]["accountManagementCreateAccount"]["managedAccount"];
        assert_eq!(
            *made,
            json!({ "id": state.accounts[0].id }),
            "{answer}: what was not asked for is not answered"
        );
    }
}
