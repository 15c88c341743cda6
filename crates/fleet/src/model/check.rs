//! How something is tested, and what is expected of it.

use phonehome_wire::{HttpMethod, RecordType, StatusRange};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// How a connection is tested.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("allOf" = of_connections()))]
pub struct ConnectionCheck {
    /// A host name or IPv4 address that answers on the connection's ports. `{environment}` stands
    /// for the environment of the account it belongs to, the target, `{region}` for the Region
    /// under test.
    pub host: String,
    /// How far a test goes.
    #[serde(rename = "type")]
    #[schemars(default)]
    pub check_type: CheckType,
    /// What is said once a connection is established, and what is expected of the answer.
    #[serde(flatten)]
    pub exchange: Exchange,
    /// How often, how long and how persistently it is tested.
    #[serde(flatten)]
    pub pace: Pace,
}

/// How far a test of a connection goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckType {
    /// A TCP connection is established.
    #[default]
    Tcp,
    /// And a TLS handshake succeeds, with a valid certificate for the host.
    Tls,
    /// A TCP connection is established, and an HTTP request is answered as expected.
    Http,
    /// A TLS handshake succeeds, with a valid certificate for the host, and an HTTP request is
    /// answered as expected.
    Https,
}

/// A check of a team's own, beside the connections. No network is made for it: it is only tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("allOf" = of_team_checks()))]
pub struct TeamCheck {
    /// Its name: small letters, digits and hyphens, at most 40 characters. Unique within the domain; its
    /// id is `check/<name>`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"), length(max = 40))]
    pub name: String,
    /// The domain from whose accounts it is tested.
    pub from: String,
    /// From which environments. By default from every one that the domain has.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// How far a test goes.
    #[serde(rename = "type")]
    #[schemars(default)]
    pub check_type: TeamCheckType,
    /// A host name or IPv4 address; with `type: dns` the name to look up. `{environment}` stands for
    /// the environment of the account that tests, `{region}` for the Region under test.
    pub host: String,
    /// The TCP port; none with `type: dns`.
    #[schemars(with = "u16", default, range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What is said once a connection is established, and what is expected of the answer.
    #[serde(flatten)]
    pub exchange: Exchange,
    /// With `type: dns`: which records there must be. By default addresses, of either family.
    #[schemars(with = "RecordType", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordType>,
    /// With `type: dns`: records that there must be, as they are written in a zone file (`10
    /// mail.example.com`); any will do by default. `{environment}` and `{region}` are filled in
    /// where a record holds a name.
    #[schemars(default, length(min = 1, max = 10), inner(length(min = 1, max = 255)))]
    #[schemars(extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
    /// With `type: dns`: `address` or `address:port` of the one nameserver to ask. By default the
    /// VPC's resolver.
    #[schemars(with = "String", default, regex(pattern = r"^[0-9A-Fa-f.:\[\]]+$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nameserver: Option<String>,
    /// How often, how long and how persistently it is tested.
    #[serde(flatten)]
    pub pace: Pace,
}

/// How far a check of a team's own goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TeamCheckType {
    /// A TCP connection is established.
    #[default]
    Tcp,
    /// And a TLS handshake succeeds, with a valid certificate for the host.
    Tls,
    /// A TCP connection is established, and an HTTP request is answered as expected.
    Http,
    /// A TLS handshake succeeds, with a valid certificate for the host, and an HTTP request is
    /// answered as expected.
    Https,
    /// The name has records.
    Dns,
}

impl TeamCheckType {
    /// How far it goes over a connection; a lookup makes none.
    pub fn connects(self) -> Option<CheckType> {
        match self {
            Self::Tcp => Some(CheckType::Tcp),
            Self::Tls => Some(CheckType::Tls),
            Self::Http => Some(CheckType::Http),
            Self::Https => Some(CheckType::Https),
            Self::Dns => None,
        }
    }
}

impl From<CheckType> for TeamCheckType {
    fn from(check_type: CheckType) -> Self {
        match check_type {
            CheckType::Tcp => Self::Tcp,
            CheckType::Tls => Self::Tls,
            CheckType::Http => Self::Http,
            CheckType::Https => Self::Https,
        }
    }
}

