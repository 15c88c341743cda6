//! An account as AWS shows it to the SDK.

use std::sync::{Arc, Mutex, MutexGuard};

use phonehome_network::Kind;
use phonehome_planner::{StackSpec, ZoneSpec};
use phonehome_wire::{Check, CheckId, CheckKind, Expect, Purpose, Target};
use serde_json::{Map, Value, json};

use super::super::super::test_cloud::{TestCloud, spec};
use crate::{AwsStack, ProbeCode};

/// The functions and schedules, the probes' own last in every list.
#[derive(Default)]
pub(super) struct Probes {
    foreign: usize,
    pub(super) functions: Map<String, Value>,
    pub(super) schedules: Map<String, Value>,
    pub(super) retries: i32,
    pub(super) lists_denied: bool,
    pub(super) lists_broken: bool,
    pub(super) functions_denied: bool,
}

const NOT_FOUND: (&str, &str) =
    ("404 Not Found", r#"{"__type": "ResourceNotFoundException", "Message": "m"}"#);
const DENIED: (&str, &str) = ("403 Forbidden", r#"{"__type": "AccessDeniedException", "Message": "m"}"#);
const BROKEN: (&str, &str) = ("400 Bad Request", r#"{"__type": "ValidationException", "Message": "m"}"#);
const BUS: &str = "arn:aws:events:us-east-1:123456789012:event-bus/phonehome";

impl Probes {
    /// Somebody changes the first function: it gets another revision.
    pub(super) fn set_function(&mut self, key: &str, value: Value) {
        if let Some((_, function)) = self.functions.iter_mut().next() {
            function[key] = value;
            function["RevisionId"] = json!("another");
        }
    }

    /// Somebody changes the first schedule: it gets another date.
    pub(super) fn set_schedule(&mut self, key: &str, value: Value) {
        if let Some((_, schedule)) = self.schedules.iter_mut().next() {
            schedule[key] = value;
            schedule["LastModificationDate"] = json!(1_700_000_001.5);
        }
    }

    pub(super) fn set_target(&mut self, key: &str, value: Value) {
        let mut target = self.schedules.values().next().map(|it| it["Target"].clone()).unwrap_or_default();
        target[key] = value;
        self.set_schedule("Target", target);
    }

    fn answer(&self, request: &str) -> (&'static str, String) {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let found = match parts[..] {
            [_, "functions"] | ["schedules"] if self.lists_denied => Err(DENIED),
            [_, "functions"] | ["schedules"] if self.lists_broken => Err(BROKEN),
            [_, "functions", ..] if self.functions_denied => Err(DENIED),
            [_, "functions"] => Ok(self.page(query)),
            [_, "functions", name, "configuration"] => self.functions.get(name).cloned().ok_or(NOT_FOUND),
            [_, "functions", _, "event-invoke-config"] => Ok(json!({
                "MaximumRetryAttempts": self.retries,
                "DestinationConfig": {"OnSuccess": {"Destination": BUS}, "OnFailure": {"Destination": BUS}},
            })),
            ["schedules"] => Ok(self.summaries(query)),
            ["schedules", name] => self.schedules.get(name).cloned().ok_or(NOT_FOUND),
            _ => panic!("{request}"),
        };
        match found {
            Ok(found) => ("200 OK", found.to_string()),
            Err((status, body)) => (status, body.to_owned()),
        }
    }

    /// The first 50 functions, without what no list says.
    fn page(&self, query: &str) -> Value {
        assert_eq!(query, "MaxItems=50");
        let foreign =
            (0..self.foreign).map(|it| json!({"FunctionName": format!("a-{it}"), "RevisionId": "1"}));
        let ours = self.functions.values().cloned().map(|mut it| {
            for key in ["State", "LastUpdateStatus"] {
                it.as_object_mut().unwrap().remove(key);
            }
            it
        });
        let all: Vec<Value> = foreign.chain(ours).collect();
        let next = (all.len() > 50).then_some("next");
        json!({"Functions": all.iter().take(50).collect::<Vec<_>>(), "NextMarker": next})
    }

    fn summaries(&self, query: &str) -> Value {
        for part in ["ScheduleGroup=default", "NamePrefix=phonehome-probe-", "MaxResults=100"] {
            assert!(query.contains(part), "{query}");
        }
        let summary = |(name, it): (&String, &Value)| {
            let target = json!({"Arn": it["Target"]["Arn"]});
            let at = &it["LastModificationDate"];
            json!({"Name": name, "State": it["State"], "LastModificationDate": at, "Target": target})
        };
        json!({"Schedules": self.schedules.iter().map(summary).collect::<Vec<_>>()})
    }
}

/// The account, and how it is declared.
pub(super) struct Account {
    pub(super) cloud: TestCloud,
    probes: Arc<Mutex<Probes>>,
    spec: StackSpec,
}

impl Account {
    /// With so many zones, parts of each zone's checks, and functions of others.
    pub(super) async fn new(zones: usize, parts: usize, foreign: usize) -> Self {
        let spec = declared(zones, parts);
        let mut probes = Probes { foreign, ..Probes::default() };
        for zone in &spec.zones {
            let name = StackSpec::probe_name(&zone.az_id);
            probes.functions.insert(name.clone(), function(&name));
            for part in 0..spec.probe.as_ref().unwrap().parts().count() {
                let input = json!({"version": 1, "generation": 4, "region": "us-east-1", "availability_zone": zone.az_id, "part": part, "checks": []});
                let name = StackSpec::schedule_name(&zone.az_id, part);
                probes.schedules.insert(name, schedule(&spec.probe_arn(&zone.az_id), &input));
            }
        }
        let probes = Arc::new(Mutex::new(probes));
        Self { cloud: cloud(probes.clone(), String::new()).await, probes, spec }
    }

    pub(super) async fn with_nat_gateway(self, state: &str) -> Self {
        let nat = format!(
            "<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><vpcId>vpc-1</vpcId>
             <subnetId>subnet-1</subnetId><state>{state}</state><natGatewayAddressSet><item>
             <allocationId>eipalloc-1</allocationId><publicIp>203.0.113.7</publicIp></item></natGatewayAddressSet>
             <tagSet><item><key>phonehome:managed-by</key><value>phonehome</value></item>
             <item><key>phonehome:address</key><value>nat-gateway/use1-az1</value></item></tagSet>
             </item></natGatewaySet>"
        );
        Self { cloud: cloud(self.probes.clone(), nat).await, ..self }
    }

    pub(super) fn probes(&self) -> MutexGuard<'_, Probes> {
        self.probes.lock().unwrap()
    }

    /// All that a stack with everything is made of.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::NetworkInterface).collect()
    }

    pub(super) async fn stack(&self) -> AwsStack {
        let session = phonehome_aws::sdk::in_local_cloud(&self.cloud.endpoint, "123456789012", "us-east-1");
        self.opened(&session.await.unwrap())
    }

    /// The same by the role in it, which takes a call.
    pub(super) async fn assumed(&self) -> AwsStack {
        let hub = phonehome_aws::sdk::in_local_cloud(&self.cloud.endpoint, "222222222222", "us-east-1");
        let (hub, account) = (hub.await.unwrap(), "123456789012");
        let session = phonehome_aws::sdk::in_member_account(&hub, account, "us-east-1", "phonehome-member");
        self.opened(&session.await.unwrap())
    }

    fn opened(&self, session: &phonehome_aws::Session) -> AwsStack {
        let stack = AwsStack::new(session, self.spec.clone(), ProbeCode::new(b"zip".to_vec()));
        stack.with_known_vpc(Some("vpc-1".to_owned()))
    }
}

