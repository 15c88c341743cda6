//! CloudTrail's trails, as `phonehome doctor` observes them. EventBridge gets the events of accounts and
//! of calls only where a trail logs management events.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use aws_config::Region;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType};

use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;

/// A trail.
#[derive(Debug, Clone)]
pub struct Trail {
    /// Its ARN, which also says whose it is.
    pub arn: String,
    /// The Region it was made in.
    pub home_region: String,
    /// Whether it logs in every Region.
    pub multi_region: bool,
    /// Whether it logs in every account of the organization.
    pub organization: bool,
    /// Whether it logs what global services do, such as Organizations.
    pub global_services: bool,
    /// Whether it logs now.
    pub logging: Result<bool, CloudError>,
    /// What it logs.
    pub selectors: Result<Selectors, CloudError>,
}

/// What a trail logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selectors {
    /// Events that one of these takes.
    Basic(Vec<BasicSelector>),
    /// Events that fulfil all conditions of one of these.
    Advanced(Vec<Vec<FieldCondition>>),
}

/// One of at most five basic event selectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicSelector {
    /// Whether it takes management events.
    pub management: bool,
    /// Whether it takes what only reads.
    pub reads: bool,
    /// Whether it takes what writes.
    pub writes: bool,
    /// Services whose management events it leaves out: `kms.amazonaws.com`.
    pub excluded_sources: Vec<String>,
}

/// A condition of an advanced event selector. Each list that is not empty must let the value pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldCondition {
    /// A field of the event: `eventCategory`, `readOnly`, `eventSource`.
    pub field: String,
    /// It is one of these.
    pub equals: Vec<String>,
    /// It begins with one of these.
    pub starts_with: Vec<String>,
    /// It ends with one of these.
    pub ends_with: Vec<String>,
    /// It is none of these.
    pub not_equals: Vec<String>,
    /// It begins with none of these.
    pub not_starts_with: Vec<String>,
    /// It ends with none of these.
    pub not_ends_with: Vec<String>,
}

/// In which account one is, and which is the organization's management account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The account of the credentials.
    pub account: String,
    /// The management account of its organization.
    pub management_account: String,
}

/// Asks both.
///
/// # Errors
/// [`CloudError`] when the credentials are none, or their account is in no organization.
pub async fn whereabouts(session: &Session) -> Result<Whereabouts, CloudError> {
    let caller = aws_sdk_sts::Client::new(session.config()).get_caller_identity().send().await;
    let caller =
        caller.map_err(|error| CloudError::of("sts:GetCallerIdentity", "the credentials", &error))?;
    let answer = aws_sdk_organizations::Client::new(session.config()).describe_organization().send().await;
    let answer =
        answer.map_err(|error| CloudError::of("organizations:DescribeOrganization", "its own", &error))?;
    let management = answer.organization().and_then(|it| it.master_account_id());
    Ok(Whereabouts {
        account: caller.account().unwrap_or_default().to_owned(),
        management_account: management.unwrap_or_default().to_owned(),
    })
}

/// The trails that concern the account of `session`'s credentials in any of `regions`: its own and its
/// organization's.
///
/// # Errors
/// [`CloudError`] when the trails cannot be listed. What of one trail cannot be read is an error within it.
pub async fn trails(session: &Session, regions: &[String]) -> Result<Vec<Trail>, CloudError> {
    let mut seen = BTreeMap::new();
    for region in regions {
        let answer = client(session, region).describe_trails().send().await;
        let answer = answer.map_err(|error| CloudError::of("cloudtrail:DescribeTrails", region, &error))?;
        for trail in answer.trail_list() {
            let arn = trail.trail_arn().unwrap_or_default().to_owned();
            if let Entry::Vacant(unknown) = seen.entry(arn) {
                unknown.insert(observe(session, region, trail).await);
            }
        }
    }
    Ok(seen.into_values().collect())
}

fn client(session: &Session, region: &str) -> Client {
    Client::new(&session.config().to_builder().region(Region::new(region.to_owned())).build())
}

