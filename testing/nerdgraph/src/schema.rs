//! The schema, as far as it is used: which fields a type has, which arguments a field takes, and what an input may hold.

use serde_json::{Value, json};

use crate::refusal::{Refusal, refusal};
use crate::state::{Account, Key, Linked, State};

/// Types with their fields; a field with the type that it is of, or none.
const TYPES: [(&str, &[(&str, &str)]); 17] = [
    ("Query", &[("actor", "Actor")]),
    ("Actor", &[("organization", "Organization"), ("apiAccess", "ApiAccess"), ("account", "Account")]),
    ("Organization", &[("accountManagement", "AccountManagement")]),
    ("AccountManagement", &[("managedAccounts", "ManagedAccount")]),
    ("ManagedAccount", &[("id", ""), ("name", ""), ("regionCode", ""), ("isCanceled", "")]),
    ("Account", &[("cloud", "Cloud")]),
    ("Cloud", &[("linkedAccounts", "LinkedAccount")]),
    (
        "LinkedAccount",
        &[
            ("id", ""),
            ("name", ""),
            ("authLabel", ""),
            ("externalId", ""),
            ("metricCollectionMode", ""),
            ("nrAccountId", ""),
        ],
    ),
    ("ApiAccess", &[("keySearch", "KeySearchResult")]),
    ("KeySearchResult", &[("count", ""), ("keys", "Key"), ("nextCursor", "")]),
    ("Key", &[("id", ""), ("name", ""), ("key", "")]),
    (
        "Mutation",
        &[
            ("accountManagementCreateAccount", "CreateResponse"),
            ("apiAccessCreateKeys", "CreateKeyResponse"),
            ("apiAccessDeleteKeys", "DeleteKeyResponse"),
            ("cloudLinkAccount", "LinkPayload"),
        ],
    ),
    ("CreateResponse", &[("managedAccount", "ManagedAccount")]),
    ("CreateKeyResponse", &[("createdKeys", "Key"), ("errors", "KeyError")]),
    ("DeleteKeyResponse", &[("deletedKeys", "Key"), ("errors", "KeyError")]),
    // An interface: what is of a kind of key alone is asked for in a fragment.
    ("KeyError", &[("message", ""), ("type", "")]),
    ("LinkPayload", &[("linkedAccounts", "LinkedAccount"), ("errors", "KeyError")]),
];

/// What is asked for in fragments.
const INGEST_KEY_ERROR: &str = "ApiAccessIngestKeyError";

/// The type that a field is of, empty where it is a scalar; `None`: there is no such field.
pub(crate) fn kind_of(of: &str, field: &str) -> Option<&'static str> {
    if of == INGEST_KEY_ERROR {
        return (field == "errorType").then_some("");
    }
    let fields = TYPES.iter().find(|(name, _)| *name == of)?.1;
    fields.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

pub(crate) fn arguments(field: &str) -> &'static [&'static str] {
    match field {
        "account" => &["id"],
        "managedAccounts" => &["isCanceled"],
        "keySearch" => &["query", "cursor"],
        "accountManagementCreateAccount" => &["managedAccount"],
        "apiAccessCreateKeys" | "apiAccessDeleteKeys" => &["keys"],
        "cloudLinkAccount" => &["accountId", "accounts"],
        _ => &[],
    }
}

