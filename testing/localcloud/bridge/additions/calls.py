"""CloudTrail: calls of EC2 that change something become events, whoever makes them.

They come at once, or while `be_late` says so later; on AWS it takes minutes. Of other services nothing is told:
nobody listens to it here."""

import threading
from datetime import datetime, timezone

import ministack.app as gateway
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, get_request_client_ip, new_uuid
from ministack.core.router import detect_service, extract_access_key_id
from ministack.services import iam, sts

from . import records
from .buses import default_bus, new_event, receive
from .replacing import in_background, replaces
from .trails import is_recorded

DETAIL_TYPE = "AWS API Call via CloudTrail"
# What a caller whom nobody knows is told. Of such calls CloudTrail knows no account to write them for.
UNKNOWN_CALLER = ("AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "RequestExpired")


@replaces(gateway, "_dispatch_service_request")
async def dispatch_service_request(original, method, path, headers, body, query, request_id):
    """Whatever a call was answered with, refusals too, is told when it would have changed something."""
    answer = await original(method, path, headers, body, query, request_id)
    asked = gateway._routing_params(method, path, headers, body, query)
    action = (asked.get("Action") or [""])[0]
    if not action or detect_service(method, path, headers, asked) != "ec2":
        return answer
    account, region = get_account_id(), get_region()
    if records.changes(action) and is_recorded(account, region):
        caller = identity(account, extract_access_key_id(headers, query))
        if caller:
            origin = (get_request_client_ip(), headers.get("user-agent", ""))
            in_background(tell, account, region, action, asked, answer, caller, origin)
    return answer


def tell(account, region, action, asked, answer, caller, origin):
    detail = record(account, region, action, asked, answer, caller, origin)
    if detail.get("errorCode", "").rpartition(".")[2] in UNKNOWN_CALLER:
        return
    with _lock:
        if _late:
            _waiting.append((account, region, detail))
            return
    deliver(account, region, detail)


_lock = threading.Lock()
_late = False
_waiting = []


def be_late(late):
    """Whether what is told waits; once it no longer does, what has waited comes, in its order."""
    global _late, _waiting
    with _lock:
        _late, told, _waiting = late, [] if late else _waiting, _waiting if late else []
    for account, region, detail in told:
        deliver(account, region, detail)


def deliver(account, region, detail):
    receive(default_bus(account, region), new_event(account, region, "aws.ec2", DETAIL_TYPE, detail))


def record(account, region, action, asked, answer, caller, origin):
    """CloudTrail's record of a call: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/
    cloudtrail-event-reference-record-contents.html"""
    status, _, body = answer
    address, agent = origin
    outcome = {"responseElements": None}
    if status < 400:
        outcome = {"responseElements": records.response_elements(action, body)}
        request = records.request_id(outcome["responseElements"])
    else:
        code, message = records.error(body)
        side = "Client" if status < 500 else "Server"
        outcome.update(errorCode=f"{side}.{code}", errorMessage=message)
        request = None
    return {
        "eventVersion": "1.11",
        "userIdentity": caller,
        "eventTime": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "ec2.amazonaws.com",
        "eventName": action,
        "awsRegion": region,
        "sourceIPAddress": address,
        "userAgent": agent,
        "requestParameters": records.request_parameters(action, asked),
        **outcome,
        "requestID": request or new_uuid(),
        "eventID": new_uuid(),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }


def identity(account, access_key):
    """Who calls, as CloudTrail names them; nobody where the access key is unknown."""
    caller = iam_evaluator.resolve_credential(access_key or "", account)
    if not isinstance(caller, iam_evaluator.ResolvedCredential):
        return None
    known = {
        "type": USER_TYPES.get(caller.principal_type, caller.principal_type),
        "principalId": caller.principal_id,
        "arn": caller.principal_arn,
        "accountId": caller.account_id,
        "accessKeyId": caller.access_key_id,
    }
    if caller.principal_type == "User":
        known["userName"] = caller.principal_name
    if caller.principal_type == "AssumedRole":
        known["sessionContext"] = session_context(caller)
    return known


USER_TYPES = {"User": "IAMUser"}


def session_context(caller):
    """The role that a session is of, and since when."""
    name = caller.principal_arn.split("/")[1]
    role = iam._roles.get_scoped(caller.account_id, None, name) or {}
    issued = (sts._sessions.get(caller.access_key_id) or {}).get("IssuedAt") or 0
    return {
        "sessionIssuer": {
            "type": "Role",
            "principalId": caller.principal_id.partition(":")[0],
            "arn": role.get("Arn") or f"arn:aws:iam::{caller.account_id}:role/{name}",
            "accountId": caller.account_id,
            "userName": name,
        },
        "attributes": {
            "creationDate": datetime.fromtimestamp(issued, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "mfaAuthenticated": "false",
        },
    }
