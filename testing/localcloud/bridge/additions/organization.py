"""Organizations: the organization, who may read it, new accounts and the events they raise."""

import json
import time
from datetime import datetime, timezone

from ministack.core import iam_actions
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    request_scope,
)
from ministack.services import account as account_service
from ministack.services import iam, organizations

from .buses import default_bus, new_event, receive
from .permissions import member_accounts
from .replacing import in_background, log, replaces
from .settings import HUB, MANAGEMENT, ORGANIZATION, ORGANIZATION_REGION
from .trails import is_recorded

HUB_MAY_READ = ("Describe", "List")


def build_organization():
    """The organization, with its given id, and the hub account in it."""
    with request_scope(MANAGEMENT, ORGANIZATION_REGION):
        original_ensure_org()
        drawn = organizations._orgs["self"]["Id"]
        for store in (organizations._orgs, organizations._roots, organizations._accounts):
            for key, record in list(store.items()):
                store[key] = json.loads(json.dumps(record).replace(drawn, ORGANIZATION))
        management = organizations._accounts[MANAGEMENT]
        organizations._accounts[MANAGEMENT] = {**management, "Name": "management"}
        if HUB != MANAGEMENT:
            add_account(HUB, "hub", "hub@phonehome.example", {}, "OrganizationAccountAccessRole")


original_ensure_org = organizations._ensure_org


@replaces(organizations, "_ensure_org")
def ensure_org(_original):
    if MANAGEMENT not in member_accounts():
        build_organization()


def add_account(account_id, name, email, tags, role_name):
    root = next(iter(organizations._roots))
    organizations._accounts[account_id] = {
        "Id": account_id,
        "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{account_id}",
        "Email": email,
        "Name": name,
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": int(time.time()),
        "Path": "/",
        "_ParentId": root,
    }
    full_access = organizations.FULL_ACCESS_POLICY_ID
    organizations._attachments[full_access] = [*organizations._attachments.get(full_access, []), account_id]
    if tags:
        organizations._tags[account_id] = tags
    create_access_role(account_id, role_name)


def create_access_role(account_id, role_name):
    """A created account has an administrator role that trusts the management account."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"},
            "Action": "sts:AssumeRole",
        }],
    }
    with request_scope(account_id, ORGANIZATION_REGION):
        if role_name in iam._roles:
            return
        iam._create_role({"RoleName": [role_name], "AssumeRolePolicyDocument": [json.dumps(trust)]})
        iam._attach_role_policy({
            "RoleName": [role_name],
            "PolicyArn": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        })


@replaces(organizations, "handle_request")
async def organizations_request(original, method, path, headers, body, query):
    """Every account sees the organization it is in; only some may ask about it."""
    operation = (headers.get("x-amz-target") or headers.get("X-Amz-Target") or "").rpartition(".")[2]
    account, region = get_account_id(), get_region()
    ensure_org()
    if account not in member_accounts():
        return error_response_json(
            "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.", 400
        )
    allowed = (
        account == MANAGEMENT
        or operation == "DescribeOrganization"
        or (account == HUB and operation.startswith(HUB_MAY_READ))
    )
    if not allowed:
        return error_response_json(
            "AccessDeniedException", "You don't have permissions to access this resource.", 400
        )
    with request_scope(MANAGEMENT, region):
        return await original(method, path, headers, body, query)


def cloudtrail_time(seconds):
    """The way these events write a time: May 15, 2023 8:26:54 AM."""
    at = datetime.fromtimestamp(seconds, timezone.utc)
    hour = at.hour % 12 or 12
    return f"{at:%b} {at.day}, {at.year} {hour}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"


def emit_create_account_result(status):
    """CreateAccountResult masks the account's name, and a failed one has no account id."""
    details = {"id": status["Id"], "state": status["State"], "accountName": "****"}
    if "AccountId" in status:
        details["accountId"] = status["AccountId"]
    details["requestedTimestamp"] = cloudtrail_time(status["RequestedTimestamp"])
    details["completedTimestamp"] = cloudtrail_time(status["CompletedTimestamp"])
    if "FailureReason" in status:
        details["failureReason"] = status["FailureReason"]
    emit_service_event("CreateAccountResult", {"createAccountStatus": details})


@replaces(account_service, "handle_request")
async def account_request(original, method, path, headers, body, query):
    """PutAccountName: the management account renames any account, another one itself. Names need not differ."""
    if path != "/putAccountName":
        return await original(method, path, headers, body, query)
    wanted = json.loads(body)
    caller = get_account_id()
    account_id = wanted.get("AccountId") or caller
    if account_id not in member_accounts() or caller not in (account_id, MANAGEMENT):
        return error_response_json("AccessDeniedException", "You do not have sufficient access.", 403)
    with request_scope(MANAGEMENT, ORGANIZATION_REGION):
        renamed = {**organizations._accounts[account_id], "Name": wanted["AccountName"]}
        organizations._accounts[account_id] = renamed
    return 200, {}, b""


def emit_service_event(name, details):
    """An event of Organizations itself, on the management account's default bus in us-east-1.

    It comes by way of a trail."""
    if not is_recorded(MANAGEMENT, ORGANIZATION_REGION):
        log.warning("%s raises no event: no trail of the management account records it", name)
        return
    detail = {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": MANAGEMENT, "invokedBy": "AWS Internal"},
        "eventTime": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "organizations.amazonaws.com",
        "eventName": name,
        "awsRegion": ORGANIZATION_REGION,
        "requestParameters": None,
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": MANAGEMENT,
        "serviceEventDetails": details,
        "eventCategory": "Management",
    }
    event = new_event(
        MANAGEMENT, ORGANIZATION_REGION, "aws.organizations", "AWS Service Event via CloudTrail", detail
    )
    receive(default_bus(MANAGEMENT, ORGANIZATION_REGION), event)


# Where these operations name the account that they are about.
ACCOUNT_NAMED_BY = {
    "DescribeAccount": "AccountId",
    "CloseAccount": "AccountId",
    "MoveAccount": "AccountId",
    "ListTagsForResource": "ResourceId",
    "TagResource": "ResourceId",
    "UntagResource": "ResourceId",
}


@replaces(iam_actions, "extract_resource_arn")
def extract_resource_arn(original, service, method, path, headers, body, query, region, account):
    """The resource of what is about an account is the account, so that a policy can be for some of them only."""
    operation = (headers.get("x-amz-target") or headers.get("X-Amz-Target") or "").rpartition(".")[2]
    if service == "organizations" and operation in ACCOUNT_NAMED_BY:
        named = str(json.loads(body or "{}").get(ACCOUNT_NAMED_BY[operation], ""))
        if named.isdigit():
            return f"arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{named}"
    return original(service, method, path, headers, body, query, region, account)
