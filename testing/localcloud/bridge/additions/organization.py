"""Organizations: the organization, who may read it, new accounts and the events they raise."""

import json
import threading
import time
from datetime import datetime, timezone

from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
    request_scope,
)
from ministack.services import account as account_service
from ministack.services import iam, organizations

from .buses import default_bus, new_event, receive
from .permissions import member_accounts
from .replacing import in_background, log, replaces
from .settings import HUB, MANAGEMENT, ORGANIZATION, ORGANIZATION_REGION
from .trails import is_recorded

CREATE_ACCOUNT_SECONDS = 0.2
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


def create_account(payload):
    """CreateAccount answers IN_PROGRESS; the account appears, or the request fails, a little later."""
    name, email = payload.get("AccountName"), payload.get("Email")
    if not name or not email:
        return error_response_json("InvalidInputException", "Email and AccountName are required", 400)
    status = {
        "Id": f"car-{new_uuid().replace('-', '')}",
        "AccountName": name,
        "State": "IN_PROGRESS",
        "RequestedTimestamp": int(time.time()),
    }
    organizations._create_statuses[status["Id"]] = status
    in_background(finish_create_account, status, payload)
    return json_response({"CreateAccountStatus": dict(status)})


account_creation = threading.Lock()


def finish_create_account(status, payload):
    time.sleep(CREATE_ACCOUNT_SECONDS)
    with account_creation, request_scope(MANAGEMENT, ORGANIZATION_REGION):
        emails = {account["Email"].lower() for account in organizations._accounts.values()}
        if payload["Email"].lower() in emails:
            outcome = {"State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
        else:
            account_id = str(new_uuid_number())
            tags = {tag["Key"]: tag.get("Value", "") for tag in payload.get("Tags") or []}
            role_name = payload.get("RoleName") or "OrganizationAccountAccessRole"
            add_account(account_id, payload["AccountName"], payload["Email"], tags, role_name)
            outcome = {"State": "SUCCEEDED", "AccountId": account_id}
        status = {**status, **outcome, "CompletedTimestamp": int(time.time())}
        organizations._create_statuses[status["Id"]] = status
    emit_create_account_result(status)


def new_uuid_number():
    """Twelve digits that are no account's id yet."""
    while True:
        number = 10**11 + int(new_uuid().replace("-", ""), 16) % (9 * 10**11)
        if str(number) not in member_accounts():
            return number


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


organizations._DISPATCH["CreateAccount"] = create_account


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
