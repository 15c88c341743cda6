//! What accounts bear in the organization, as declared.

mod support;

use phonehome_fleet::{ContactType, Fleet, Properties, SupportPlan};
use support::{EVERY_KEY, SMALL, only_problem, with};

fn of(fleet: &Fleet, line: &str) -> Properties {
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == line).unwrap();
    fleet.properties_of(&member)
}

fn unit(fleet: &Fleet, line: &str) -> Option<String> {
    of(fleet, line).unit.map(|unit| unit.to_string())
}

#[test]
fn an_account_bears_what_its_environment_and_the_file_say_and_its_own_unit_goes_before() {
    let fleet = support::fleet(EVERY_KEY);
    assert_eq!(unit(&fleet, "shop/dev").as_deref(), Some("Workloads/Dev"));
    assert_eq!(unit(&fleet, "shop/prod").as_deref(), Some("Exceptions"));
    assert_eq!(unit(&fleet, "payments/prod"), None);
    let Properties { tags, contacts, support_plan, .. } = of(&fleet, "payments/dev");
    let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(tags, ["cost-centre=payments-dev", "owner=team-payments"]);
    assert_eq!(contacts[&ContactType::Security].email, "aws-security@example.com");
    assert_eq!((contacts.len(), support_plan), (3, Some(SupportPlan::BusinessPlus)));
}

#[test]
fn a_file_that_says_nothing_of_it_declares_nothing() {
    let fleet = support::fleet(SMALL);
    assert!(fleet.members().iter().all(|member| fleet.properties_of(member).is_empty()));
}

#[test]
fn an_owner_that_is_called_like_a_placeholder_is_not_filled_in_again() {
    let text = with(EVERY_KEY, "owner: team-payments", "owner: team environment");
    let text = with(&text, "value: \"{owner}\"", "value: \"{owner}+{environment}\"");
    assert_eq!(of(&support::fleet(&text), "payments/dev").tags["owner"], "team environment+dev");
}

#[test]
fn each_mistake_in_what_accounts_bear_is_named_with_what_to_do() {
    let cases = [
        (
            "organizational_unit: Workloads/Dev",
            "organizational_unit: /Workloads",
            "environments[0].organizational_unit: `/Workloads` is not a path of organizational units (names with a slash \
             between, from below the root: Workloads/Prod)",
        ),
        (
            "organizational_unit: Exceptions",
            "organizational_unit: a/b/c/d/e/f",
            "domains[0].environments[1].organizational_unit: `a/b/c/d/e/f` is not a path of organizational units (it has 6 \
             levels; AWS allows 5 below the root)",
        ),
        (
            "key: cost-centre",
            "key: AWS:cost",
            "accounts.tags[0].key: `AWS:cost` is not the key of a tag (keys that begin with `aws:` are not yours to give)",
        ),
        (
            "key: cost-centre",
            "key: phonehome:line",
            "accounts.tags[0].key: `phonehome:line` is not the key of a tag (keys that begin with `phonehome:` are not yours \
             to give)",
        ),
        ("key: cost-centre", "key: owner", "accounts.tags[1]: `owner` stands here twice"),
        (
            "value: \"{owner}\"",
            "value: \"{team}\"",
            "accounts.tags[1].value: the placeholder `{team}` means nothing here (known are `{domain}` and `{environment}` \
             and `{owner}`)",
        ),
        (
            "value: \"{owner}\"",
            "value: a*b",
            "accounts.tags[1].value: `a*b` is not the value of a tag (a tag has letters, digits, spaces and characters of \
             _.:/=+-@)",
        ),
        (
            "owner: team-payments",
            "owner: Team & Co",
            "accounts.tags[1].value: the tag `owner` of payments/dev would be `Team & Co` (AWS takes at most 256 letters, \
             digits, spaces and characters of _.:/=+-@: change the value, or the owner's name)",
        ),
        (
            "phone: \"+1 555 0101\"",
            "phone: \"555-CALL\"",
            "accounts.contacts.billing.phone: `555-CALL` is not the phone number of a contact (at most 25 digits, spaces \
             and characters of ()+-: \"+1 555 0100\")",
        ),
        (
            "email: aws-billing@example.com",
            "email: aws-billing@example",
            "accounts.contacts.billing.email: `aws-billing@example` is not the e-mail address of a contact (as in \
             aws-security@example.com, at most 254 characters)",
        ),
        ("name: Finance, ", "", "accounts.contacts.billing: the key `name` is missing"),
        (
            "support_plan: business-plus",
            "support_plan: busines-plus",
            "accounts.support_plan: `busines-plus` is none of `basic`, `developer`, `business`, `business-plus`, \
             `enterprise-on-ramp`, `enterprise`, `unified-operations` (did you mean `business-plus`?)",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(only_problem(&with(EVERY_KEY, old, new)), expected, "{old:?} became {new:?}");
    }
}

#[test]
fn what_aws_takes_of_a_tag_and_a_contact_is_taken() {
    for (old, new) in [
        ("key: cost-centre", "key: \"Größe 1/2 _.:/=+-@\""),
        ("value: \"{owner}\"", "value: \"\""),
        ("email: aws-billing@example.com", "email: \"a+b=c.d#e|f!g&h-i_j@sub-1.example.co_m\""),
        ("phone: \"+1 555 0101\"", "phone: \"(0)30-1\""),
        ("organizational_unit: Exceptions", "organizational_unit: \"Team & Co (new)/Größe\""),
    ] {
        support::fleet(&with(EVERY_KEY, old, new));
    }
}

#[test]
fn plans_that_aws_gives_up_are_what_takes_their_place_from_then_on() {
    const NEW_YEAR: u64 = 1_798_761_600_000;
    use SupportPlan::{
        Basic, Business, BusinessPlus, Developer, Enterprise, EnterpriseOnRamp, UnifiedOperations,
    };
    for (plan, after) in [
        (Basic, Basic),
        (Developer, BusinessPlus),
        (Business, BusinessPlus),
        (BusinessPlus, BusinessPlus),
        (EnterpriseOnRamp, Enterprise),
        (Enterprise, Enterprise),
        (UnifiedOperations, UnifiedOperations),
    ] {
        assert_eq!((plan.offered(NEW_YEAR - 1), plan.offered(NEW_YEAR)), (plan, after));
    }
}

#[test]
fn another_unit_is_a_change_of_its_lines_that_a_plan_shows() {
    let (before, after) = (
        support::fleet(EVERY_KEY),
        support::fleet(&with(
            EVERY_KEY,
            "organizational_unit: Workloads/Dev",
            "organizational_unit: Sandbox",
        )),
    );
    let changes = phonehome_fleet::Changes::between(&before, &after);
    let shown = format!("{changes:?}");
    assert!(shown.contains("organizational unit") && shown.contains("Sandbox"), "{shown}");
}
