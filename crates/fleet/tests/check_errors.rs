//! Whatever is wrong with a check is reported where it is, with what to do.

mod support;

use support::{SMALL, only_problem, problems, with};

const CONNECTION: &str = "check: { host: \"api.{environment}.internal\" }";
const EGRESS: &str = "egress: [{ host: example.com, port: 443 }]";
const ONLY_HTTP: &str = "it is for `type: http`, `type: https`";

fn with_connection(keys: &str) -> String {
    with(SMALL, CONNECTION, &format!("check: {{ host: \"api.{{environment}}.internal\", {keys} }}"))
}

fn with_checks(checks: &[&str]) -> String {
    let items: String = checks.iter().map(|keys| format!("  - {{ {keys} }}\n")).collect();
    with(SMALL, "isolations:\n", &format!("checks:\n{items}isolations:\n"))
}

fn with_egress(target: &str) -> String {
    with(SMALL, EGRESS, &format!("egress: [{{ host: example.com, port: 443 }}, {target}]"))
}

#[test]
fn a_key_that_means_nothing_with_the_type_is_refused() {
    let cases = [
        ("path: /", "path", "`path` means nothing with `type: tcp`", ONLY_HTTP),
        ("type: tls, method: GET", "method", "`method` means nothing with `type: tls`", ONLY_HTTP),
        ("type: tls, status: 200", "status", "`status` means nothing with `type: tls`", ONLY_HTTP),
        ("type: tcp, header: { name: a }", "header", "`header` means nothing with `type: tcp`", ONLY_HTTP),
        ("type: tcp, body: x", "body", "`body` means nothing with `type: tcp`", ONLY_HTTP),
        (
            "type: https, server_name: x.example.com",
            "server_name",
            "`server_name` means nothing with `type: https`",
            "it is for `type: tls`",
        ),
        (
            "type: http, method: HEAD, body: x",
            "body",
            "`body` means nothing with `method: HEAD`, whose answers have none",
            "take `method: GET`, or expect a `header`",
        ),
    ];
    for (keys, key, message, hint) in cases {
        let expected = format!("connections[0].check.{key}: {message} ({hint})");
        assert_eq!(only_problem(&with_connection(keys)), expected, "{keys}");
    }
    let cases = [
        (
            "type: dns, host: x, port: 53",
            "port",
            "dns",
            "it is for `type: tcp`, `type: tls`, `type: http`, `type: https`",
        ),
        ("type: dns, host: x, path: /", "path", "dns", ONLY_HTTP),
        ("host: x, port: 1, record: A", "record", "tcp", "it is for `type: dns`"),
        (
            "type: https, host: x.example.com, port: 1, expected: [a]",
            "expected",
            "https",
            "it is for `type: dns`",
        ),
        (
            "type: tls, host: x.example.com, port: 1, nameserver: 10.0.0.2",
            "nameserver",
            "tls",
            "it is for `type: dns`",
        ),
    ];
    for (keys, key, check_type, hint) in cases {
        let expected = format!("checks[0].{key}: `{key}` means nothing with `type: {check_type}` ({hint})");
        assert_eq!(
            only_problem(&with_checks(&[&format!("name: own, from: shop, {keys}")])),
            expected,
            "{keys}"
        );
    }
}

#[test]
fn nothing_is_said_of_a_key_whose_type_cannot_be_read() {
    assert_eq!(
        only_problem(&with_connection("type: htps, path: /health, status: 2xx")),
        "connections[0].check.type: `htps` is none of `tcp`, `tls`, `http`, `https` (did you mean `https`?)"
    );
}