async fn observe(session: &Session, seen_in: &str, trail: &aws_sdk_cloudtrail::types::Trail) -> Trail {
    let arn = trail.trail_arn().unwrap_or_default().to_owned();
    let home_region = trail.home_region().unwrap_or(seen_in).to_owned();
    // Both answer for a trail in its home Region only, or by its ARN.
    let client = client(session, &home_region);
    let status = client.get_trail_status().name(&arn).send().await;
    let selectors = client.get_event_selectors().trail_name(&arn).send().await;
    Trail {
        multi_region: trail.is_multi_region_trail() == Some(true),
        organization: trail.is_organization_trail() == Some(true),
        global_services: trail.include_global_service_events() != Some(false),
        logging: status
            .map(|it| it.is_logging() == Some(true))
            .map_err(|error| CloudError::of("cloudtrail:GetTrailStatus", &arn, &error)),
        selectors: selectors
            .map(|it| read(it.event_selectors(), it.advanced_event_selectors()))
            .map_err(|error| CloudError::of("cloudtrail:GetEventSelectors", &arn, &error)),
        arn,
        home_region,
    }
}

fn read(basic: &[EventSelector], advanced: &[AdvancedEventSelector]) -> Selectors {
    if advanced.is_empty() {
        return Selectors::Basic(basic.iter().map(basic_selector).collect());
    }
    let conditions = |it: &AdvancedEventSelector| it.field_selectors().iter().map(field_condition).collect();
    Selectors::Advanced(advanced.iter().map(conditions).collect())
}

fn basic_selector(selector: &EventSelector) -> BasicSelector {
    let kind = selector.read_write_type();
    BasicSelector {
        // Both defaults are AWS's: management events, reading and writing.
        management: selector.include_management_events() != Some(false),
        reads: kind != Some(&ReadWriteType::WriteOnly),
        writes: kind != Some(&ReadWriteType::ReadOnly),
        excluded_sources: selector.exclude_management_event_sources().to_vec(),
    }
}

fn field_condition(selector: &AdvancedFieldSelector) -> FieldCondition {
    FieldCondition {
        field: selector.field().to_owned(),
        equals: selector.equals().to_vec(),
        starts_with: selector.starts_with().to_vec(),
        ends_with: selector.ends_with().to_vec(),
        not_equals: selector.not_equals().to_vec(),
        not_starts_with: selector.not_starts_with().to_vec(),
        not_ends_with: selector.not_ends_with().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_that_says_nothing_takes_management_events_that_read_and_write() {
        let selector = |it: EventSelector| match read(&[it], &[]) {
            Selectors::Basic(mut selectors) => selectors.remove(0),
            Selectors::Advanced(_) => panic!("advanced"),
        };
        let all = BasicSelector { management: true, reads: true, writes: true, excluded_sources: vec![] };
        assert_eq!(selector(EventSelector::builder().build()), all);
        let read_only = EventSelector::builder()
            .read_write_type(ReadWriteType::ReadOnly)
            .include_management_events(false)
            .exclude_management_event_sources("kms.amazonaws.com")
            .build();
        let expected = BasicSelector {
            management: false,
            reads: true,
            writes: false,
            excluded_sources: vec!["kms.amazonaws.com".to_owned()],
        };
        assert_eq!(selector(read_only), expected);
    }

    #[test]
    fn advanced_selectors_are_what_counts_where_there_are_any() {
        let field = AdvancedFieldSelector::builder()
            .field("eventSource")
            .equals("a")
            .starts_with("b")
            .ends_with("c")
            .not_equals("d")
            .not_starts_with("e")
            .not_ends_with("f");
        let advanced =
            AdvancedEventSelector::builder().field_selectors(field.build().unwrap()).build().unwrap();
        let list = |text: &str| vec![text.to_owned()];
        let condition = FieldCondition {
            field: "eventSource".to_owned(),
            equals: list("a"),
            starts_with: list("b"),
            ends_with: list("c"),
            not_equals: list("d"),
            not_starts_with: list("e"),
            not_ends_with: list("f"),
        };
        let expected = Selectors::Advanced(vec![vec![condition]]);
        assert_eq!(read(&[EventSelector::builder().build()], &[advanced]), expected);
    }
}
