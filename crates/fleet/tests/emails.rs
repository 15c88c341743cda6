//! Addresses and names of accounts that are made for lines.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{
    EmailPattern, EmailPatternError, EmailProblem, EmailRule, Fleet, Line, check, parse, read,
};
use proptest::prelude::*;

const PATTERN: &str = "aws+{domain}-{environment}@example.com";

fn fleet(domains: &[(&str, &str)]) -> Fleet {
    let text = text(domains, "");
    parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// A file with these environments of these domains, each of which stands in a line of its own, and these further keys.
fn text(domains: &[(&str, &str)], more: &str) -> String {
    let mut text = String::from(
        "version: 1\norganization: {id: o-a1b2c3d4e5, management_account: \"000000000001\", hub_account: \
         \"000000000002\"}\nregions: [{name: eu-west-1, availability_zones: [euw1-az1, euw1-az2]}]\naddress_pools: [{name: all, \
         region: eu-west-1, cidr: 10.0.0.0/12, block: 20}]\nalert_routes: [{slack_channel: \"#ops\"}]\n",
    );
    let environments: BTreeSet<&str> =
        domains.iter().map(|(_, it)| it.split([':', ' ']).find(|it| !it.is_empty()).unwrap()).collect();
    text.push_str("environments:\n");
    for name in environments {
        text.push_str(&format!("  - {{name: {name}, pools: [all]}}\n"));
    }
    let mut names: Vec<&str> = domains.iter().map(|(name, _)| *name).collect();
    names.dedup();
    text.push_str("domains:\n");
    for name in names {
        let its: Vec<String> = domains
            .iter()
            .filter(|(domain, _)| *domain == name)
            .map(|(_, entry)| match entry.split_once(' ') {
                Some((environment, more)) => format!("{{name: {environment}, {more}}}"),
                None => (*entry).to_owned(),
            })
            .collect();
        text.push_str(&format!("  - {{name: {name}, owner: team, environments: [{}]}}\n", its.join(", ")));
    }
    text + more
}

fn pattern(text: &str) -> EmailPattern {
    text.parse().unwrap()
}

#[test]
fn an_address_is_what_the_file_gives_a_line_or_else_what_the_pattern_makes_of_it() {
    let fleet = fleet(&[
        ("shop", "dev"),
        ("shop", "prod email: shop@example.com"),
        ("pay", "dev account_id: \"123456789012\""),
        ("pay", "prod account_id: \"123456789013\", email: \"old,one@example.com\""),
    ]);
    let emails = fleet.emails(&pattern(PATTERN)).unwrap();
    let emails: Vec<_> = emails.iter().map(|(line, email)| (line.as_str(), email.as_str())).collect();
    assert_eq!(
        emails,
        [
            ("pay/prod", "old,one@example.com"),
            ("shop/dev", "aws+shop-dev@example.com"),
            ("shop/prod", "shop@example.com"),
        ]
    );
}

#[test]
fn two_lines_of_one_address_are_named_both_however_the_pattern_makes_it_so() {
    let hyphens = fleet(&[("a", "b-c account_name: one"), ("a-b", "c account_name: two")]);
    let problems = hyphens.emails(&pattern(PATTERN)).unwrap_err();
    let [EmailProblem::Shared { line, first, email }] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((line, first), (&Line::new("a-b", "c"), &Line::new("a", "b-c")));
    assert_eq!(email, "aws+a-b-c@example.com");
    assert!(
        problems[0].to_string().contains("a-b/c would have the e-mail address of a/b-c"),
        "{}",
        problems[0]
    );
    assert!(hyphens.emails(&pattern("aws+{domain}.{environment}@example.com")).is_ok());

    let given = fleet(&[("shop", "dev"), ("shop", "prod email: AWS+Shop-Dev@Example.com")]);
    assert_eq!(given.emails(&pattern(PATTERN)).unwrap_err().len(), 1, "large and small letters are the same");
    let pinned = fleet(&[
        ("shop", "dev"),
        ("shop", "prod account_id: \"123456789012\", email: aws+shop-dev@example.com"),
    ]);
    assert_eq!(pinned.emails(&pattern(PATTERN)).unwrap_err().len(), 1, "an account that is there has it");
}

#[test]
fn a_pattern_has_both_names_and_nothing_else_in_braces() {
    for (text, error) in [
        ("aws@example.com", EmailPatternError::Lacks("{domain}")),
        ("aws+{domain}@example.com", EmailPatternError::Lacks("{environment}")),
        ("{environment}@example.com", EmailPatternError::Lacks("{domain}")),
        ("{domain}-{env}@example.com", EmailPatternError::Unknown("env".to_owned())),
        ("{domain}-{environment@example.com", EmailPatternError::Unclosed),
        ("{domain}-environment}@example.com", EmailPatternError::Unclosed),
        ("{domain}{environment}}@example.com", EmailPatternError::Unclosed),
    ] {
        assert_eq!(text.parse::<EmailPattern>(), Err(error), "{text}");
    }
    assert_eq!(
        pattern("{environment}.{domain}@{domain}.example.com").email("shop", "dev"),
        "dev.shop@shop.example.com"
    );
}

/// The rules of `CreateAccount`'s documentation, each with the last that is right and the first that is not.
#[test]
fn an_address_is_taken_exactly_as_aws_documents_it() {
    let long = |length: usize| format!("{}@ex.com", "a".repeat(length - 7));
    let cases = [
        ("a@b.cd".to_owned(), None),
        ("a@b.c".to_owned(), Some(EmailRule::Length)),
        (long(64), None),
        (long(65), Some(EmailRule::Length)),
        ("bücher@example.com".to_owned(), Some(EmailRule::Ascii)),
        ("shop@exämple.com".to_owned(), Some(EmailRule::Ascii)),
        ("shop.example.com".to_owned(), Some(EmailRule::At)),
        ("@example.com".to_owned(), Some(EmailRule::At)),
        ("example.com@".to_owned(), Some(EmailRule::At)),
        ("shop@dev@example.com".to_owned(), Some(EmailRule::At)),
        ("shop dev@example.com".to_owned(), Some(EmailRule::LocalCharacters)),
        ("shop\tdev@example.com".to_owned(), Some(EmailRule::LocalCharacters)),
        (".shop@example.com".to_owned(), Some(EmailRule::LocalDot)),
        ("shop.@example.com".to_owned(), None),
        ("s..hop@example.com".to_owned(), None),
        ("!#$*+-/=?^_`{}~.aZ9@example.com".to_owned(), None),
        ("shop@exa_mple.com".to_owned(), Some(EmailRule::HostCharacters)),
        ("shop@exa mple.com".to_owned(), Some(EmailRule::HostCharacters)),
        ("shop@-example.com".to_owned(), Some(EmailRule::HostEnds)),
        ("shop@example.com-".to_owned(), Some(EmailRule::HostEnds)),
        ("shop@.example.com".to_owned(), Some(EmailRule::HostEnds)),
        ("shop@example.com.".to_owned(), Some(EmailRule::HostEnds)),
        ("shop@example".to_owned(), Some(EmailRule::HostDot)),
        ("shop@EXAMPLE.co-m.9".to_owned(), None),
    ];
    for (email, rule) in cases {
        assert_eq!(EmailRule::broken_by(&email), rule, "{email}");
    }
    for forbidden in "\"'()<>[]:;,\\|%&".chars() {
        let email = format!("sh{forbidden}op@example.com");
        assert_eq!(EmailRule::broken_by(&email), Some(EmailRule::LocalCharacters), "{email}");
    }
}

#[test]
fn what_aws_does_not_take_is_named_with_its_line_and_what_to_do() {
    let fleet = fleet(&[
        ("shop", "dev account_name: \"Büro\""),
        ("shop", "prod"),
        ("pay", "dev account_name: \"~ all [of] it\""),
        ("pay", "prod account_name: \"Büro 2\", account_id: \"123456789012\""),
    ]);
    let problems = fleet.emails(&pattern("{domain}:{environment}@example.com")).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let of = |line: &str, email: &str| {
        format!(
            "AWS does not take `{email}` as the e-mail address of {line}: before the `@` there may be no space and none \
             of \"'()<>[]:;,\\|%&. Give it an `email`, or its `account_id` if it is there"
        )
    };
    assert_eq!(
        problems,
        [
            of("shop/dev", "shop:dev@example.com"),
            "AWS makes no account for shop/dev with the name `Büro`: it has 1 to 50 ASCII characters. Give it an \
             `account_name`, or its `account_id` if it is there"
                .to_owned(),
            of("shop/prod", "shop:prod@example.com"),
            of("pay/dev", "pay:dev@example.com"),
        ]
    );
}

#[test]
fn who_publishes_hears_of_every_account_that_aws_would_not_make_at_its_place_and_what_is_in_force_goes_on() {
    let domains = [
        ("a", "b-c account_name: one"),
        ("a-b", "c account_name: two"),
        ("shop", "dev email: \"shop,dev@example.com\""),
        ("shop", "prod account_name: \"Büro\""),
        ("pay", "dev email: \"pay,dev@example.com\", account_id: \"123456789012\", account_name: \"Büro 2\""),
        ("pay", "prod"),
    ];
    let text = text(&domains, "vending: {email: \"aws+{domain}-{environment}@example.com\"}\n");
    let refused = check(&text).unwrap_err();
    let at = |path: &str| {
        let found = refused.as_slice().iter().find(|it| it.path == path);
        found.unwrap_or_else(|| panic!("{path}: {refused}"))
    };
    assert_eq!(refused.as_slice().len(), 3, "{refused}");
    let line = |part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
    let shared = at("domains[1].environments[0]");
    assert!(shared.message.starts_with("a-b/c would have the e-mail address of a/b-c"), "{refused}");
    assert_eq!(shared.line, line("name: a-b,"));
    let given = at("domains[2].environments[0].email");
    assert!(given.message.starts_with("AWS does not take `shop,dev@example.com`"), "{refused}");
    let column = text.lines().find_map(|line| line.find("\"shop,dev@")).unwrap() + 1;
    assert_eq!((given.line, given.column), (line("name: shop,"), column));
    let named = at("domains[2].environments[1].account_name");
    assert!(named.message.ends_with("or its `account_id` if it is there"), "{refused}");

    let in_force = read(&text).unwrap();
    assert_eq!(in_force.warnings.as_slice().len(), 3, "{}", in_force.warnings);
    let emails = in_force.fleet.vending_emails();
    let lines: Vec<&str> = emails.keys().map(Line::as_str).collect();
    assert_eq!(lines, ["a/b-c", "pay/prod"], "of a line with a problem, or with an account, there is none");
}

#[test]
fn addresses_are_judged_only_where_phonehome_makes_accounts_and_told_once() {
    let domains = [("shop", "dev email: \"shop,dev@example.com\""), ("shop", "prod")];
    for more in ["", "vending: {control_tower: true}\n"] {
        let checked = check(&text(&domains, more)).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(checked.fleet.vending_emails(), BTreeMap::new(), "{more}");
    }
    let twice = [("shop", "dev email: shop@example.com"), ("shop", "prod email: shop@example.com")];
    let refused = check(&text(&twice, &format!("vending: {{email: \"{PATTERN}\"}}\n"))).unwrap_err();
    assert_eq!(refused.as_slice().len(), 1, "{refused}");
}

#[test]
fn what_is_no_address_of_any_account_is_refused_whoever_makes_accounts() {
    for (email, is_one) in [
        ("old,one@example.com", true),
        ("bücher@example.com", true),
        ("root@localhost", true),
        (".a@example.com", true),
        ("a@b.c", false),
        ("a b@example.com", false),
        ("shop@exa mple.com", false),
        ("ü@b@example.com", false),
        ("@example.com", false),
        ("example@", false),
    ] {
        let text = text(&[("shop", &format!("dev account_id: \"123456789012\", email: \"{email}\""))], "");
        assert_eq!(read(&text).is_ok(), is_one, "{email}");
    }
}

#[test]
fn a_role_for_accounts_that_control_tower_makes_is_hardly_meant() {
    let text = text(&[("shop", "dev")], "vending: {control_tower: true, role_name: Admin}\n");
    let warnings = check(&text).unwrap().warnings;
    let [warning] = warnings.as_slice() else { panic!("{warnings}") };
    assert_eq!(warning.path, "vending.role_name");
}

proptest! {
    #[test]
    fn no_two_lines_ever_have_one_address(
        names in prop::collection::btree_set(("[ab](-[ab]){0,2}", "[ab](-[ab]){0,2}"), 1..7),
        template in prop::sample::select(vec![
            PATTERN, "{domain}{environment}@example.com", "{environment}-{domain}@example.com", "x-{domain}-{environment}@{domain}.com",
        ]),
    ) {
        let entries: Vec<(String, String)> = names
            .iter()
            .enumerate()
            .map(|(number, (domain, environment))| (domain.clone(), format!("{environment} account_name: n{number}")))
            .collect();
        let entries: Vec<(&str, &str)> = entries.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let made: Vec<String> = names.iter().map(|(a, b)| pattern(template).email(a, b)).collect();
        let different: BTreeSet<&String> = made.iter().collect();
        match fleet(&entries).emails(&pattern(template)) {
            Ok(emails) => {
                prop_assert_eq!(emails.values().collect::<BTreeSet<_>>().len(), names.len());
                prop_assert_eq!(different.len(), names.len());
            }
            Err(problems) => prop_assert_eq!(problems.len(), names.len() - different.len()),
        }
    }
}