async fn cloud(probes: Arc<Mutex<Probes>>, nat_gateways: String) -> TestCloud {
    let form = move |request: &str| match request {
        _ if request.contains("Action=AssumeRole") => {
            "<AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>
             <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
             <Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
                .to_owned()
        }
        _ if request.contains("Action=DescribeVpcs&") => {
            "<vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item></vpcSet>".to_owned()
        }
        _ if request.contains("Action=DescribeNatGateways") => nat_gateways.clone(),
        _ => String::new(),
    };
    TestCloud::of(1, form, move |request| probes.lock().unwrap().answer(request)).await
}

/// So many checks that they take so many parts.
fn declared(zones: usize, parts: usize) -> StackSpec {
    let mut spec = spec();
    let zone = spec.zones[0].clone();
    let named = |it: usize| ZoneSpec { az_id: format!("use1-az{}", it + 1).parse().unwrap(), ..zone.clone() };
    spec.zones = (0..zones).map(named).collect();
    spec.history.was_as_declared = true;
    let check = |it: usize| Check {
        id: CheckId(format!("check-{it}")),
        kind: CheckKind::Tcp { host: "example.com".into(), port: 443 },
        expect: Expect::default(),
        purpose: Purpose::default(),
        target: Target::default(),
        timeout_ms: 1_000,
        control: None,
        every_minutes: 1,
        tries: 3,
    };
    let probe = spec.probe.as_mut().unwrap();
    probe.checks = (0..200 * (parts - 1) + 1).map(check).collect();
    assert_eq!(probe.parts().count() as usize, parts);
    spec
}

fn function(name: &str) -> Value {
    json!({
        "FunctionName": name, "CodeSha256": "hash", "Role": "role", "Timeout": 30, "MemorySize": 128,
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "RevisionId": format!("revision of {name}"), "State": "Active", "LastUpdateStatus": "Successful",
    })
}

fn schedule(function_arn: &str, input: &Value) -> Value {
    json!({
        "ScheduleExpression": "rate(1 minute)", "State": "ENABLED", "LastModificationDate": 1_700_000_000.25,
        "Target": {"Arn": function_arn, "RoleArn": "role", "Input": input.to_string()},
    })
}