/// What is said once a connection is established, and what is expected of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Exchange {
    /// With `type: tls`: the name that the certificate must carry. By default the host. The same
    /// placeholders as in the host.
    #[schemars(with = "String", default, length(max = 253))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// With `type: http` and `https`: the path, and perhaps a query, at most 200 characters. By default
    /// `/`. The same placeholders as in the host.
    #[schemars(with = "String", default, length(max = 200), regex(pattern = PATH))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// With `type: http` and `https`: the request's method.
    #[schemars(default)]
    #[serde(skip_serializing_if = "is_get")]
    pub method: HttpMethod,
    /// With `type: http` and `https`: the status codes that are right: one (204), a class (2xx), a range
    /// (200-399), or a list of at most 10 of these. By default 200. Redirects are not followed.
    #[schemars(schema_with = "statuses", default)]
    #[serde(serialize_with = "as_written", skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<StatusRange>,
    /// With `type: http` and `https`: a header that the answer must have.
    #[schemars(with = "ExpectedHeader", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<ExpectedHeader>,
    /// With `type: http` and `https`: a text that the answer's body must contain, within its first 64 KiB.
    /// At most 200 characters.
    #[schemars(with = "String", default, length(min = 1, max = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A path and a query (RFC 3986), with the placeholders that a host has.
const PATH: &str = r"^/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}|\{environment\}|\{region\})*$";

/// A header that an HTTP answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ExpectedHeader {
    /// Its name, in any case, at most 64 characters.
    #[schemars(length(max = 64), regex(pattern = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"))]
    pub name: String,
    /// A text that its value must contain, at most 200 characters. By default any value will do.
    #[schemars(with = "String", default, length(min = 1, max = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// How often, how long and how persistently something is tested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pace {
    /// How long one test may take, in milliseconds. By default as under `probing`.
    #[schemars(with = "u32", default, range(min = 100, max = 10000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// How often an address that fails is tried in one run, each time in another way. By default 3.
    #[schemars(with = "u32", default, range(min = 1, max = 3))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Every how many minutes it is tested. By default each minute.
    #[schemars(with = "u32", default, range(min = 1, max = 60))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_get(method: &HttpMethod) -> bool {
    *method == HttpMethod::Get
}

/// A code as a number, anything else as a range.
fn as_written<S: Serializer>(statuses: &[StatusRange], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(statuses.len()))?;
    for StatusRange { from, to } in statuses {
        if from == to {
            list.serialize_element(from)?;
        } else {
            list.serialize_element(&format!("{from}-{to}"))?;
        }
    }
    list.end()
}

fn statuses(_: &mut SchemaGenerator) -> Schema {
    let one = [
        json!({ "type": "integer", "minimum": 100, "maximum": 599 }),
        json!({ "type": "string", "pattern": "^([1-5]xx|[1-5][0-9]{2}-[1-5][0-9]{2})$" }),
    ];
    let list = json!({
        "type": "array", "items": { "anyOf": one }, "minItems": 1, "maxItems": 10, "uniqueItems": true,
    });
    json_schema!({ "anyOf": [one[0], one[1], list] })
}

/// The rules of a schema that keep a key to the types that it is for.
fn of_connections() -> Value {
    let only = |types: &[&str], keys: &[&str]| {
        let none: serde_json::Map<String, Value> =
            keys.iter().map(|key| ((*key).to_owned(), Value::Bool(false))).collect();
        json!({ "if": is_type(types), "else": { "properties": none } })
    };
    json!([only(&["tls"], &["server_name"]), only(&["http", "https"], &HTTP_KEYS)])
}

/// As [`of_connections`], and a port wherever there is one.
fn of_team_checks() -> Value {
    let mut rules = of_connections();
    if let Some(rules) = rules.as_array_mut() {
        rules.push(json!({
            "if": is_type(&["dns"]),
            "then": { "properties": { "port": false } },
            "else": {
                "properties": { "record": false, "expected": false, "nameserver": false },
                "required": ["port"],
            },
        }));
    }
    rules
}

const HTTP_KEYS: [&str; 5] = ["path", "method", "status", "header", "body"];

fn is_type(types: &[&str]) -> Value {
    json!({ "properties": { "type": { "enum": types } }, "required": ["type"] })
}