#[test]
fn values_of_a_request_and_its_answer_that_cannot_be_are_reported() {
    let cases = [
        ("path: health", "path: `health` is not the path of a URL (it begins with a slash: /health)"),
        ("path: \"/a b\"", "path: `/a b` is not the path of a URL (write %20 for ' ')"),
        ("path: /ü", "path: `/ü` is not the path of a URL (write %C3%BC for 'ü')"),
        (
            "path: /a#b",
            "path: `/a#b` is not the path of a URL (what follows a # is never sent: leave it out)",
        ),
        (
            "path: /100%",
            "path: `/100%` is not the path of a URL (two hexadecimal digits follow a %; write %25 for one that is meant)",
        ),
        (
            "path: \"/{env}\"",
            "path: the placeholder `{env}` means nothing here (known are `{environment}` and `{region}`)",
        ),
        ("method: POST", "method: `POST` is none of `GET`, `HEAD`"),
        ("method: get", "method: `get` is none of `GET`, `HEAD` (did you mean `GET`?)"),
        ("status: 99", "status: an HTTP status must be a whole number from 100 to 599, not 99"),
        (
            "status: \"200\"",
            "status: `status` must be a number, but \"200\" is text (write it in digits, without quotes)",
        ),
        (
            "status: ok",
            "status: `ok` is not an HTTP status (write a code (204), a class (2xx) or a range (200-399), from 100 to 599)",
        ),
        ("status: 299-200", "status: `299-200` is not an HTTP status (the smaller one first: 200-299)"),
        ("status: []", "status: at least one status is needed here"),
        ("status: [2xx, 200-299]", "status[1]: `200-299` stands here twice"),
        (
            "status: [200, 6xx]",
            "status[1]: `6xx` is not an HTTP status (write a code (204), a class (2xx) or a range (200-399), from 100 to 599)",
        ),
        ("status: { from: 200 }", "status: `status` must be a list, not a map of keys and values"),
        ("header: { contains: x }", "header: the key `name` is missing"),
        (
            "header: { name: a, containz: x }",
            "header.containz: unknown key `containz` (did you mean `contains`?)",
        ),
        (
            "header: { name: \"a: b\" }",
            "header.name: `a: b` is not the name of a header (the name alone, `a`; what follows goes into `contains`)",
        ),
        (
            "header: { name: a, contains: \"b\\nc\" }",
            "header.contains: a header's value is one line (a part of it is enough)",
        ),
        ("body: \"\"", "body: this text is empty (remove the key when any answer will do)"),
        ("body: \"\\0\"", "body: a control character (U+0000) stands here: remove it"),
        ("tries: 4", "tries: `tries` must be a whole number from 1 to 3, not 4"),
        ("every_minutes: 0", "every_minutes: `every_minutes` must be a whole number from 1 to 60, not 0"),
        ("timeout_ms: 20000", "timeout_ms: `timeout_ms` must be a whole number from 100 to 10000, not 20000"),
        ("every_minute: 5", "every_minute: unknown key `every_minute` (did you mean `every_minutes`?)"),
    ];
    for (keys, expected) in cases {
        let found = only_problem(&with_connection(&format!("type: http, {keys}")));
        assert_eq!(found, format!("connections[0].check.{expected}"), "{keys}");
    }
    let long = "x".repeat(201);
    for (key, what) in [("path: /", "a path"), ("body: ", "such a text")] {
        let found = only_problem(&with_connection(&format!("type: http, {key}{long}")));
        assert!(found.contains(&format!("{what} has at most 200 characters, this one 20")), "{found}");
    }
}

#[test]
fn teams_own_checks_that_cannot_be_are_reported() {
    let own = |keys: &str| format!("name: own, from: shop, {keys}");
    let dns = |keys: &str| own(&format!("type: dns, host: x.example.com, {keys}"));
    let cases = [
        ("from: shop, host: x, port: 1".to_owned(), "checks[0]: the key `name` is missing"),
        ("name: own, from: shop, host: x".to_owned(), "checks[0]: the key `port` is missing"),
        (
            "name: own, from: shp, host: x, port: 1".to_owned(),
            "checks[0].from: unknown domain `shp` (did you mean `shop`?)",
        ),
        (
            own("host: x, port: 1, environments: [prd]"),
            "checks[0].environments[0]: unknown environment `prd` (did you mean `prod`?)",
        ),
        (
            own("host: x, port: 1, to: payments"),
            "checks[0].to: unknown key `to` (known here: `name`, `from`, `environments`, `type`, `record`, `host`, `port`, `server_name`, `path`, `method`, `status`, `header`, `body`, `expected`, `nameserver`, `timeout_ms`, `tries`, `every_minutes`)",
        ),
        (
            own("host: \"x:1\", port: 1"),
            "checks[0].host: `x:1` is not a host name or IPv4 address (the host alone: `x`)",
        ),
        (
            own("host: 169.254.169.254, port: 80"),
            "checks[0].host: `169.254.169.254` is the metadata service of the probe itself (a check from there says nothing about the network: name what others reach, too)",
        ),
        (
            own("type: dns, host: 10.1.2.3"),
            "checks[0].host: `10.1.2.3` is an address, not a name to look up (give the name whose records there must be)",
        ),
        (
            own("type: dns, record: PTR, host: 10.1.2.3"),
            "checks[0].host: `10.1.2.3` is an address, not a name to look up (its PTR record is that of 3.2.1.10.in-addr.arpa)",
        ),
        (
            dns("record: SOA"),
            "checks[0].record: `SOA` is none of `A`, `AAAA`, `CNAME`, `MX`, `NS`, `PTR`, `SRV`, `TXT`",
        ),
        (dns("expected: []"), "checks[0].expected: at least one record is needed here"),
        (
            dns("expected: [a.example]"),
            "checks[0].expected[0]: `a.example` is not an address (write it as in 10.0.0.1)",
        ),
        (
            dns("record: A, expected: [\"::1\"]"),
            "checks[0].expected[0]: `::1` is not an A record, an IPv4 address (write it as in 10.0.0.1)",
        ),
        (
            dns("record: MX, expected: [mail.example.com]"),
            "checks[0].expected[0]: `mail.example.com` is not an MX record, a preference and a name (write it as in 10 mail.example.com)",
        ),
        (
            dns("record: SRV, expected: [\"0 5 70000 a.example.com\"]"),
            "checks[0].expected[0]: `0 5 70000 a.example.com` is not an SRV record, priority, weight, port and a name (write it as in 0 5 443 a.example.com)",
        ),
        (
            dns("nameserver: ns.example.com"),
            "checks[0].nameserver: `ns.example.com` is not the address of a nameserver (write 10.0.0.2, or with a port 10.0.0.2:5353; a name would have to be looked up first)",
        ),
        (
            dns("nameserver: 127.0.0.1"),
            "checks[0].nameserver: `127.0.0.1` is no address of a nameserver (name one that others reach, too)",
        ),
    ];
    for (keys, expected) in &cases {
        assert_eq!(only_problem(&with_checks(&[keys])), *expected, "{keys}");
    }
}

