//! What a request to AWS asks for, read from what every SDK sends.

use hyper::http::request::Parts;

/// A call that has arrived, as a rule for faults sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its number in the order of arrival since the last [`Proxy::clear`](super::Proxy::clear),
    /// from 1.
    pub number: usize,
    /// The service's name in signatures and the operation: `ec2:CreateVpc`, `dynamodb:PutItem`,
    /// `lambda:Invoke`. For an operation that is known by its path only, and not one of those that
    /// phonehome uses, method and path stand in its place: `lambda:GET /2015-03-31/functions`.
    pub operation: String,
    /// The account that it is made in, if known.
    pub account: Option<String>,
}

/// How a service writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// EC2's own XML.
    Ec2,
    /// The XML of the other services with `Action=` in a form.
    Query,
    /// Everything else.
    Json,
}

/// What the head and the body of a request say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) operation: String,
    pub(crate) access_key: Option<String>,
    pub(crate) protocol: Protocol,
    /// Of `sts:AssumeRole`: the account of the role.
    pub(crate) role_account: Option<String>,
}

impl Asked {
    pub(crate) fn read(head: &Parts, body: &[u8]) -> Self {
        let (access_key, service) = credential(head).unzip();
        let form = if is_form(head) { std::str::from_utf8(body).unwrap_or_default() } else { "" };
        let action = value(form, "Action").or_else(|| value(head.uri.query().unwrap_or_default(), "Action"));
        let service = service.unwrap_or_else(|| "unsigned".into());
        let protocol = match (&action, service.as_str()) {
            (Some(_), "ec2") => Protocol::Ec2,
            (Some(_), _) => Protocol::Query,
            (None, _) => Protocol::Json,
        };
        let name = action.map_or_else(|| named_elsewhere(head, &service), str::to_owned);
        let role_account =
            (name == "AssumeRole").then(|| value(form, "RoleArn").and_then(account_of)).flatten();
        Self { operation: format!("{service}:{name}"), access_key, protocol, role_account }
    }
}

/// Whether an access key id is an account's id, as the emulators have it for an account's root.
pub(crate) fn is_account(access_key: &str) -> bool {
    access_key.len() == 12 && access_key.bytes().all(|byte| byte.is_ascii_digit())
}

/// The access key id and the service, from `Credential=KEY/20261101/us-east-1/ec2/aws4_request`.
fn credential(head: &Parts) -> Option<(String, String)> {
    let header = head.headers.get("authorization")?.to_str().ok()?;
    let mut scope = header.split_once("Credential=")?.1.split([',', ' ']).next()?.split('/');
    let (key, service) = (scope.next()?, scope.nth(2)?);
    Some((key.to_owned(), service.to_owned()))
}

fn is_form(head: &Parts) -> bool {
    let kind = head.headers.get("content-type").and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn value<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, v)| v)
}

fn account_of(role_arn: &str) -> Option<String> {
    let role_arn = role_arn.replace("%3A", ":").replace("%3a", ":");
    role_arn.split(':').nth(4).filter(|account| is_account(account)).map(str::to_owned)
}

/// The operation of a request that is not a form: a header, a path of the CBOR protocol, or a path
/// of one of the services with paths that phonehome calls.
fn named_elsewhere(head: &Parts, service: &str) -> String {
    let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        return operation.to_owned();
    }
    let path = head.uri.path();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let known = match (service, head.method.as_str(), parts.as_slice()) {
        (_, "POST", ["service", _, "operation", operation]) => operation,
        ("lambda", "POST", [_, "functions", _, "invocations"]) => "Invoke",
        ("scheduler", "GET", ["schedules"]) => "ListSchedules",
        ("scheduler", "GET", ["schedules", _]) => "GetSchedule",
        ("scheduler", "POST", ["schedules", _]) => "CreateSchedule",
        ("scheduler", "PUT", ["schedules", _]) => "UpdateSchedule",
        ("scheduler", "DELETE", ["schedules", _]) => "DeleteSchedule",
        _ => return format!("{} {path}", head.method),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    fn asked(
        method: &str,
        path: &str,
        service: &str,
        headers: &[(&'static str, &'static str)],
        body: &str,
    ) -> Asked {
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=111111111111/20261101/eu-west-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let mut request = Request::builder().method(method).uri(path).header("authorization", signed);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        Asked::read(&head, body.as_bytes())
    }

    #[test]
    fn every_protocol_tells_its_operation() {
        let form = [("content-type", FORM)];
        let vpc = asked("POST", "/", "ec2", &form, "Version=2016-11-15&Action=CreateVpc&CidrBlock=10.0.0.0");
        assert_eq!((vpc.operation.as_str(), vpc.protocol), ("ec2:CreateVpc", Protocol::Ec2));
        assert_eq!(vpc.access_key.as_deref(), Some("111111111111"));
        let sns = asked("POST", "/", "sns", &form, "Action=Publish");
        assert_eq!((sns.operation.as_str(), sns.protocol), ("sns:Publish", Protocol::Query));
        let put = asked("POST", "/", "dynamodb", &[("x-amz-target", "DynamoDB_20120810.PutItem")], "{}");
        assert_eq!((put.operation.as_str(), put.protocol), ("dynamodb:PutItem", Protocol::Json));
        let metric = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
        for (method, path, service, operation) in [
            ("POST", "/2015-03-31/functions/f/invocations", "lambda", "lambda:Invoke"),
            ("GET", "/2015-03-31/functions", "lambda", "lambda:GET /2015-03-31/functions"),
            ("PUT", "/schedules/s?groupName=g", "scheduler", "scheduler:UpdateSchedule"),
            ("POST", metric, "monitoring", "monitoring:PutMetricData"),
        ] {
            assert_eq!(asked(method, path, service, &[], "").operation, operation);
        }
    }

    #[test]
    fn a_form_is_only_read_where_there_is_one() {
        let asked = asked("POST", "/b/k", "s3", &[("content-type", "text/plain")], "Action=CreateVpc");
        assert_eq!(asked.operation, "s3:POST /b/k");
    }

    #[test]
    fn an_assumed_role_tells_its_account() {
        let body = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A222222222222%3Arole%2Fx&RoleSessionName=a";
        let asked = asked("POST", "/", "sts", &[("content-type", FORM)], body);
        assert_eq!(asked.role_account.as_deref(), Some("222222222222"));
    }

    #[test]
    fn only_twelve_digits_are_an_account() {
        assert!(is_account("000000000001"));
        assert!(!is_account("AKIAIOSFODNN"));
        assert!(!is_account("1234"));
    }
}
