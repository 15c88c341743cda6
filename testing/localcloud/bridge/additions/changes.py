"""GET /_phonehome/changes: how often the network of each account and Region has changed."""

import threading
import urllib.parse

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, lambda_svc

from . import records
from .replacing import replaces

FUNCTIONS = "/2015-03-31/functions"

_lock = threading.Lock()
_counts = {}


def count(places):
    """One more change of each of these accounts and Regions."""
    with _lock:
        for account, region in places:
            key = f"{account}/{region}"
            _counts[key] = _counts.get(key, 0) + 1


def counts():
    """By account and Region, `111122223333/us-east-1`. What never changed is not named."""
    with _lock:
        return dict(_counts)


@replaces(ec2, "handle_request")
async def ec2_request(original, method, path, headers, body, query):
    """Counted once it is done: whoever looks after that sees it."""
    action = ec2_action(body, query)
    if not records.changes(action):
        return await original(method, path, headers, body, query)
    is_of_two = "VpcPeeringConnection" in action
    # Afterwards nobody might know whose it was.
    places = ends_of_peerings() if is_of_two else set()
    answer = await original(method, path, headers, body, query)
    if answer[0] == 200:
        places |= ends_of_peerings() if is_of_two else set()
        count(places | {(get_account_id(), get_region())})
    return answer


def ec2_action(body, query):
    text = body if isinstance(body, str) else (body or b"").decode("utf-8", errors="replace")
    named = urllib.parse.parse_qs(text).get("Action") or query.get("Action") or [""]
    return named if isinstance(named, str) else named[0]


def ends_of_peerings():
    """Both sides of every peering that this account sees."""
    sides = (
        record.get(side) or {}
        for record in list(ec2._vpc_peering.values())
        for side in ("RequesterVpcInfo", "AccepterVpcInfo")
    )
    return {(side["OwnerId"], side["Region"]) for side in sides if side.get("OwnerId") and side.get("Region")}


@replaces(lambda_svc, "handle_request")
async def lambda_request(original, method, path, headers, *arguments):
    """Also functions are part of a network. An invocation changes nothing."""
    answer = await original(method, path, headers, *arguments)
    is_change = method in ("POST", "PUT", "PATCH", "DELETE") and FUNCTIONS in path and "/invocations" not in path
    if is_change and answer[0] < 300:
        count({(get_account_id(), get_region())})
    return answer