#[test]
fn a_name_of_a_check_is_unique_within_its_domain_and_its_environments_are_its_domains() {
    let own = "name: own, from: shop, host: x, port: 1, environments: [dev]";
    let again = "name: own, from: shop, type: dns, host: x, environments: [prod]";
    assert_eq!(
        only_problem(&with_checks(&[own, again])),
        "checks[1].name: `check/own` is declared twice for `shop` (the first is on line 25)"
    );
    support::fleet(&with_checks(&[own, "name: own, from: payments, host: x, port: 1"]));
    let lacks = with(&with_checks(&[own]), "environments: [dev, prod]\n", "environments: [prod]\n");
    let shown = problems(&lacks).to_string();
    assert!(shown.contains("the domain `shop` has no environment `dev`"), "{shown}");
}

#[test]
fn egress_targets_that_cannot_be_are_reported() {
    let cases = [
        (
            "{}",
            ": an egress target has a `host` and a `port`, or `echo`, or `aws` (`echo: https://checkip.amazonaws.com/` asks for the public address, `aws: sts` for a service)",
        ),
        ("{ ecco: \"https://a.example.com\" }", ".ecco: unknown key `ecco` (did you mean `echo`?)"),
        ("{ port: 443 }", ": the key `host` is missing"),
        (
            "{ aws: sts, port: 443 }",
            ".port: `port` means nothing beside `aws` (give it a target of its own in the list)",
        ),
        (
            "{ aws: sts, echo: \"https://a.example.com\" }",
            ".aws: `aws` means nothing beside `echo` (give it a target of its own in the list)",
        ),
        (
            "{ host: a.example.com, port: 1, expected: [1.1.1.1] }",
            ".expected: unknown key `expected` (known here: `host`, `port`, `timeout_ms`, `tries`, `every_minutes`)",
        ),
        (
            "{ aws: sts.us-east-1.amazonaws.com }",
            ".aws: `sts.us-east-1.amazonaws.com` is not what the endpoint of a service of AWS's begins with (that is what stands before the Region: sts, s3, api.ecr)",
        ),
        (
            "{ echo: checkip.amazonaws.com }",
            ".echo: `checkip.amazonaws.com` is not a URL that can be asked (it begins with https:// or http://)",
        ),
        (
            "{ echo: \"https://me:secret@a.example.com/\" }",
            ".echo: `https://me:secret@a.example.com/` is not a URL that can be asked (credentials do not belong into a fleet file)",
        ),
        (
            "{ echo: \"https://a.example.com:0/\" }",
            ".echo: `https://a.example.com:0/` is not a URL that can be asked (its port is a number from 1 to 65535)",
        ),
        (
            "{ echo: \"https://{region}.example.com/\" }",
            ".echo: the placeholder `{region}` means nothing here (a host here has no placeholders)",
        ),
        (
            "{ echo: \"http://localhost/\" }",
            ".echo: `localhost` is a name of the probe itself, or of its metadata service (a check from there says nothing about the network: name what others reach, too)",
        ),
        (
            "{ echo: \"https://a.example.com/\", expected: [10.0.0.1] }",
            ".expected[0]: `10.0.0.1` is not a public address (an echo service sees the Elastic IP address of a NAT gateway)",
        ),
        (
            "{ echo: \"https://a.example.com/\", expected: [203.0.113.0/24] }",
            ".expected[0]: `203.0.113.0/24` is not an IP address (list them one by one, as in 203.0.113.7)",
        ),
        ("{ host: example.com, port: 443, tries: 1 }", ": `example.com:443` stands here twice"),
    ];
    for (target, expected) in cases {
        assert_eq!(only_problem(&with_egress(target)), format!("probing.egress[1]{expected}"), "{target}");
    }
    let twice = |first: &str, second: &str| only_problem(&with_egress(&format!("{first}, {second}")));
    assert_eq!(twice("{ aws: sts }", "{ aws: sts, tries: 1 }"), "probing.egress[2]: `sts` stands here twice");
    assert_eq!(
        twice("{ echo: \"https://a.example.com/\" }", "{ echo: \"https://a.example.com/ip\" }"),
        "probing.egress[2]: an echo service at `a.example.com:443` stands here twice"
    );
}
