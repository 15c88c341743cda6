"""CloudTrail: what it records becomes events only where a trail logs management events."""

from ministack.services import cloudtrail

from .settings import MANAGEMENT

DETAIL_TYPES = ("AWS API Call via CloudTrail", "AWS Service Event via CloudTrail")


def comes_from_a_trail(detail_type):
    return detail_type in DETAIL_TYPES


def is_recorded(account, region):
    """Whether a trail of the account, or one of its organization, logs management events there."""
    return any(
        trail.get("IsLogging")
        and (home == region or trail.get("IsMultiRegionTrail"))
        and (owner == account or trail.get("IsOrganizationTrail"))
        and logs_management_events(selectors_of(owner, home, name))
        for owner in {account, MANAGEMENT}
        for home, name, trail in cloudtrail._account_trail_items(owner)
    )


def selectors_of(account, home, name):
    return cloudtrail._event_selectors.get_scoped(account, home, name, cloudtrail._DEFAULT_EVENT_SELECTORS)


def logs_management_events(selectors):
    """Calls that change something are among them; what only reads is of no interest here."""
    return any(
        logs_category(selector["FieldSelectors"])
        if "FieldSelectors" in selector
        else selector.get("IncludeManagementEvents", True) and selector.get("ReadWriteType") != "ReadOnly"
        for selector in selectors
    )


def logs_category(fields):
    """Of an advanced selector: the category is Management, and writing is not left out."""
    conditions = {condition["Field"]: condition for condition in fields}
    category, read_only = conditions.get("eventCategory", {}), conditions.get("readOnly", {})
    return "Management" in category.get("Equals", []) and "true" not in read_only.get("Equals", [])