/// Whether a value is of an input type, by its name with `!` where it must be there.
pub(crate) fn takes(kind: &str, value: &Value) -> Result<(), String> {
    let (name, is_required) = (kind.trim_end_matches('!'), kind.ends_with('!'));
    if value.is_null() {
        return if is_required { Err(format!("a {name} is required")) } else { Ok(()) };
    }
    let fields: &[(&str, &str)] = match name {
        "Int" => return value.is_i64().then_some(()).ok_or_else(|| "no Int".to_owned()),
        "String" | "ID" => return value.is_string().then_some(()).ok_or_else(|| format!("no {name}")),
        "LICENSE or BROWSER" => return one_of(value, &["LICENSE", "BROWSER"]),
        "INGEST or USER" => return one_of(value, &["INGEST", "USER"]),
        "PULL or PUSH" => return one_of(value, &["PULL", "PUSH"]),
        "AccountManagementCreateInput" => &[("name", "String!"), ("regionCode", "String")],
        "ApiAccessKeySearchQuery" => &[("scope", "Scope"), ("types", "[INGEST or USER!]!")],
        "Scope" => &[("accountIds", "[Int!]"), ("ingestTypes", "[LICENSE or BROWSER!]")],
        "ApiAccessCreateInput" => &[("ingest", "[IngestKey!]")],
        "IngestKey" => &[
            ("accountId", "Int!"),
            ("ingestType", "LICENSE or BROWSER!"),
            ("name", "String"),
            ("notes", "String"),
        ],
        "ApiAccessDeleteInput" => &[("ingestKeyIds", "[ID!]")],
        "CloudLinkCloudAccountsInput" => &[("aws", "[Aws!]")],
        "Aws" => &[("arn", "String!"), ("name", "String!"), ("metricCollectionMode", "PULL or PUSH")],
        list => {
            let item = list.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            let item = item.ok_or_else(|| format!("there is no type {list}"))?;
            let items = value.as_array().ok_or("no list")?;
            return items.iter().try_for_each(|it| takes(item, it));
        }
    };
    let object = value.as_object().ok_or_else(|| format!("no {name}"))?;
    if let Some(key) = object.keys().find(|key| !fields.iter().any(|(field, _)| field == key)) {
        return Err(format!("{name} has no {key}"));
    }
    fields.iter().try_for_each(|(field, kind)| takes(kind, &value[*field]))
}

fn one_of(value: &Value, allowed: &[&str]) -> Result<(), String> {
    let is_one = value.as_str().is_some_and(|it| allowed.contains(&it));
    if is_one { Ok(()) } else { Err(format!("{value} is none of {allowed:?}")) }
}

pub(crate) type Resolver = fn(&mut State, &Value, &Value) -> Result<Value, Refusal>;

/// What makes a field's value, where it is no part of the object that it is of.
pub(crate) fn resolver(field: &str) -> Option<Resolver> {
    match field {
        "actor" | "organization" | "accountManagement" | "apiAccess" => Some(|_, _, _| Ok(json!({}))),
        "account" => Some(account),
        "cloud" => Some(|_, of, _| Ok(of.clone())),
        "managedAccounts" => Some(managed_accounts),
        "keySearch" => Some(key_search),
        "accountManagementCreateAccount" => Some(create_account),
        "apiAccessCreateKeys" => Some(create_keys),
        "apiAccessDeleteKeys" => Some(delete_keys),
        "cloudLinkAccount" => Some(link_account),
        _ => None,
    }
}

fn account(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let is_it = |it: &&Account| given["id"] == it.id && !it.is_canceled;
    let found = state.accounts.iter().find(is_it).ok_or_else(|| refusal("Account not found", "NOT_FOUND"))?;
    let linked = state.linked.iter().zip(1..).filter(|(it, _)| it.account == found.id);
    Ok(json!({ "linkedAccounts": linked.map(|(it, id)| linked_account(it, id)).collect::<Vec<_>>() }))
}

fn linked_account(it: &Linked, id: i32) -> Value {
    let external_id = it.role_arn.split(':').nth(4).unwrap_or_default();
    json!({
        "id": id, "name": it.name, "authLabel": it.role_arn, "externalId": external_id,
        "metricCollectionMode": it.mode, "nrAccountId": it.account,
    })
}

fn managed_account(it: &Account) -> Value {
    json!({ "id": it.id, "name": it.name, "regionCode": it.region_code, "isCanceled": it.is_canceled })
}

fn managed_accounts(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let is_canceled = given["isCanceled"].as_bool().unwrap_or_default();
    let found = state.accounts.iter().filter(|it| it.is_canceled == is_canceled);
    Ok(found.map(managed_account).collect())
}

