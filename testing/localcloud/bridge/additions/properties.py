"""What accounts bear: units of one name in one place are one, alternate contacts, and AWS Support where there is a plan."""

import json

import ministack.app as gateway
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, json_response, new_uuid, request_scope
from ministack.services import account as account_service
from ministack.services import organizations

from .permissions import member_accounts, role_allows, role_arn_of_session
from .replacing import replaces
from .settings import MANAGEMENT, ORGANIZATION, ORGANIZATION_REGION
from .vending import wishes

CONTACT_TYPES = ("BILLING", "OPERATIONS", "SECURITY")
CONTACT_FIELDS = ("Name", "Title", "EmailAddress", "PhoneNumber")

contacts = {}
cases = []


def organizations_arn(identifier):
    """The ARN of a root or a unit."""
    kind = "root" if identifier.startswith("r-") else "ou"
    return f"arn:aws:organizations::{MANAGEMENT}:{kind}/{ORGANIZATION}/{identifier}"


def is_parent(identifier):
    return identifier in organizations._roots or identifier in organizations._ous


def create_unit(original):
    """A parent that is there has no two units of one name."""

    def call(payload):
        parent, name = payload.get("ParentId") or "", payload.get("Name")
        if not is_parent(parent):
            return error_response_json("ParentNotFoundException", f"There is no parent {parent}", 400)
        if any(unit["_ParentId"] == parent and unit["Name"] == name for unit in organizations._ous.values()):
            return error_response_json("DuplicateOrganizationalUnitException", f"There is a unit {name}", 400)
        return original(payload)

    return call


def move_account(original):
    """Whoever moves an account needs the right on it, on where it is and on where it comes."""

    def call(payload):
        caller = iam_evaluator.caller_arn()
        for parent in (payload.get("SourceParentId") or "", payload.get("DestinationParentId") or ""):
            arn = organizations_arn(parent)
            is_role = ":assumed-role/" in caller
            if is_role and not role_allows(role_arn_of_session(caller), "organizations:MoveAccount", arn):
                message = f"User: {caller} is not authorized to perform: organizations:MoveAccount on resource: {arn}"
                return error_response_json("AccessDeniedException", message, 400)
        return original(payload)

    return call


for operation, stricter in (("CreateOrganizationalUnit", create_unit), ("MoveAccount", move_account)):
    organizations._DISPATCH[operation] = stricter(organizations._DISPATCH[operation])


def contact_of(payload):
    """The key of an alternate contact, or why there is none."""
    caller, which = get_account_id(), payload.get("AlternateContactType")
    account = payload.get("AccountId") or caller
    if account not in member_accounts() or caller not in (account, MANAGEMENT):
        return None, error_response_json("AccessDeniedException", "You do not have sufficient access.", 403)
    if which not in CONTACT_TYPES:
        return None, error_response_json("ValidationException", f"no contact type {which}", 400)
    return (account, which), None


def get_contact(payload):
    key, refusal = contact_of(payload)
    if refusal:
        return refusal
    if key not in contacts:
        return error_response_json("ResourceNotFoundException", "There is no alternate contact of this type", 404)
    return json_response({"AlternateContact": {**contacts[key], "AlternateContactType": key[1]}})


def put_contact(payload):
    key, refusal = contact_of(payload)
    if refusal:
        return refusal
    if not all(payload.get(field) for field in CONTACT_FIELDS):
        return error_response_json("ValidationException", "a field of the contact is missing", 400)
    contacts[key] = {field: payload[field] for field in CONTACT_FIELDS}
    return 200, {}, b""


def delete_contact(payload):
    key, refusal = contact_of(payload)
    if refusal:
        return refusal
    if contacts.pop(key, None) is None:
        return error_response_json("ResourceNotFoundException", "There is no alternate contact of this type", 404)
    return 200, {}, b""


account_service._DISPATCH.update({
    "/getAlternateContact": get_contact, "/putAlternateContact": put_contact, "/deleteAlternateContact": delete_contact,
})


async def support(_method, _path, headers, body, _query):
    """AWS Support answers accounts whose plan has its API, which here is wished for."""
    operation = (headers.get("x-amz-target") or headers.get("X-Amz-Target") or "").rpartition(".")[2]
    if not wishes.support_api:
        message = "Amazon Web Services Premium Support Subscription is required to use this service."
        return error_response_json("SubscriptionRequiredException", message, 400)
    payload = json.loads(body or "{}")
    if operation == "CreateCase":
        case = {"caseId": f"case-{new_uuid()}", "subject": payload["subject"], "status": "opened"}
        cases.append(case)
        return json_response({"caseId": case["caseId"]})
    wanted = payload.get("caseIdList")
    return json_response({"cases": [case for case in cases if wanted is None or case["caseId"] in wanted]})


gateway.SERVICE_HANDLERS["support"] = support
iam_actions.SERVICE_TO_IAM_NAMESPACE["support"] = "support"
# By its routes AWS's model says which action a call is.
iam_actions._BOTOCORE_SERVICE_MAP["account"] = ["account"]


@replaces(iam_actions, "extract_resource_arn")
def extract_resource_arn(original, service, method, path, headers, body, query, region, account):
    """The resource of a contact is the account that it is of; of a unit that is made, its parent."""
    operation = (headers.get("x-amz-target") or headers.get("X-Amz-Target") or "").rpartition(".")[2]
    if service == "account":
        named = json.loads(body or "{}").get("AccountId")
        of_member = f"arn:aws:account::{MANAGEMENT}:account/{ORGANIZATION}/{named}"
        return of_member if named else f"arn:aws:account::{account}:account"
    if service == "organizations" and operation == "CreateOrganizationalUnit":
        with request_scope(MANAGEMENT, ORGANIZATION_REGION):
            return organizations_arn(str(json.loads(body or "{}").get("ParentId", "")))
    return original(service, method, path, headers, body, query, region, account)
