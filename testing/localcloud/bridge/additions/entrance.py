"""POST /_phonehome/events: where events of AWS services enter. GET /_phonehome/changes: what has changed.
POST /_phonehome/vending: what goes wrong with accounts that are made ({"email", "fail": "INTERNAL_FAILURE"},
{"email", "lose": true}: the answer is lost, {"email", "foreign": true}: an account elsewhere has it, {"email", "closed": true}:
one that was just closed, {"accounts_max": 9}), how long they take ({"seconds": 3, "every_seconds": 10}), and whether AWS
Support answers ({"support_api": true}).
POST /_phonehome/cloudtrail with {"late": true}: what it tells of calls waits, until {"late": false}.
POST /_phonehome/issuers with {"issuer", "address"}: where on this machine an issuer of tokens is.
POST /_phonehome/days with {"account", "days"}: an account's access keys become so many days older."""

import json
import re
from datetime import datetime

import ministack.app as gateway
from ministack.core.responses import get_request_client_ip, json_response

from . import access_keys
from .buses import default_bus, new_event, receive
from .calls import be_late
from .changes import counts
from .replacing import replaces
from .trails import comes_from_a_trail, is_recorded
from .vending import wishes
from .web_identity import issuers


@replaces(gateway, "_handle_post_body_shortcuts")
async def phonehome_request(original, method, path, headers, body, query, request_id):
    """AWS services put `aws.*` events on an account's default bus; callers of PutEvents may not."""
    if path == "/_phonehome/changes" and method == "GET":
        return json_response(counts())
    entrances = {
        "events": entered, "cloudtrail": lateness, "vending": wished, "issuers": introduced, "days": aged,
    }
    entrance = entrances.get(path.removeprefix("/_phonehome/")) if path.startswith("/_phonehome/") else None
    if entrance is None:
        return await original(method, path, headers, body, query, request_id)
    if method != "POST" or not get_request_client_ip().startswith("127."):
        return 405, {}, b""
    return entrance(body)


def introduced(body):
    try:
        wanted = json.loads(body)
        issuer, address = wanted["issuer"], wanted["address"]
        if not re.fullmatch(r"http://127\.0\.0\.1:\d+", address):
            raise ValueError("an issuer is at http://127.0.0.1:PORT")
    except (KeyError, TypeError, ValueError) as problem:
        return refusal(400, repr(problem))
    issuers[issuer] = address
    return json_response({})


def wished(body):
    try:
        wishes.take(json.loads(body))
    except (AttributeError, TypeError, ValueError) as problem:
        return refusal(400, repr(problem))
    return json_response({})


def lateness(body):
    try:
        late = json.loads(body)["late"]
    except (KeyError, TypeError, ValueError) as problem:
        return refusal(400, repr(problem))
    be_late(bool(late))
    return json_response({})


def aged(body):
    try:
        wanted = json.loads(body)
        access_keys.age(wanted["account"], float(wanted["days"]))
    except (KeyError, TypeError, ValueError) as problem:
        return refusal(400, repr(problem))
    return json_response({})


def entered(body):
    try:
        wanted = json.loads(body)
        account, region = wanted["account"], wanted["region"]
        event = service_event(account, region, wanted["event"])
    except (KeyError, TypeError, ValueError) as problem:
        return refusal(400, repr(problem))
    if comes_from_a_trail(event["DetailType"]) and not is_recorded(account, region):
        return refusal(409, f"no trail logs management events of account {account} in {region}")
    receive(default_bus(account, region), event)
    return json_response({"EventId": event["EventId"]})


def refusal(status, problem):
    return status, {"Content-Type": "application/json"}, json.dumps({"error": problem}).encode()


def service_event(account, region, event):
    if not re.fullmatch(r"\d{12}", account):
        raise ValueError("account must be twelve digits")
    at = event.get("time")
    at = at and datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
    made = new_event(
        account, region, event["source"], event["detail-type"], event["detail"], event.get("resources", []), at
    )
    made["EventId"] = event.get("id") or made["EventId"]
    return made