fn key_search(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let accounts = given["query"]["scope"]["accountIds"].as_array().cloned().unwrap_or_default();
    let found: Vec<_> = state.keys.iter().filter(|key| accounts.contains(&key.account.into())).collect();
    let from = given["cursor"].as_str().and_then(|at| at.parse().ok()).unwrap_or(0_usize);
    let page = if state.page == 0 { found.len().max(1) } else { state.page };
    let next_cursor = (from + page < found.len()).then(|| (from + page).to_string());
    let keys: Vec<Value> = found.iter().skip(from).take(page).map(|key| shown(key)).collect();
    Ok(json!({ "count": found.len(), "keys": keys, "nextCursor": next_cursor }))
}

fn shown(key: &Key) -> Value {
    json!({ "id": key.id, "name": key.name, "key": key.value })
}

fn create_account(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let new = &given["managedAccount"];
    let region_code = new["regionCode"].as_str().unwrap_or("us01");
    if !["us01", "eu01"].contains(&region_code) {
        return Err(refusal("invalid region code", "INVALID_INPUT"));
    }
    let id = state.make_account(new["name"].as_str().unwrap_or_default(), region_code);
    let made = state.accounts.iter().find(|it| it.id == id).map(managed_account);
    Ok(json!({ "managedAccount": made }))
}

fn key_error(message: &str, error_type: &str) -> Value {
    json!({ "message": message, "type": "INGEST", "errorType": error_type })
}

fn items(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

fn create_keys(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let (mut created, mut errors) = (vec![], vec![]);
    for it in items(&given["keys"]["ingest"]) {
        let account = state.accounts.iter().map(|account| account.id).find(|id| it["accountId"] == *id);
        match account {
            _ if state.forbids_keys => errors.push(key_error("not allowed", "FORBIDDEN")),
            None => errors.push(key_error("no such account", "INVALID")),
            Some(account) => {
                created.push(shown(&state.make_key(account, it["name"].as_str().unwrap_or_default())));
            }
        }
    }
    Ok(json!({ "createdKeys": created, "errors": errors }))
}

fn delete_keys(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let (mut deleted, mut errors) = (vec![], vec![]);
    for id in items(&given["keys"]["ingestKeyIds"]) {
        let before = state.keys.len();
        state.keys.retain(|key| id != key.id.as_str());
        match state.keys.len() < before {
            true => deleted.push(json!({ "id": id })),
            false => errors.push(key_error("no such key", "NOT_FOUND")),
        }
    }
    Ok(json!({ "deletedKeys": deleted, "errors": errors }))
}

fn link_account(state: &mut State, _: &Value, given: &Value) -> Result<Value, Refusal> {
    let (mut linked, mut errors) = (vec![], vec![]);
    let account = given["accountId"].as_i64().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
    for it in items(&given["accounts"]["aws"]) {
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let (name, role_arn) = (text("name"), text("arn"));
        let mode = it["metricCollectionMode"].as_str().unwrap_or("PULL").to_owned();
        // New Relic's own Terraform links one role in both modes, by two names.
        let problem = match &state.linked {
            linked if linked.iter().any(|it| (&it.role_arn, &it.mode) == (&role_arn, &mode)) => {
                Some("the ARN is linked already")
            }
            linked if linked.iter().any(|it| (it.account, &it.name) == (account, &name)) => {
                Some("the name is taken")
            }
            _ => None,
        };
        if let Some(message) = problem {
            errors.push(json!({ "message": message, "type": "ERR_INVALID_DATA" }));
            continue;
        }
        state.linked.push(Linked { account, name, role_arn, mode });
        let id = i32::try_from(state.linked.len()).unwrap_or(i32::MAX);
        linked.extend(state.linked.last().map(|it| linked_account(it, id)));
    }
    Ok(json!({ "linkedAccounts": linked, "errors": errors }))
}
